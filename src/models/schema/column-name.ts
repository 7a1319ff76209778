import { invalidSchema } from './invalid-schema.js';

/** Columns a model or a file may have. */
export const MAX_COLUMNS = 10_000;
/** Of a column's name, in bytes of UTF-8. */
export const MAX_COLUMN_NAME_BYTES = 256;

/** Throws INVALID_SCHEMA where a name could never match a header. */
export function checkColumnName(name: string, pointer: string): void {
  if (name === '') throw invalidSchema(pointer, 'a column has no name');
  if (/\p{Surrogate}/u.test(name)) throw invalidSchema(pointer, 'a column name is not valid Unicode');
  if (Buffer.byteLength(name) > MAX_COLUMN_NAME_BYTES) {
    throw invalidSchema(pointer, `a column name is longer than ${MAX_COLUMN_NAME_BYTES} bytes`);
  }
}

export function checkColumnCount(count: number, pointer: string): void {
  if (count > MAX_COLUMNS) throw invalidSchema(pointer, `${count} columns are more than ${MAX_COLUMNS}`);
}
