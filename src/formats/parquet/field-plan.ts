import { BatchError } from '../../errors/index.js';
import type { Column } from '../../models/schema/index.js';
import { headerProblems, listOf, renameColumns } from '../csv/column-plan.js';
import type { Renames } from '../row-reader.js';
import { ValueCheck } from '../values/value-check.js';
import { convert, readerOf } from './compatibility.js';
import { type FileField, spellFileType } from './file-type.js';
import { memberKey } from './values/nested.js';
import type { RowNotes, ValueReader } from './values/value-reader.js';

/** What becomes of one column of the file. */
export interface FieldPlan {
  /** As `renames` has it. */
  name: string;
  /** What stands before the value in the row's JSON. */
  key: Buffer;
  reader: ValueReader;
  /** null where the model does not know the column. */
  check: ValueCheck | null;
  /** Whether a value that is not null is one of the model's; null: all are. */
  accepts: ((row: number) => boolean) | null;
}

interface Model {
  columns: readonly Column[];
  additionalColumns: boolean;
  renames?: Renames | undefined;
}

/**
 * Finds the model's columns among the file's, by name, byte for byte, and a conversion for each. Throws BatchError
 * HEADER_MISMATCH that names all that is missing, unexpected, or of a type that is not convertible.
 */
export function planFields(fields: readonly FileField[], model: Model, notes: RowNotes): FieldPlan[] {
  const names = renameColumns(
    fields.map(({ name }) => name),
    model.renames,
  );
  const problems = headerProblems(names, model.columns, model.additionalColumns);
  const known = new Map(model.columns.map((column) => [column.name, column]));
  const mismatches: string[] = [];
  const unsupported: string[] = [];
  const plans: FieldPlan[] = [];
  for (const [index, { type }] of fields.entries()) {
    const name = names[index] as string;
    const reader = readerOf(type, notes);
    const column = known.get(name);
    const check = column === undefined ? null : new ValueCheck(column);
    if (typeof reader === 'string') {
      unsupported.push(`${JSON.stringify(name)} (${reader})`);
      continue;
    }
    const conversion = check === null ? { reader, accepts: null } : convert(type, check, notes);
    if (conversion === null) {
      mismatches.push(`${JSON.stringify(name)} is ${spellFileType(type)}, not ${column?.type}`);
    } else plans.push({ name, key: memberKey(name, index), check, ...conversion });
  }
  if (mismatches.length > 0) problems.push(`columns of another type: ${listOf(mismatches)}`);
  if (unsupported.length > 0) problems.push(`columns of a type that is not supported: ${listOf(unsupported)}`);
  if (problems.length > 0) throw new BatchError('HEADER_MISMATCH', problems.join('; '));
  return plans;
}
