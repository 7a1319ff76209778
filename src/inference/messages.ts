import type { ErrorCode } from '../errors/index.js';
import type { CsvDialect } from '../formats/csv/dialect.js';
import type { FileReading } from '../runner/index.js';
import type { Findings } from './inferred-schema.js';

/** A file to look at, and how. */
export interface InferenceTask extends Pick<FileReading, 'wrapping' | 'sizeBytes'> {
  path: string;
  format: Findings['format'];
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
export interface InferenceOrder {
  task: InferenceTask;
  /** Of the memory of Parquet's decoder. */
  decoderBytes: number;
}

/** What became of it. `crashed`: by no fault of the file's; where it happened, without a word that came from the file. */
export type InferenceReply =
  | { kind: 'inferred'; inferred: Findings }
  | { kind: 'refused'; code: ErrorCode; detail: string }
  | { kind: 'crashed'; name: string; frames: string };
