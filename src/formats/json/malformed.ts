import { rowError } from '../row-errors.js';
import type { FieldError } from '../row-reader.js';
import { SLASH } from './bytes.js';

/** The error of a byte that stands where JSON has another: a slash is taken for the beginning of a comment. */
export function malformed(byte: number | undefined, problem: string): FieldError {
  return rowError('MALFORMED_JSON', byte === SLASH ? `JSON has no comments: ${problem}` : problem);
}
