import { type Position } from '../ingest/index.js';
import type { BinaryRowOutput } from './binary-rows.js';
import type { RowErrorCode } from './row-error-codes.js';

export type { Position };

/** What an accepted row becomes: the bytes it has in the file, or a JSON object. */
export type ValueFormat = 'raw' | 'json';

/** What the model calls a column of the file, by the file's name for it; the others keep their names. */
export type Renames = Readonly<Record<string, string>>;

export interface FieldError {
  /** null if the row's structure is at fault. */
  column: string | null;
  /** The column's type as the model spells it, null likewise. */
  type: string | null;
  error: RowErrorCode;
  /** At most 256 characters; null if there is no single value. */
  observed: string | null;
  /** At most 512 characters. */
  message: string;
}

export interface Rejection {
  /** From 1. */
  rowNumber: number;
  /** From 1, the header is line 1; null if the format has no lines. */
  line: number | null;
  /** Offset of the row's first byte; null if the format has none. */
  byteOffset: number | null;
  /** At least one, at most 100. */
  errors: FieldError[];
  errorsTruncated: boolean;
  /** The row's own bytes without its line end, at most 64 KiB; valid only during the call. */
  raw: Uint8Array;
  rawTruncated: boolean;
}

/** Where a row is. */
export type RowNumber = Pick<Rejection, 'rowNumber' | 'line'>;

/** Takes a reader's decisions, in the file's order. Both calls copy what they keep: the bytes are the reader's own. */
export interface RowConsumer {
  /** The record value is `bytes[start, end)`. */
  accept(bytes: Uint8Array, start: number, end: number): void;
  reject(rejection: Rejection): void;
  /** false: take nothing more for now. A reader that heeds it stops at the row and returns true from `advance`. */
  readonly hasRoom?: boolean;
  /** true: the JSON of a row goes to no topic, and may be larger than a record. */
  readonly takesAnySize?: boolean;
  /** Where accepted rows may be written in place of `accept`, by a reader that can write into these batches. */
  readonly batches?: RecordBatchOutput;
  /** Where accepted rows go in binary, by a reader that was made for it. */
  readonly binary?: BinaryRowOutput;
  /** The same for rejected rows, in place of `reject`. */
  readonly rejections?: RejectionBatchOutput;
}

/** The record batches that accepted rows go to, one open at a time. */
export interface RecordBatchOutput {
  /** The open batch, until `close` the same one; null if there is no room (see `RowConsumer.hasRoom`). */
  open(): OpenRecordBatch | null;
  /** The next row does not fit into the open batch. */
  close(): void;
}

/** The record batches that rejections go to, as `encodeRejectedRow` writes them. */
export interface RejectionBatchOutput extends RecordBatchOutput {
  /** For the rejections that are written next; the same object as long as it has not changed. */
  readonly frame: RejectedRowFrame;
  /**
   * Counts `rows` rejections that were written, whose first error is this one. `first` finds the first of them, if they are
   * STRAY_QUOTE, at most `most` of them.
   */
  written(code: RowErrorCode, rows: number, first: (most: number) => RowNumber[]): void;
}

/** Pieces of JSON before the row's number, line, offset, first error and errors, before its raw data and behind them. */
export type RejectedRowFrame = readonly string[];

/** A record batch (KIP-98) that is being filled. */
export interface OpenRecordBatch {
  readonly buffer: Buffer;
  /** Behind the last record, from the beginning of the buffer. */
  readonly size: number;
  readonly count: number;
  /** Records were written behind the last one. */
  extend(size: number, count: number): void;
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
  advance(consumer: RowConsumer): boolean;
  /** Always at a row boundary. */
  readonly position: Position;
  /** The way round `push`, of a reader that has one. */
  readonly directInput?: DirectInput;
}

/** Takes the next bytes where they are read, without a copy. */
export interface DirectInput {
  /** Where the next bytes may be read to, while the reader works on others; another place after each `filled`. */
  readonly space: Buffer;
  /** Takes the first `bytes` bytes of `space`; called like `push`. */
  commit(bytes: number): void;
}
