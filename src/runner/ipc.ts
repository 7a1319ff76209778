import type { ErrorCode } from '../errors/index.js';
import type { FileReading } from '../ingest/index.js';
import type { Checkpoint, JobNames } from '../kafka/index.js';
import type { JobSource } from '../sources/index.js';
import type { FileLocation } from '../storage/index.js';

/** Everything a runner needs to work on one job. */
export interface Assignment extends FileReading {
  jobId: string;
  modelId: string;
  /** What the log calls the file. */
  filename: string;
  /** For the log; null: traces are off. */
  traceId: string | null;
  /** The fencing token; larger than any given out for this job before. */
  lease: number;
  /** `run`: continue to the end of the file. `reconcile`: only find out what is committed. */
  intent: 'run' | 'reconcile';
  /** Where its file is stored, or lies. */
  file: FileLocation | JobSource;
  /** SHA-256 of the file in hex; null: it is not known. */
  sha256: string | null;
  names: JobNames;
  /** The newest one that the store has seen: what Kafka answers must not be older. */
  checkpoint: Checkpoint | null;
  /** What the runner before this one has reported as `stale`, and the time since; 0: it has not. */
  staleMs: number;
}

/** How a runner's work on one job ended. `checkpoint` is what is committed, null if nothing is. */
export type Outcome =
  /** The whole file is decided and committed. */
  | { kind: 'completed'; checkpoint: Checkpoint }
  /** Stopped on request before the end of the file. */
  | { kind: 'reconciled'; checkpoint: Checkpoint | null }
  /** `checkpointVerified: false`: what is committed could not be found out; the checkpoint is a lower bound. */
  | {
      kind: 'failed';
      error: { code: ErrorCode; detail: string };
      checkpoint: Checkpoint | null;
      checkpointVerified: boolean;
    }
  /**
   * Kafka answers with less than is known of the job: a checkpoint that is older, or topics that it has never heard of.
   * It may be a stale answer, so that it is asked again later. `staleMs`: for how long it has answered so by now.
   */
  | { kind: 'stale'; detail: string; staleMs: number }
  /** Shut down between two transactions; the job goes on from its checkpoint later. */
  | { kind: 'stopped' };

/** What was committed by one transaction of a runner. */
export interface Transaction {
  /** From its first record to the answer that it is committed. */
  seconds: number;
  /** Rows that were rejected since the commit before, by the code of their first error. */
  rowErrors: Record<string, number>;
}

export type ToRunner =
  | { type: 'assign'; assignment: Assignment }
  | { type: 'lease-answer'; current: boolean }
  /** Stop sending, reconcile, report. */
  | { type: 'cancel' }
  /** Commit what is open, report `stopped`. */
  | { type: 'stop' };

export type FromRunner =
  /** Warm and without a job. */
  | { type: 'ready' }
  /** A sign of life, every `ALIVE_MS` while there is a job. */
  | { type: 'alive' }
  | { type: 'lease-question'; jobId: string; lease: number }
  | { type: 'header'; jobId: string; lease: number; columns: string[] }
  /** Bytes of the file: those whose rows are all acknowledged, and those that were read. */
  | { type: 'progress'; jobId: string; lease: number; bytesDone: number; bytesRead: number }
  | { type: 'committed'; jobId: string; lease: number; checkpoint: Checkpoint; transaction: Transaction | null }
  /** Lines of the errors log for rows that are committed; `omitted` more have none. */
  | { type: 'rejected'; lines: string; rows: number; omitted: number }
  /** A transaction was given up, or it is not known whether it is committed. */
  | { type: 'aborted'; seconds: number }
  /** A call to Kafka has failed, and the job goes on. */
  | { type: 'kafka-failure'; kind: string }
  /** A hanging transaction was ended. */
  | { type: 'repaired' }
  | { type: 'finished'; jobId: string; lease: number; outcome: Outcome };

/** How often a runner with a job gives a sign of life. */
export const ALIVE_MS = 5_000;

/** Exit status of a runner whose lease is gone or whose pool does not answer (EX_TEMPFAIL): not a crash. */
export const EXIT_LEASE_LOST = 75;
