import type { FieldError } from '../../row-reader.js';
import type { RowErrors } from '../../validation/row-problems.js';
import { fieldError, nullError, type ValueCheck } from '../../validation/value-check.js';
import type { Flaw, ValueReader } from '../columns/value-reader.js';
import type { Conversion } from '../compatibility.js';

/** What becomes of the values in one place of a row: a column's, or those of a member or of the items inside one. */
export interface ValueConversion {
  reader: ValueReader;
  /** As errors name it; null if the model says nothing. */
  type: string | null;
  nullable: boolean;
  /** Whether a value that is not null is fine; null: all are, but for those with a flaw, which RowFlags tell. */
  accepts: ((row: number) => boolean) | null;
  /** Tells what is wrong with a value that is not null, if anything is. `path`: where in the row it stands. */
  explain(row: number, path: string, problems: RowErrors): void;
}

/** Values without parts of which the model says something. */
export function scalarConversion({ reader, accepts }: Conversion, check: ValueCheck, type: string): ValueConversion {
  return {
    reader,
    type,
    nullable: check.nullable,
    accepts,
    explain: (row, path, problems) => {
      const flaw = reader.flaw(row);
      if (flaw !== null) problems.add(flawError(path, type, reader.text(row), flaw));
      else if (accepts?.(row) === false) problems.add(...check.errorsOf(reader.text(row), path));
    },
  };
}

/** Values without parts of which it says nothing. */
export function unknownConversion(reader: ValueReader, nullable = true): ValueConversion {
  return {
    reader,
    type: null,
    nullable,
    accepts: null,
    explain: (row, path, problems) => {
      const flaw = reader.flaw(row);
      if (flaw !== null) problems.add(flawError(path, null, reader.text(row), flaw));
    },
  };
}

/** Whether the value is fine, null or not. */
export function takes({ reader, nullable, accepts }: ValueConversion, row: number): boolean {
  if (reader.isNull(row)) return nullable;
  return accepts === null || accepts(row);
}

export function takesAll({ nullable, accepts }: ValueConversion): boolean {
  return nullable && accepts === null;
}

/** Tells what is wrong with the value, null or not, if anything is. */
export function explain(conversion: ValueConversion, row: number, path: string, problems: RowErrors): void {
  if (problems.isFull) return;
  if (!conversion.reader.isNull(row)) conversion.explain(row, path, problems);
  else if (!conversion.nullable) problems.add(nullError(path, conversion.type ?? 'value', 'null'));
}

function flawError(path: string, type: string | null, text: string, { code, problem }: Flaw): FieldError {
  return fieldError(path, type, code, text, problem);
}
