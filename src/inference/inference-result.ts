import type { TextEncoding } from '../decoding/index.js';
import type { CsvDialect, FileReading, NullValues } from '../ingest/index.js';
import type { RowSchema } from './row-schema.js';

/** A model proposed from the beginning of a file: the answer of POST /models/infer (openapi: InferredSchema), but for the dialects' spelling. */
export interface InferenceResult {
  /**
   * A schema that POST /models accepts: flat if no column is nested, otherwise JSON Schema. It accepts every sampled
   * row, with these null_values.
   */
  schema: Record<string, string> | RowSchema;
  format: FileReading['format'];
  /** How the text is written; null for Parquet. */
  encoding: TextEncoding | null;
  /** How CSV is written: as was said, the rest as it was found. null for other formats. */
  dialect: CsvDialect | null;
  /** How the dialect was found; null for other formats. */
  detection: DialectDetection | null;
  /** What a job has to be told for the schema to fit: what the request named, and what the columns made necessary. */
  null_values: NullValues;
  rows_sampled: number;
  /** Rows that are broken whatever the model says, which no column was judged by. */
  rows_rejected: number;
  /** The file has more rows than were sampled. */
  truncated: boolean;
  columns: InferredColumn[];
  /** Columns that a model cannot have: a job keeps them as columns that its model does not know. */
  skipped_columns: SkippedColumn[];
}

/** What speaks for a dialect. */
export interface DialectDetection {
  /** How much better it explains the beginning of the file than the runner-up does: from 0 to 1. */
  confidence: number;
  runner_up: CsvDialect | null;
  /** For people. */
  reasons: string[];
}

export interface SkippedColumn {
  name: string;
  /** Why, for people. */
  reason: string;
}

export interface InferredColumn {
  name: string;
  /** The canonical spelling without Nullable. */
  type: string;
  nullable: boolean;
  /** Why this type, for people. */
  reason: string;
  evidence: ColumnStats;
}

/** What the sampled rows have in one column. */
export interface ColumnStats {
  rows: number;
  nulls: number;
  /** Number of different values; if `distinct_capped`, there are more. */
  distinct: number;
  distinct_capped: boolean;
  /** The smallest and the largest value: numbers by value, dates and times by text; null for other types. */
  min: string | null;
  max: string | null;
  /** Lengths of the shortest and the longest String in characters; null for other types. */
  min_length: number | null;
  max_length: number | null;
  /** At most 5, of at most 80 characters each. */
  examples: string[];
  /** The types that would say more, and why the column cannot have them. */
  rejected: RejectedType[];
}

export interface RejectedType {
  type: string;
  reason: string;
  /** A value that speaks against it, at most 80 characters, and its row from 1; null if there is no single one. */
  example: string | null;
  row: number | null;
}
