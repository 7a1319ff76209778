import type { Checkpoint, JobNames } from '../kafka/index.js';
import type { RecordFormat } from './record-format.js';
import type { JobSummary, SinkJob } from './sink-job.js';
import type { SinkReject } from './sink-reject.js';

/** Everything that the process of a sink needs for one load of one job. */
export interface SinkAssignment {
  /** Identifies the assignment in both directions. */
  id: string;
  /** `remove`: takes out what loads up to `job.load` have written. */
  intent: 'load' | 'remove';
  job: SinkJob;
  format: RecordFormat;
  names: JobNames;
  /** All that the job has committed, if it has ended; null: it is under way, and Kafka knows. */
  checkpoint: Checkpoint | null;
  /** Nothing will be committed any more: the last, short block is loaded, too. */
  isWhole: boolean;
  summary: JobSummary;
  /** Offset of the last rejected row that is known; -1: none is. */
  lastReject: number;
}

/** How a sink's work on one job ended. */
export type SinkOutcome =
  /** Everything is in the sink. */
  | { kind: 'loaded' }
  /** Whole blocks are in the sink; the job has not ended for good. */
  | { kind: 'waiting' }
  | { kind: 'removed' }
  /** The topics no longer hold all rows that are missing in the sink. */
  | { kind: 'expired'; detail: string }
  /** Kafka did not answer, or not with all that is committed. */
  | { kind: 'kafka'; detail: string }
  /** `code`: of a SinkError. `isDown`: it is so for all jobs. */
  | { kind: 'failed'; code: string; detail: string; isDown: boolean }
  /** Another process has gone on with it, as far as the sink says. */
  | { kind: 'overtaken'; detail: string }
  /** It was told to stop. */
  | { kind: 'left' };

/** Where a load stands. */
export interface SinkProgress {
  table: string;
  rows: number;
  rejected: number;
  /** What the sink has rejected since the report before. */
  rejects: SinkReject[];
}

export type ToSink =
  | { type: 'assign'; assignment: SinkAssignment }
  /** Its rejects are stored. */
  | { type: 'stored'; id: string }
  /** Leave the job after the block that is being written. */
  | { type: 'leave'; id: string };

export type FromSink =
  | { type: 'ready' }
  /** A sign of life, every ALIVE_MS. */
  | { type: 'alive' }
  /** Answered by `stored` once it is durable. */
  | { type: 'progress'; id: string; progress: SinkProgress }
  | { type: 'finished'; id: string; outcome: SinkOutcome };

export const ALIVE_MS = 5_000;
