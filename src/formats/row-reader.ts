/** Where a reader stands: everything before it is decided. A checkpoint stores it, a resumed reader starts from it. */
export interface Position {
  /** Rows decided so far (accepted and rejected); the header is not a row. */
  row: number;
  /** Physical lines consumed so far, the header's included. */
  line: number;
  /** Offset in bytes of the first undecided byte of the file. */
  byte: number;
}

export interface FieldError {
  /** null where the row's structure is at fault. */
  column: string | null;
  /** The column's type as the model spells it, null likewise. */
  type: string | null;
  error: RowErrorCode;
  /** At most 256 characters; null where there is no single value. */
  observed: string | null;
  /** At most 512 characters. */
  message: string;
}

export type RowErrorCode =
  | 'NULL_VALUE'
  | 'NOT_AN_INTEGER'
  | 'OUT_OF_RANGE'
  | 'NOT_A_NUMBER'
  | 'NOT_A_BOOLEAN'
  | 'INVALID_DATE'
  | 'INVALID_DATETIME'
  | 'INVALID_UUID'
  | 'NOT_IN_ENUM'
  | 'TOO_SHORT'
  | 'TOO_LONG'
  | 'PATTERN_MISMATCH'
  | 'NOT_AN_EMAIL'
  | 'RAGGED_ROW'
  | 'STRAY_QUOTE'
  | 'UNTERMINATED_QUOTE'
  | 'INVALID_ENCODING'
  | 'ROW_TOO_LARGE';

export interface Rejection {
  /** From 1. */
  rowNumber: number;
  /** From 1, the header is line 1; null where the format has no lines. */
  line: number | null;
  /** Of the row's first byte; null where the format has none. */
  byteOffset: number | null;
  /** At least one, at most 100. */
  errors: FieldError[];
  errorsTruncated: boolean;
  /** The row's own bytes without its line end, at most 64 KiB; valid only during the call. */
  raw: Uint8Array;
  rawTruncated: boolean;
}

/** Takes a reader's decisions, in the file's order. Both calls copy what they keep: the bytes are the reader's own. */
export interface RowSink {
  /** The record value is `bytes[start, end)`. */
  accept(bytes: Uint8Array, start: number, end: number): void;
  reject(rejection: Rejection): void;
}

/**
 * Turns a file's bytes into decisions about rows. Pure: the same bytes, options and model give the same decisions,
 * however the bytes are cut into chunks. Call `push`, then `advance` until it returns false, then `push` again;
 * after the last chunk `end`, then `advance` until it returns false.
 */
export interface RowReader {
  /** The next bytes of the file. The reader copies what it needs; only after `advance` returned false. */
  push(chunk: Uint8Array): void;
  /** No more bytes will come. */
  end(): void;
  /** Decides a bounded number of rows (at most about 64 KiB of input or 1000 rows); false: it needs `push` or is done. */
  advance(sink: RowSink): boolean;
  /** Always at a row boundary. */
  readonly position: Position;
}
