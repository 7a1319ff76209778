import type { ErrorCode } from '../../errors/index.js';
import type { ProcessingOptions, SinkName } from '../../ingest/index.js';

/** REMOVING, REMOVED: the job's rows are being, or were, taken out. */
export const SINK_STATES = ['PENDING', 'LOADING', 'LOADED', 'RETRYING', 'FAILED', 'REMOVING', 'REMOVED'] as const;
export type SinkState = (typeof SINK_STATES)[number];

/** How far the rows of a job are in one sink, as its row keeps it beside the job. */
export interface StoredSink {
  name: SinkName;
  state: SinkState;
  /** Accepted rows of the job that are in the sink, and those that it has rejected. */
  rows: number;
  rejected: number;
  /** The table that has the rows, as SQL names it; null: not known yet. */
  table: string | null;
  error: { code: ErrorCode; message: string } | null;
  /** ISO 8601 in UTC. */
  updatedAt: string;
}

/** The same as users see it (openapi: JobSink). */
export interface JobSink {
  name: SinkName;
  state: SinkState;
  rows: number;
  rejected: number;
  /** Accepted rows that are committed to the topic and not decided by the sink yet. */
  lag: number;
  table: string | null;
  error: { code: ErrorCode; message: string; hint: string } | null;
  updated_at: string;
}

/** Whether something is still to be done, or might be: the job's topics are needed. */
export function isUnfinished({ state, error }: Pick<StoredSink, 'state' | 'error'>): boolean {
  // One that FAILED can be tried again, as long as the topics have its rows.
  if (state === 'FAILED') return error?.code !== 'SINK_EXPIRED';
  return state === 'PENDING' || state === 'LOADING' || state === 'RETRYING' || state === 'REMOVING';
}

/** Those of a new job, created at `at` (ISO 8601). */
export function newSinks({ sinks }: Pick<ProcessingOptions, 'sinks'>, at: string): StoredSink[] {
  return sinks.map((name) => ({
    name,
    state: 'PENDING',
    rows: 0,
    rejected: 0,
    table: null,
    error: null,
    updatedAt: at,
  }));
}
