import type { FieldError } from '../row-reader.js';
import { prefix } from '../text.js';

/** What is wrong with arrays and objects, in the words that all formats share. `name`: where the value stands. */

/** Limit of a name inside a message, in characters. */
const MAX_NAME_LENGTH = 128;

/** An array of too few or too many items. */
export function wrongCountError(name: string, type: string, count: number, min: number, max: number): FieldError {
  const isShort = count < min;
  const limit = isShort ? `fewer than ${min}` : `more than ${max}`;
  return {
    column: name,
    type,
    error: isShort ? 'TOO_SHORT' : 'TOO_LONG',
    observed: null,
    message: `column '${prefix(name, MAX_NAME_LENGTH)}' has ${count === 1 ? '1 item' : `${count} items`}, ${limit}`,
  };
}

/** A member that the model does not name, of an object that may have no others. */
export function unexpectedError(name: string): FieldError {
  const message = `the model has no column '${prefix(name, MAX_NAME_LENGTH)}' and allows no additional columns`;
  return { column: name, type: null, error: 'UNEXPECTED_COLUMN', observed: null, message };
}

export function duplicateError(name: string, type: string | null): FieldError {
  const message = `'${prefix(name, MAX_NAME_LENGTH)}' appears twice`;
  return { column: name, type, error: 'DUPLICATE_KEY', observed: null, message };
}
