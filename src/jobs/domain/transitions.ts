import type { ErrorCode } from '../../errors/index.js';
import { FORMATS, unexpected } from '../../ingest/index.js';
import type { Checkpoint } from '../../kafka/index.js';
import type { Assignment, Outcome, RunnerLoss } from '../../runner/index.js';
import type { JobState } from './job.js';
import type { JobError, StoredJob } from './stored-job.js';

/** What to do about a job whose runner has reported or was lost. */
export type Decision =
  /** The job ends. */
  | { kind: 'end'; state: JobState; error: JobError | null; checkpoint: Checkpoint | null; checkpointVerified: boolean }
  /** The job has ended before; more is known of it now. */
  | { kind: 'amend'; error: JobError | null; checkpoint: Checkpoint | null; checkpointVerified: boolean }
  /** The job needs a runner again, after a delay; what is known of it by now is stored first. */
  | {
      kind: 'again';
      delayMs: number;
      known: Partial<
        Pick<StoredJob, 'checkpoint' | 'checkpointVerified' | 'pendingError' | 'crashes' | 'failures' | 'waiting'>
      >;
    }
  /** What is committed could not be found out, and the job waits for that: it is tried again with growing delays. */
  | { kind: 'reconcile-later'; known: Partial<Pick<StoredJob, 'checkpoint'>> }
  /** Nothing now: the job has ended, or will be taken up again by other means. */
  | { kind: 'leave' };

/** Others get the runner meanwhile. */
const STALE_RETRY_MS = 2_000;
const MAX_CRASHES = 3;
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 30_000;
/** Neither the file's fault nor the user's: the same job may succeed later as it is. */
const SYSTEM_ERRORS: readonly ErrorCode[] = ['KAFKA_UNAVAILABLE', 'SPOOL_UNREADABLE', 'SOURCE_UNAVAILABLE'];
const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 300_000;
/** Other people's systems are away for longer, and do not like to be asked often. */
const FIRST_SOURCE_BACKOFF_MS = 30_000;
const MAX_SOURCE_BACKOFF_MS = 600_000;
/** What may turn out when a part of the file is committed. */
const OF_THE_FILE: readonly ErrorCode[] = [
  'FILE_CORRUPT',
  'FILE_TOO_COMPLEX',
  'EXPECTATION_FAILED',
  'BROKEN_RECORD',
  'SOURCE_NOT_ALLOWED',
  'SOURCE_NOT_FOUND',
  'SOURCE_FORBIDDEN',
  'SOURCE_CHANGED',
  'SOURCE_UNSUPPORTED',
  'SOURCE_UNAVAILABLE',
];

/** What a runner should do with the job; null: it needs none. */
export function decideIntent({
  state,
  pendingError,
  error,
  checkpointVerified,
}: Known & Pick<StoredJob, 'checkpointVerified'>): Assignment['intent'] | null {
  switch (state) {
    case 'PENDING':
    case 'RUNNING':
      return pendingError === null ? 'run' : 'reconcile';
    case 'CANCELLING':
      return 'reconcile';
    case 'FAILED':
      return error?.code !== 'CHECKPOINT_LOST' && !checkpointVerified ? 'reconcile' : null;
    default:
      return null;
  }
}

type Known = Pick<
  StoredJob,
  'state' | 'format' | 'options' | 'pendingError' | 'error' | 'crashes' | 'failures' | 'checkpoint'
>;

/** Outcome of a runner that has not left the job to another. */
type Conclusive = Exclude<Outcome, { kind: 'stopped' | 'stale' }>;

/**
 * What a runner's report means. The checkpoint in it wins over what the store knows. A job that meets system errors runs
 * again after growing delays, until it has failed `maxAttempts` times without a commit between.
 */
export function decideOutcome(job: Known, outcome: Outcome, maxAttempts: number): Decision {
  if (outcome.kind === 'stopped') return job.state === 'FAILED' ? { kind: 'leave' } : again(0);
  if (outcome.kind === 'stale') {
    // Nobody waits for a job that has failed already.
    return job.state === 'FAILED' ? { kind: 'reconcile-later', known: {} } : again(STALE_RETRY_MS);
  }
  const checkpoint = outcome.checkpoint ?? job.checkpoint;
  switch (job.state) {
    case 'RUNNING':
    case 'CANCELLING':
      // Rows of a checkpoint that could not be held against the topics may not be readable yet.
      if (outcome.checkpoint?.eof && isReconciled(outcome)) return decideCompleted(job, outcome.checkpoint);
      return outcome.kind === 'failed' ? decideFailed(job, outcome, maxAttempts) : decideReconciled(job, checkpoint);
    case 'FAILED':
      return decideReconciliation(job, outcome);
    case 'PENDING':
      // Resumed while it was being reconciled: it waits for its turn.
      return isReconciled(outcome) ? again(0, { checkpoint, checkpointVerified: true }) : again(0);
    default:
      return { kind: 'leave' };
  }
}

/**
 * What the loss of a runner means. Only its own fault counts as a crash; kills from outside are bounded by the time
 * without a commit, `stalledMs` of `maxStalledMs`.
 */
export function decideLoss(job: Known, loss: RunnerLoss, stalledMs: number, maxStalledMs: number): Decision {
  if (job.state === 'FAILED') return { kind: 'reconcile-later', known: {} };
  const crashes = job.crashes + Number(loss.crash);
  if (job.state !== 'RUNNING' || job.pendingError !== null) {
    return again(loss.crash ? delayAfter(crashes) : 0, { crashes });
  }
  const message =
    crashes >= MAX_CRASHES
      ? `the runner crashed ${crashes} times without a commit; last: ${loss.detail}`
      : `no commit for ${Math.round(stalledMs / 1000)} s, while runners were lost; last: ${loss.detail}`;
  const ends = crashes >= MAX_CRASHES || (!loss.crash && stalledMs >= maxStalledMs);
  return again(0, ends ? { crashes, pendingError: { code: crashCode(job, loss), message } } : { crashes });
}

/** If a decoder that is not ours crashes again and again, it is the file's fault. */
function crashCode({ format }: Known, { crash, outOfMemory }: RunnerLoss): ErrorCode {
  if (!FORMATS[format].hasForeignDecoder || !crash) return 'RUNNER_CRASHED';
  return outOfMemory === true ? 'FILE_TOO_COMPLEX' : 'FILE_CORRUPT';
}

/** The whole file is decided. A cancel that comes too late changes nothing. */
function decideCompleted({ options }: Known, checkpoint: Checkpoint): Decision {
  const { ok, errors, position, size } = checkpoint;
  const end = { kind: 'end', checkpoint, checkpointVerified: true } as const;
  const difference = unexpected(options.expect, { rows: position.row, bytes: size });
  if (difference !== null) {
    const message = `${difference}; all its rows are committed`;
    return { ...end, state: 'FAILED', error: { code: 'EXPECTATION_FAILED', message } };
  }
  if (errors === 0) return { ...end, state: 'SUCCESS', error: null };
  if (ok > 0) return { ...end, state: 'PARTIAL_SUCCESS', error: null };
  const rows = errors === 1 ? 'The only row was' : `All ${errors} rows were`;
  return { ...end, state: 'FAILED', error: { code: 'ALL_ROWS_REJECTED', message: `${rows} rejected` } };
}

/** It is known what is committed, and the file's end is not. */
function decideReconciled(job: Known, checkpoint: Checkpoint | null): Decision {
  const end = { kind: 'end', checkpoint, checkpointVerified: true } as const;
  if (job.state === 'CANCELLING') return { ...end, state: 'CANCELLED', error: null };
  if (job.pendingError !== null) return { ...end, state: 'FAILED', error: job.pendingError };
  return again(0, { checkpoint });
}

function decideFailed(job: Known, outcome: Extract<Outcome, { kind: 'failed' }>, maxAttempts: number): Decision {
  const checkpoint = outcome.checkpoint ?? job.checkpoint;
  const { code, detail } = outcome.error;
  if ((job.state === 'CANCELLING' || job.pendingError !== null) && code !== 'CHECKPOINT_LOST') {
    // It waits for the broker however long that takes: it must not end before it is known what is committed.
    return outcome.checkpointVerified
      ? decideReconciled(job, checkpoint)
      : { kind: 'reconcile-later', known: { checkpoint } };
  }
  const failures = SYSTEM_ERRORS.includes(code) && job.state === 'RUNNING' ? job.failures + 1 : 0;
  if (failures > 0 && failures < maxAttempts) {
    const waiting = code === 'SOURCE_UNAVAILABLE' ? { waiting: { code, message: detail } } : {};
    return again(backoffAfter(code, failures), { checkpoint, failures, ...waiting });
  }
  const checkpointVerified = isReconciled(outcome);
  const message = failures > 1 ? `failed ${failures} times without a commit; last: ${detail}` : detail;
  const error: JobError = { code, message };
  return {
    kind: 'end',
    state: 'FAILED',
    error: checkpointVerified ? withCommitted(error, checkpoint) : error,
    checkpoint,
    checkpointVerified,
  };
}

/** A file that turns out to be bad half-way has rows in the topics that nobody asked for: say how many. */
function withCommitted(error: JobError, checkpoint: Checkpoint | null): JobError {
  if (!OF_THE_FILE.includes(error.code)) return error;
  const rows = checkpoint?.position.row ?? 0;
  const committed = rows === 0 ? 'no row is committed' : `its first ${rows} rows are committed`;
  return { ...error, message: `${error.message}; ${committed}` };
}

/** A FAILED job that was still to be reconciled. Its state stays: only a resume leaves FAILED. */
function decideReconciliation(job: Known, outcome: Conclusive): Decision {
  const checkpoint = outcome.checkpoint ?? job.checkpoint;
  if (outcome.kind === 'failed' && outcome.error.code === 'CHECKPOINT_LOST') {
    const error: JobError = { code: 'CHECKPOINT_LOST', message: outcome.error.detail };
    return { kind: 'amend', error, checkpoint, checkpointVerified: false };
  }
  if (!isReconciled(outcome)) return { kind: 'reconcile-later', known: {} };
  const error = job.error && (checkpoint?.eof ? complete(job.error) : withCommitted(job.error, checkpoint));
  return { kind: 'amend', error, checkpoint, checkpointVerified: true };
}

function complete({ code, message }: JobError): JobError {
  return { code, message: `${message} (the whole file is committed meanwhile: a resume finishes the job)` };
}

/** Whether the report's checkpoint is all that is committed. Of a lost one nothing can be said. */
function isReconciled(outcome: Conclusive): boolean {
  return outcome.kind !== 'failed' || (outcome.checkpointVerified && outcome.error.code !== 'CHECKPOINT_LOST');
}

function again(delayMs: number, known: Extract<Decision, { kind: 'again' }>['known'] = {}): Decision {
  return { kind: 'again', delayMs, known };
}

function delayAfter(crashes: number): number {
  return Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(crashes, 10));
}

function backoffAfter(code: ErrorCode, failures: number): number {
  const [first, most] =
    code === 'SOURCE_UNAVAILABLE'
      ? [FIRST_SOURCE_BACKOFF_MS, MAX_SOURCE_BACKOFF_MS]
      : [FIRST_BACKOFF_MS, MAX_BACKOFF_MS];
  return Math.min(most, first * 2 ** Math.min(failures - 1, 20));
}
