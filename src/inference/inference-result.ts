import { type FileReading } from '../ingest/index.js';
import type { RowSchema } from './row-schema.js';

/** A model proposed from the beginning of a file: the answer of POST /models/infer (openapi: InferredSchema), but for the dialect. */
export interface InferenceResult {
  /**
   * What POST /models takes: flat where no column has parts, else in JSON Schema. It accepts every row that was looked
   * at, with these null_values.
   */
  schema: Record<string, string> | RowSchema;
  format: FileReading['format'];
  /** What a job has to be told for the schema to fit: what the request named, and what the columns made necessary. */
  null_values: string[];
  rows_sampled: number;
  /** Rows that are broken whatever the model says, which no column was judged by. */
  rows_rejected: number;
  /** The file goes on behind the rows that were looked at. */
  truncated: boolean;
  columns: InferredColumn[];
  /** Columns that a model cannot have: a job keeps them as columns that its model does not know. */
  skipped_columns: SkippedColumn[];
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
  /** Different values; where `distinct_capped`, there are more. */
  distinct: number;
  distinct_capped: boolean;
  /** Of numbers, by their value, and of dates and times, by their text; null for other types. */
  min: string | null;
  max: string | null;
  /** Of a String, in characters; null for other types. */
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
  /** A value that speaks against it, at most 80 characters, and its row from 1; null where it is no single one. */
  example: string | null;
  row: number | null;
}
