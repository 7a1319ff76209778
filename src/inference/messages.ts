import type { ErrorCode } from '../errors/index.js';
import type { CsvDialect } from '../formats/csv/dialect.js';
import type { FileReading } from '../runner/index.js';
import type { Findings } from './inferred-schema.js';

/** A file to look at, and how. */
export interface InferenceTask extends Pick<FileReading, 'wrapping' | 'sizeBytes'> {
  path: string;
  format: Findings['format'];
  dialect: CsvDialect;
  /** Spellings of null beside the empty field. */
  nullValues: string[];
  /** At most so many rows are looked at. */
  sampleRows: number;
  /** The file is the beginning of a larger one: its last row may not be whole. */
  partial: boolean;
}

/** What became of it. `crashed`: by no fault of the file's; where it happened, without a word that came from the file. */
export type InferenceReply =
  | { kind: 'inferred'; inferred: Findings }
  | { kind: 'refused'; code: ErrorCode; detail: string }
  | { kind: 'crashed'; name: string; frames: string };
