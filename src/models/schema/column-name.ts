import { invalidSchema } from './invalid-schema.js';

/** Columns a model or a file may have. */
export const MAX_COLUMNS = 10_000;
/** Size limit of a column's name in bytes of UTF-8. */
export const MAX_COLUMN_NAME_BYTES = 256;

/** Why a model can have no column of this name, in words; null: it can. */
export function columnNameProblem(name: string): string | null {
  if (name === '') return 'a column has no name';
  // No request takes it: copied carelessly it changes what all objects have.
  if (name === '__proto__') return 'a column is named __proto__';
  if (/\p{Surrogate}/u.test(name)) return 'a column name is not valid Unicode';
  return Buffer.byteLength(name) > MAX_COLUMN_NAME_BYTES
    ? `a column name is longer than ${MAX_COLUMN_NAME_BYTES} bytes`
    : null;
}

/** Throws INVALID_SCHEMA if a name could never match a header. */
export function checkColumnName(name: string, pointer: string): void {
  const problem = columnNameProblem(name);
  if (problem !== null) throw invalidSchema(pointer, problem);
}

export function checkColumnCount(count: number, pointer: string): void {
  if (count > MAX_COLUMNS) throw invalidSchema(pointer, `${count} columns are more than ${MAX_COLUMNS}`);
}
