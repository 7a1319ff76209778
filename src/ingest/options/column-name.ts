import { MAX_COLUMN_NAME_BYTES } from '../../models/schema/index.js';
import { invalidOption } from './invalid-option.js';

/** Throws INVALID_OPTION if an option names a column that cannot be one. */
export function checkColumnName(option: string, name: string): void {
  if (name === '') throw invalidOption(option, 'a column name must not be empty');
  if (Buffer.byteLength(name) > MAX_COLUMN_NAME_BYTES) {
    throw invalidOption(option, `a name is longer than ${MAX_COLUMN_NAME_BYTES} bytes`);
  }
}
