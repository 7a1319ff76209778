import type { FileFormat } from '../../ingest/index.js';
import type { Checkpoint } from '../../kafka/index.js';
import type { JobChanges } from '../domain/job-changes.js';
import type { StoredJob } from '../domain/stored-job.js';
import type { HeldLease } from '../store/lease-store.js';
import type { CommitDelta } from './job-metrics.js';
import type { RunTrace } from './job-traces.js';

const NOTHING: CommitDelta = { ok: 0, errors: 0, bytes: 0 };

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A job under a runner: what the runner has told and the store does not hold yet. */
export class RunningJob {
  readonly jobId: string;
  readonly modelId: string;
  readonly format: FileFormat;
  /** The current lease; 0: no runner has the job now. */
  lease = 0;
  #leaseToken: string | null = null;
  /** When the job last committed, in ms of the monotonic clock; its start if it has not. */
  lastCommitAt: number;
  /** The spans of its current run; null: no runner has it. */
  trace: RunTrace | null = null;

  #rows: number;
  /** The commit up to which its rows are counted. */
  #counted: Pick<Checkpoint, 'ok' | 'errors' | 'position'> | null;
  #bytesDone = 0;
  #hasHeader: boolean;
  #crashes = 0;
  #failures = 0;
  #changes: Mutable<JobChanges> = {};

  constructor(record: StoredJob, now: number) {
    this.jobId = record.jobId;
    this.modelId = record.modelId;
    this.format = record.format;
    this.lastCommitAt = now;
    this.#rows = record.checkpoint?.position.row ?? -1;
    this.#counted = record.checkpoint;
    this.#hasHeader = record.fileColumns !== null;
  }

  /** A runner begins where the store's checkpoint is, or further on. */
  claimed(record: StoredJob): void {
    this.lease = record.lease;
    this.#leaseToken = record.leaseToken;
    this.#bytesDone = record.checkpoint?.bytesDone ?? 0;
    this.#crashes = record.crashes;
    this.#failures = record.failures;
  }

  /** Another process has had the job meanwhile, and knows more of it. */
  isBehind({ checkpoint }: StoredJob): boolean {
    return checkpoint !== null && checkpoint.position.row > this.#rows;
  }

  get heldLease(): HeldLease {
    return { jobId: this.jobId, lease: this.lease, leaseToken: this.#leaseToken };
  }

  endTrace(...how: Parameters<RunTrace['ended']>): void {
    this.trace?.ended(...how);
    this.trace = null;
  }

  header(columns: string[]): void {
    if (this.#hasHeader) return; // the same file has the same header on every run
    this.#hasHeader = true;
    this.#changes.fileColumns = columns;
  }

  progress(bytesDone: number): void {
    this.#bytesDone = bytesDone;
    this.#changes.bytesDone = bytesDone;
  }

  /** Totals never go back: an older checkpoint is not taken. true: the store should hear of it without delay. */
  committed(checkpoint: Checkpoint, now: number): boolean {
    this.lastCommitAt = now;
    if (checkpoint.position.row < this.#rows) return false;
    const isFirst = this.#rows < 0;
    const hadCrashes = this.#crashes > 0;
    const hadFailures = this.#failures > 0;
    this.#rows = checkpoint.position.row;
    this.#crashes = 0;
    this.#failures = 0;
    this.#changes.checkpoint = checkpoint;
    if (hadCrashes) this.#changes.crashes = 0;
    if (hadFailures) this.#changes.failures = 0;
    if (checkpoint.bytesDone > this.#bytesDone) this.progress(checkpoint.bytesDone);
    // After the last commit comes the job's end, which is written at once anyway.
    return (isFirst || hadCrashes || hadFailures) && !checkpoint.eof;
  }

  /** What this commit adds to those that were counted. */
  count({ ok, errors, position }: Checkpoint): CommitDelta {
    const before = this.#counted;
    const isFurther = position.row > (before?.position.row ?? -1);
    if (isFurther) this.#counted = { ok, errors, position };
    if (!isFurther || before === null) return isFurther ? { ok, errors, bytes: position.byte } : NOTHING;
    return { ok: ok - before.ok, errors: errors - before.errors, bytes: position.byte - before.position.byte };
  }

  /** What is to be written, null: nothing. A write that fails gives it back. */
  takePending(): JobChanges | null {
    const changes = this.#changes;
    if (Object.keys(changes).length === 0) return null;
    this.#changes = {};
    return changes;
  }

  /** Keeps what was taken for the next write, unless something newer was reported meanwhile. */
  restore(changes: JobChanges): void {
    this.#changes = { ...changes, ...this.#changes };
  }
}
