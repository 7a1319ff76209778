import type { OnConflict } from '../ingest/index.js';
import type { Column } from '../models/schema/index.js';

/** What a sink has to know of a job. Plain JSON: it goes to the process that loads it. */
export interface SinkJob {
  jobId: string;
  modelId: string;
  modelVersion: number;
  /** The model's. */
  columns: readonly Column[];
  filename: string;
  topics: { data: string; dlq: string };
  /** The generation: raised whenever the job's rows were taken out. Rows of different loads are never mixed. */
  load: number;
  onConflict: OnConflict;
  /** Rows that the sink may reject, those of earlier blocks counted (max_sink_errors): beyond it, SINK_TOO_MANY_ERRORS. */
  maxErrors: number;
}

/** What is stored about a job in the sink itself, where the sink has a table of jobs. */
export interface JobSummary {
  state: string;
  rows: number;
  ok: number;
  errors: number;
  /** ISO 8601 in UTC. */
  createdAt: string;
  finishedAt: string | null;
}
