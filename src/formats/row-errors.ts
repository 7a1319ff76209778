import { MAX_ERRORS, MAX_RAW_BYTES } from './limits.js';
import type { RowErrorCode } from './row-error-codes.js';
import type { FieldError, Rejection, ValueFormat } from './row-reader.js';

/** What can be wrong with a row as a whole, in the words that all formats share. */

export function tooLarge(bytes: number, format: ValueFormat = 'raw'): FieldError {
  const size = format === 'json' ? `${bytes} bytes as JSON` : `${bytes} bytes`;
  return rowError('ROW_TOO_LARGE', `the row's ${size} do not fit into a record of 1,000,000 bytes`);
}

export function invalidEncoding(): FieldError {
  return rowError(
    'INVALID_ENCODING',
    "the row is not valid text in the file's encoding; set `encoding` if it is another",
  );
}

export function rowError(error: RowErrorCode, message: string): FieldError {
  return { column: null, type: null, error, observed: null, message };
}

/** Where a row stands. */
interface RowPlace {
  rowNumber: number;
  line: number | null;
  byteOffset: number | null;
}

/** The rejection of the row `bytes[start, stop)`, cut to what one may carry. */
export function rejectionOf(
  { rowNumber, line, byteOffset }: RowPlace,
  errors: FieldError[],
  bytes: Uint8Array,
  start: number,
  stop: number,
): Rejection {
  const rawStop = Math.min(stop, start + MAX_RAW_BYTES);
  return {
    rowNumber,
    line,
    byteOffset,
    errors: errors.length > MAX_ERRORS ? errors.slice(0, MAX_ERRORS) : errors,
    errorsTruncated: errors.length > MAX_ERRORS,
    raw: bytes.subarray(start, rawStop),
    rawTruncated: rawStop < stop,
  };
}
