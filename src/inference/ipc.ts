import type { ErrorCode } from '../errors/index.js';
import { type CsvDialect, type FileReading } from '../ingest/index.js';
import type { InferenceResult } from './inference-result.js';

/** A file to look at, and how. */
export interface InferenceTask extends Pick<FileReading, 'sourceEncoding' | 'sizeBytes'> {
  path: string;
  format: InferenceResult['format'];
  /** Of CSV; of no meaning for other formats. */
  dialect: CsvDialect;
  /** Spellings of null beside the empty field, of CSV. */
  nullValues: string[];
  /** At most so many rows are looked at. */
  sampleRows: number;
  /** The file is the beginning of a larger one: its last row may not be whole. */
  partial: boolean;
}

/** What the process is told: the file, and what it may take. */
export interface InferenceRequest {
  task: InferenceTask;
  /** Of the memory of Parquet's decoder. */
  decoderBytes: number;
}

/** What became of it. `crashed`: by no fault of the file's; where it happened, without a word that came from the file. */
export type InferenceReply =
  | { kind: 'inferred'; inferred: InferenceResult }
  | { kind: 'refused'; code: ErrorCode; detail: string }
  | { kind: 'crashed'; name: string; frames: string };
