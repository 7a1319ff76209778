import type { ErrorCode } from '../../errors/index.js';
import type { SinkLoss, SinkOutcome } from '../../sinks/index.js';
import type { SinkState, StoredSink } from './job-sink.js';
import type { StoredJobSummary } from './stored-job.js';

/** What to do about a load whose process has reported or was lost. */
export interface SinkDecision {
  state: SinkState;
  error: StoredSink['error'];
  failures: number;
  /** In how many ms it is to be tried again; null: not by itself. */
  runAfterMs: number | null;
  /** The rows are gone: the next load is another generation. */
  isRemoved?: true;
  /** The connection does not work: others need not try. */
  trips?: true;
}

const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 60_000;
/** Somebody has to change a password or a right: no hurry. */
const FORBIDDEN_MS = 30_000;
/** While the job goes on; then whole blocks are there, or not. */
const NEXT_LOOK_MS = 1_000;
const NO_BLOCK_MS = 5_000;
/** A load that another process has is left alone; but somebody must have it. */
const MAX_OVERTAKEN = 10;
const MAX_CRASHES = 3;
const TO_RETRY: readonly string[] = ['SINK_UNAVAILABLE', 'SINK_FORBIDDEN', 'KAFKA_UNAVAILABLE'];

/** Whether a job's topics hold all that they ever will: its whole file was decided. */
export function isReadToEnd({ state, error }: Pick<StoredJobSummary, 'state' | 'error'>): boolean {
  if (state === 'SUCCESS' || state === 'PARTIAL_SUCCESS') return true;
  return state === 'FAILED' && error?.code === 'ALL_ROWS_REJECTED';
}

/** Whether there is something to load of a job by now. */
export function isLoadable(job: Pick<StoredJobSummary, 'state' | 'error' | 'checkpoint' | 'options'>): boolean {
  return isReadToEnd(job) || (job.options.sinkWhen === 'streaming' && job.checkpoint !== null);
}

type Known = Pick<StoredSink, 'state'> & { failures: number };

/** What a report means. `state`: LOADING, RETRYING or REMOVING. `isFurther`: a block was written. */
export function decideSinkOutcome(
  { state, failures }: Known,
  outcome: SinkOutcome,
  job: Pick<StoredJobSummary, 'state' | 'error'>,
  isFurther: boolean,
): SinkDecision {
  switch (outcome.kind) {
    case 'loaded':
      return { state: 'LOADED', error: null, failures: 0, runAfterMs: null };
    case 'waiting': {
      const goesOn = job.state === 'RUNNING' || job.state === 'CANCELLING';
      // It may have ended while its blocks were written.
      const next = isFurther ? NEXT_LOOK_MS : NO_BLOCK_MS;
      const runAfterMs = isReadToEnd(job) ? 0 : goesOn ? next : null;
      return { state: 'PENDING', error: null, failures: 0, runAfterMs };
    }
    case 'removed':
      return { state: 'REMOVED', error: null, failures: 0, runAfterMs: null, isRemoved: true };
    case 'left':
      return { state, error: null, failures, runAfterMs: NEXT_LOOK_MS };
    case 'overtaken':
      if (failures + 1 >= MAX_OVERTAKEN) {
        const message = `the sink knows another load of the job, and nobody has it: ${outcome.detail}`;
        return failed(state, failures + 1, 'SINK_STATE_LOST', message);
      }
      return { state, error: null, failures: failures + 1, runAfterMs: backoffOf(failures + 1) };
    case 'expired':
      return failed(state, failures + 1, 'SINK_EXPIRED', outcome.detail);
    case 'kafka':
      return retried(state, failures + 1, 'KAFKA_UNAVAILABLE', outcome.detail, false);
    case 'failed':
      if (TO_RETRY.includes(outcome.code)) {
        return retried(state, failures + 1, outcome.code, outcome.detail, outcome.isDown);
      }
      return failed(state, failures + 1, outcome.code, outcome.detail);
  }
}

/** What the loss of the process means. One that crashes again and again with the same job crashes because of it. */
export function decideSinkLoss({ state, failures }: Known, { crash, detail }: SinkLoss): SinkDecision {
  if (!crash) return { state, error: null, failures, runAfterMs: 0 };
  if (failures + 1 >= MAX_CRASHES) {
    return failed(state, failures + 1, 'SINK_CRASHED', `${failures + 1} times in a row; last: ${detail}`);
  }
  return retried(state, failures + 1, 'SINK_CRASHED', detail, false);
}

function backoffOf(failures: number): number {
  return Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 10));
}

function retried(state: SinkState, failures: number, code: string, message: string, isDown: boolean): SinkDecision {
  const backoff = backoffOf(failures);
  return {
    state: state === 'REMOVING' ? state : 'RETRYING',
    error: { code: code as ErrorCode, message },
    failures,
    runAfterMs: code === 'SINK_FORBIDDEN' ? Math.max(FORBIDDEN_MS, backoff) : backoff,
    ...(isDown ? { trips: true } : {}),
  };
}

/**
 * It is not tried again by itself, unless rows are being taken out: some of them may be gone, and a load that went on from
 * there would lose them.
 */
function failed(state: SinkState, failures: number, code: string, message: string): SinkDecision {
  const error = { code: code as ErrorCode, message };
  if (state === 'REMOVING') return { state, error, failures, runAfterMs: MAX_BACKOFF_MS };
  return { state: 'FAILED', error, failures: 0, runAfterMs: null };
}
