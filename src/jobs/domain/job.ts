import type { FileCompression, TextEncoding } from '../../decoding/index.js';
import type { ErrorCode } from '../../errors/index.js';
import type { FileFormat, ShownDialect, ShownOptions, WarningCode } from '../../ingest/index.js';
import type { JobSink } from './job-sink.js';

export type JobState = 'PENDING' | 'RUNNING' | 'CANCELLING' | 'SUCCESS' | 'PARTIAL_SUCCESS' | 'FAILED' | 'CANCELLED';

/** The Job as the API and the topic of the jobs show it (openapi: Job). Times are ISO 8601 in UTC. */
export interface Job extends JobSummary {
  /** The file's header in file order; null until it was read, and if the rows name their own columns. */
  file_columns: string[] | null;
  /** In the topic of the jobs only: what was left out because the topic does not take so large a record. */
  truncated?: ['file_columns', 'metadata'];
}

/** What may be wrong with the rows as a whole (openapi: JobWarning). */
export interface JobWarning {
  code: WarningCode;
  message: string;
  /** Number of the rows that it is about, and the first of them, from 1. */
  count: number;
  first_rows: number[];
}

/** The Job as lists show it: without what may be as wide as the file's header (openapi: JobSummary). */
export interface JobSummary {
  job_id: string;
  model_id: string;
  model_version: number;
  state: JobState;
  /** Grows by one at every stored change; the topic of the jobs carries events in this order. */
  revision: number;
  filename: string;
  format: FileFormat;
  /** How the file as a whole is compressed, by its first bytes. */
  file_compression: FileCompression;
  /** Encoding of the text; null if the format is not text. */
  encoding: TextEncoding | null;
  size_bytes: number;
  /** The file that is read where it lies; null: it was uploaded. */
  source: { uri: string; version: string; ranges: boolean } | null;
  /** The name of the API key that the job, or its feed, was created with; null: there was none. */
  owner: string | null;
  /** Why the job waits, if that is not for its turn. */
  waiting: { code: ErrorCode; message: string } | null;
  /** SHA-256 of the file as uploaded, in hex; null if the job is older than the hash. */
  sha256: string | null;
  metadata: Record<string, string>;
  /** null if the format has none. */
  dialect: ShownDialect | null;
  options: ShownOptions;
  /** Where its rows are loaded from the topics. */
  sinks: JobSink[];
  totals: { rows: number; ok: number; errors: number };
  /** What may be wrong with the rows as a whole: one for each code at most. */
  warnings: JobWarning[];
  progress: { bytes_done: number; bytes_total: number };
  timings: { waiting_ms: number; processing_ms: number };
  topics: { data: string; dlq: string };
  end_offsets: { data: number; dlq: number } | null;
  error: { code: ErrorCode; message: string; hint: string } | null;
  /** 1 + the number of resumes. */
  attempt: number;
  created_at: string;
  started_at: string | null;
  updated_at: string;
  finished_at: string | null;
}
