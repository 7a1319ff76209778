import type { ErrorCode } from '../errors/index.js';
import type { CsvDialect, FileReading, NullValues, QuotedEmpty, QuotedNulls } from '../ingest/index.js';
import type { FileLocation } from '../storage/index.js';
import type { InferenceResult } from './inference-result.js';

/** A file whose schema to infer, and how to read it. */
export interface InferenceTask extends Pick<FileReading, 'sourceEncoding' | 'sizeBytes'> {
  file: FileLocation;
  format: InferenceResult['format'];
  /** What is known of the dialect of CSV: the file says the rest. Unused for other formats. */
  dialect: Partial<CsvDialect>;
  /** Spellings of null beside the empty field, of CSV. */
  nullValues: NullValues;
  quotedNulls: QuotedNulls;
  quotedEmpty: QuotedEmpty;
  /** Maximum number of rows to sample. */
  sampleRows: number;
  /** The file is the beginning of a larger one: its last row may not be whole. */
  partial: boolean;
}

/** What the process receives: the file, and its memory limit. */
export interface InferenceRequest {
  task: InferenceTask;
  /** Limit of the Parquet decoder's memory. */
  decoderBytes: number;
}

/** What became of it. `crashed`: by no fault of the file's; where it happened, without a word that came from the file. */
export type InferenceReply =
  | { kind: 'inferred'; inferred: InferenceResult }
  | { kind: 'refused'; code: ErrorCode; detail: string }
  | { kind: 'crashed'; name: string; frames: string };
