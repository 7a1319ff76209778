import type { Column } from '../../models/schema/index.js';
import { MAX_ERRORS } from '../limits.js';
import type { FieldError } from '../row-reader.js';
import { ValueCheck } from '../values/value-check.js';
import { matchHeader } from './column-plan.js';
import type { FieldParser } from './fields.js';

/** A well-formed record in the splitter's bytes. */
export interface RecordRange {
  start: number;
  stop: number;
  byteOffset: number;
  lineNumber: number;
  /** It has a quote somewhere. */
  quoted: boolean;
}

interface RowCheckOptions {
  columns: readonly Column[];
  additionalColumns: boolean;
  header: { columns: readonly string[] };
  nullValues?: readonly string[] | undefined;
}

/** Checks the fields of one row against the model, in the file's order of columns. */
export class RowCheck {
  /** Parallel: the fields to check and how; columns that take any text are left out. */
  readonly #indexes: number[] = [];
  readonly #checks: ValueCheck[] = [];
  readonly #nullValues: ReadonlySet<string> | null;

  constructor(
    options: RowCheckOptions,
    private readonly fieldParser: FieldParser,
  ) {
    const nullValues = options.nullValues ?? [];
    this.#nullValues = nullValues.length > 0 ? new Set(nullValues) : null;
    for (const { index, column } of matchHeader(options.header.columns, options.columns, options.additionalColumns)) {
      const check = new ValueCheck(column);
      if (check.acceptsAnyText && (column.nullable || this.#nullValues === null)) continue;
      this.#indexes.push(index);
      this.#checks.push(check);
    }
  }

  /** The row's errors in the file's order of columns, the first 100 at least; null where there is none. */
  errorsOf(fields: readonly string[], bytes: Uint8Array, record: RecordRange): FieldError[] | null {
    let errors: FieldError[] | null = null;
    for (let i = 0; i < this.#checks.length; i++) {
      const index = this.#indexes[i] as number;
      const check = this.#checks[i] as ValueCheck;
      const text = fields[index] as string;
      const isNull = text === '' ? this.#isNull(check, bytes, record, index) : this.#nullValues?.has(text) === true;
      if (isNull ? check.nullable : check.constraints.length === 0 && check.test(text) === null) continue;
      const found = isNull ? [check.nullError(text)] : check.errorsOf(text);
      if (found.length === 0) continue;
      errors ??= [];
      errors.push(...found);
      // One more than is kept says that there are more.
      if (errors.length > MAX_ERRORS) break;
    }
    return errors;
  }

  /** Of an empty field. A required String takes it as a value; a quoted one is a value everywhere. */
  #isNull(check: ValueCheck, bytes: Uint8Array, record: RecordRange, index: number): boolean {
    if (check.isString && !check.nullable) return false;
    return !record.quoted || !this.fieldParser.isQuoted(bytes, record.start, record.stop, index);
  }
}
