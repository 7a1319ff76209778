import { rowError } from '../row-errors.js';
import type { FieldError } from '../row-reader.js';
import type { BreakCode } from './record-splitter.js';

/** What can be wrong with a row of CSV as a whole, in the readers' common words. */

export function ragged(expected: number, found: number | string): FieldError {
  return rowError('RAGGED_ROW', `expected ${expected} fields, found ${found}`);
}

export function broken(code: BreakCode): FieldError {
  return rowError(code, BREAK_MESSAGES[code]);
}

const BREAK_MESSAGES: Readonly<Record<BreakCode, string>> = {
  STRAY_QUOTE: 'a quote is neither at the beginning nor at the end of its field',
  UNTERMINATED_QUOTE: 'the quote that opens here is not closed within 1,000,000 bytes or before the end of the file',
  ROW_TOO_LARGE: 'the row is larger than 1,000,000 bytes',
};
