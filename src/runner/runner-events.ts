import type { Checkpoint } from '../kafka/index.js';
import type { Assignment, Outcome } from './ipc.js';

/** Why a runner went away without reporting an outcome. */
export interface RunnerLoss {
  /** The runner's own fault (memory ceiling, crash signal, uncaught exception) as opposed to a kill from outside. */
  crash: boolean;
  /** It was killed above the memory ceiling. */
  outOfMemory?: boolean;
  /** For the log and the error message: signal or exit status, never row values. */
  detail: string;
}

/**
 * What the pool needs from whoever keeps the jobs. Calls that return void are quick and never throw; their writes are
 * kept in order for each job, behind the call. A call with a lease that is no longer current is ignored by the host.
 * By the time the pool calls `finished` or `runnerExited`, the job has no runner for it any more: a `submit` queues it again.
 */
export interface RunnerEvents {
  /**
   * A runner is free for this job, and for this intent: raise its lease and say what to do. The lease is durable when
   * the promise resolves. Never rejects. null: the job needs no runner now (ended, cancelled before it began, or the
   * store failed, in which case the host submits the job again later); the other intent: that is what it needs by now,
   * and the pool queues it for that.
   */
  claim(jobId: string, intent: Assignment['intent']): Promise<Assignment | Assignment['intent'] | null>;
  /** Never rejects; false if there is no answer. */
  isLeaseCurrent(jobId: string, lease: number): Promise<boolean>;
  header(jobId: string, lease: number, columns: string[]): void;
  /** At most every 200 ms a job. */
  progress(jobId: string, lease: number, bytesDone: number): void;
  committed(jobId: string, lease: number, checkpoint: Checkpoint): void;
  finished(jobId: string, lease: number, outcome: Outcome): void;
  /** The runner is gone without an outcome; the host decides whether to `submit` the job again. */
  runnerExited(jobId: string, lease: number, loss: RunnerLoss): void;
}

/** The pool as the jobs side uses it (implemented by RunnerPool). */
export interface JobQueue {
  /**
   * Queues the job, first in first out for each intent; a job that is queued for it or running already is left as it
   * is. Jobs to reconcile wait for a separate runner, and never for one that runs jobs.
   */
  submit(jobId: string, intent: Assignment['intent']): void;
  /** Takes a queued job out of the queue; false: it was not waiting there. */
  remove(jobId: string): boolean;
  /**
   * Asks the runner of a running job to stop sending and reconcile; after 5 s without an outcome the runner is killed
   * (then `runnerExited` follows). A job has a runner from the call of `claim` on: a cancel that comes before the assignment is
   * sent takes effect right after it. No effect if the job has no runner.
   */
  cancel(jobId: string): void;
  /** Time without a broker does not count as the runners' stalling: call it while none answers. */
  brokerAway(): void;
  /** The runners' process ids by job, for tests and the log. */
  readonly running: ReadonlyMap<string, number>;
}
