import type { Checkpoint } from '../kafka/index.js';
import type { Assignment, Outcome } from './messages.js';

/** Why a runner went away without reporting an outcome. */
export interface RunnerLoss {
  /** The runner's own fault (memory ceiling, crash signal, uncaught exception) as opposed to a kill from outside. */
  crash: boolean;
  /** For the log and the error message: signal or exit status, never row values. */
  detail: string;
}

/**
 * What the pool needs from whoever keeps the jobs. Every call is synchronous and quick: it runs on the API's event
 * loop. A call with a lease that is no longer current must be ignored by the host.
 */
export interface RunnerPoolHost {
  /**
   * A runner is free for this job: raise its lease and say what to do.
   * null: the job needs no runner any more (already ended, or cancelled before it began).
   */
  hire(jobId: string): Assignment | null;
  isLeaseCurrent(jobId: string, lease: number): boolean;
  header(jobId: string, lease: number, columns: string[]): void;
  /** At most every 200 ms a job. */
  progress(jobId: string, lease: number, bytesDone: number): void;
  committed(jobId: string, lease: number, checkpoint: Checkpoint): void;
  finished(jobId: string, lease: number, outcome: Outcome): void;
  /** The runner is gone without an outcome; the host decides whether to `submit` the job again. */
  lost(jobId: string, lease: number, loss: RunnerLoss): void;
}

/** The pool as the jobs side uses it (implemented by RunnerPool). */
export interface JobRunners {
  /** Queues the job, first in first out; a job that is queued or running already is left as it is. */
  submit(jobId: string): void;
  /** Takes a queued job out of the queue; false: it was not waiting there. */
  withdraw(jobId: string): boolean;
  /**
   * Asks the runner of a running job to stop sending and settle; after 5 s without an outcome the runner is killed
   * (then `lost` follows). No effect where the job has no runner.
   */
  cancel(jobId: string): void;
  /** The runners' process ids by job, for tests and the log. */
  readonly running: ReadonlyMap<string, number>;
}
