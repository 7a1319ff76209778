import type { Checkpoint } from '../kafka/index.js';
import type { Assignment, Outcome } from './ipc.js';

/** Why a runner went away without reporting an outcome. */
export interface RunnerLoss {
  /** The runner's own fault (memory ceiling, crash signal, uncaught exception) as opposed to a kill from outside. */
  crash: boolean;
  /** It was killed above the memory ceiling. */
  outOfMemory?: boolean;
  /** It was killed because it said nothing, or did not advance. */
  stalled?: boolean;
  /** For the log and the error message: signal or exit status, never row values. */
  detail: string;
}

/**
 * What the pool tells whoever keeps the jobs. Calls that return void are quick and never throw; their writes are kept in
 * order for each job, behind the call. A call with a lease that is no longer current is ignored by the host.
 * By the time the pool calls `finished` or `runnerExited`, the job has no runner any more: it may be assigned again.
 */
export interface RunnerEvents {
  /** Never rejects; false if there is no answer. */
  isLeaseCurrent(jobId: string, lease: number): Promise<boolean>;
  header(jobId: string, lease: number, columns: string[]): void;
  /** At most every 200 ms a job. */
  progress(jobId: string, lease: number, bytesDone: number): void;
  /** `seconds`: since the first record of the transaction; null: it is not known. */
  committed(jobId: string, lease: number, checkpoint: Checkpoint, seconds: number | null): void;
  /** A transaction was given up, or it is not known whether it is committed. */
  aborted(jobId: string, lease: number, seconds: number): void;
  finished(jobId: string, lease: number, outcome: Outcome): void;
  /** The runner is gone without an outcome. */
  runnerExited(jobId: string, lease: number, loss: RunnerLoss): void;
}

/** The pool as the jobs side uses it (implemented by RunnerPool). It keeps no jobs but those that its runners have. */
export interface Runners {
  /**
   * How many jobs could be assigned for this intent now. Jobs to reconcile have a separate runner, which never takes the
   * place of one that runs jobs.
   */
  free(intent: Assignment['intent']): number;
  /** Gives the job to a free runner. false: none is free, and nothing was done. */
  assign(assignment: Assignment): boolean;
  /** Calls `listener` whenever a runner may have become free. */
  onFree(listener: (intent: Assignment['intent']) => void): void;
  /**
   * Asks the runner of a job to stop sending and reconcile; after 5 s without an outcome the runner is killed (then
   * `runnerExited` follows). No effect if the job has no runner.
   */
  cancel(jobId: string): void;
  /** Kills the runner of a job that is not this process's any more. `runnerExited` may follow. */
  abandon(jobId: string): void;
  /** Time without a broker does not count as the runners' stalling: call it while none answers. */
  brokerAway(): void;
  /** The runners' process ids by job, for tests and the log. */
  readonly running: ReadonlyMap<string, number>;
}
