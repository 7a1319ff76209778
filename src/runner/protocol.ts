import type { ErrorCode } from '../errors/index.js';
import type { Checkpoint, KafkaFailure, TopicsEvidence } from '../kafka/index.js';
import type { Outcome } from './messages.js';

/**
 * The delivery protocol as a pure function: `step(state, event) → { state, actions }`. No clock, no I/O, no randomness:
 * events carry the time, and whoever drives it carries the actions out. What it promises is that each row of the file
 * is committed exactly once, whatever is killed in between; DESIGN.md says why it holds.
 */

export interface Limits {
  /** A transaction is cut when it is this old or this large. */
  transactionMs: number;
  transactionBytes: number;
  /** The first transaction of a run is cut at this age and each next at twice it, so that even short lives advance. */
  firstTransactionMs: number;
  /** Without a commit for so long, the broker counts as gone. */
  unavailableAfterMs: number;
  /** For so long a checkpoint older than the topics is taken for a stale read, after that for a lost one. */
  staleCheckpointMs: number;
  firstBackoffMs: number;
  maxBackoffMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  transactionMs: 1_000,
  transactionBytes: 64_000_000,
  firstTransactionMs: 50,
  unavailableAfterMs: 300_000,
  staleCheckpointMs: 10_000,
  firstBackoffMs: 50,
  maxBackoffMs: 5_000,
};

const STALE_RETRY_MS = 100;

type Phase =
  /** Asking the pool whether our lease is current, before touching the broker. */
  | 'leasing'
  /** InitProducerId. */
  | 'fencing'
  /** Asking once more: between the first answer and the fence a successor may have been hired. */
  | 'leasing-again'
  | 'fetching'
  | 'inspecting'
  | 'streaming'
  /** Cut: the acks of what was sent are awaited. What is read from here on waits for the next transaction. */
  | 'draining'
  | 'committing-offsets'
  | 'ending-transaction'
  | 'waiting'
  | 'ended';

export interface State {
  readonly limits: Limits;
  readonly phase: Phase;
  /** `settle`: end as soon as the checkpoint is known. */
  readonly goal: 'run' | 'settle';
  /** Shut down at the next commit. */
  readonly stopping: boolean;
  /** The failure to report once it is settled. */
  readonly verdict: { code: ErrorCode; detail: string } | null;
  readonly fileSize: number;
  readonly committedBefore: boolean;
  /** The last one known to be committed. */
  readonly checkpoint: Checkpoint | null;
  /** A transaction may have been begun on this session: its end must be found out before the job ends. */
  readonly dirty: boolean;
  readonly transaction: { openedAt: number; bytes: number } | null;
  /** The file is read to its end; its last rows may wait for the next transaction. */
  readonly fileRead: boolean;
  /** The checkpoint that the open commit will make true. */
  readonly pending: Checkpoint | null;
  readonly cutMs: number;
  readonly cutBytes: number;
  readonly lastCommitAt: number;
  readonly backoffMs: number;
  readonly staleSince: number | null;
}

export type Event =
  | { type: 'start' }
  | { type: 'lease'; current: boolean }
  | { type: 'fenced' }
  | { type: 'fetched'; checkpoint: Checkpoint | null }
  | { type: 'inspected'; evidence: TopicsEvidence }
  /** A batch of that many bytes was handed to the session. */
  | { type: 'sent'; bytes: number }
  | { type: 'tick' }
  | { type: 'end-of-file' }
  /** Everything sent before the cut is acknowledged; this checkpoint describes it. */
  | { type: 'drained'; checkpoint: Checkpoint }
  | { type: 'offsets-committed' }
  | { type: 'transaction-ended' }
  /** A Kafka call was rejected, or reading the file failed (fatal). */
  | { type: 'failed'; failure: KafkaFailure }
  /** The wait is over. */
  | { type: 'woken' }
  /** The job was cancelled. */
  | { type: 'settle' }
  /** The process is shutting down. */
  | { type: 'stop' };

export type Action =
  | { do: 'ask-lease' }
  /** Opens a new session: connections, InitProducerId. */
  | { do: 'fence' }
  | { do: 'fetch-checkpoint' }
  | { do: 'inspect'; checkpoint: Checkpoint | null }
  /** (Re)starts reading at the checkpoint, the file's start where it is null. */
  | { do: 'read-from'; checkpoint: Checkpoint | null }
  /** Cuts here: sends what is buffered, answers `drained` when all is acknowledged. Reading goes on, sending does not. */
  | { do: 'drain' }
  /** Sends what was read since the cut, and goes on. */
  | { do: 'send-on' }
  | { do: 'commit-offsets'; checkpoint: Checkpoint }
  /** Commits; for the end of the file also waits until a read_committed reader sees all of it. */
  | { do: 'end-transaction'; checkpoint: Checkpoint }
  | { do: 'report-commit'; checkpoint: Checkpoint }
  /** Drops the session at once; later answers of it must not become events. */
  | { do: 'close' }
  | { do: 'wait'; ms: number }
  | { do: 'finish'; outcome: Outcome }
  /** The lease is gone: leave without another word to the broker. */
  | { do: 'exit' };

export interface Step {
  state: State;
  actions: Action[];
}

export function initialState(
  job: { intent: 'run' | 'settle'; sizeBytes: number; committedBefore: boolean },
  now: number,
  limits: Limits = DEFAULT_LIMITS,
): State {
  return {
    limits,
    phase: 'waiting',
    goal: job.intent,
    stopping: false,
    verdict: null,
    fileSize: job.sizeBytes,
    committedBefore: job.committedBefore,
    checkpoint: null,
    dirty: false,
    transaction: null,
    fileRead: false,
    pending: null,
    cutMs: limits.firstTransactionMs,
    cutBytes: limits.transactionBytes,
    lastCommitAt: now,
    backoffMs: limits.firstBackoffMs,
    staleSince: null,
  };
}

/** `now` is in milliseconds of a clock that never goes back. Events that make no sense in the phase change nothing. */
export function step(state: State, event: Event, now: number): Step {
  if (state.phase === 'ended') return stay(state);
  switch (event.type) {
    case 'start':
    case 'woken':
      if (state.phase !== 'waiting') return stay(state);
      // A wait for a stale checkpoint keeps its session; every other wait has closed it.
      return state.staleSince !== null
        ? go(state, 'fetching', { do: 'fetch-checkpoint' })
        : go(state, 'leasing', { do: 'ask-lease' });
    case 'lease':
      return onLease(state, event.current);
    case 'fenced':
      return state.phase === 'fencing' ? go(state, 'leasing-again', { do: 'ask-lease' }) : stay(state);
    case 'fetched':
      return onFetched(state, event.checkpoint);
    case 'inspected':
      return state.phase === 'inspecting' ? onInspected(state, event.evidence, now) : stay(state);
    case 'sent':
      return onSent(state, event.bytes, now);
    case 'tick':
      return state.phase === 'streaming' && isDue(state, now) ? cut(state) : stay(state);
    case 'end-of-file':
      return onEndOfFile(state);
    case 'drained':
      if (state.phase !== 'draining') return stay(state);
      return go({ ...state, pending: event.checkpoint, dirty: true }, 'committing-offsets', {
        do: 'commit-offsets',
        checkpoint: event.checkpoint,
      });
    case 'offsets-committed':
      return state.phase === 'committing-offsets' && state.pending !== null
        ? go(state, 'ending-transaction', { do: 'end-transaction', checkpoint: state.pending })
        : stay(state);
    case 'transaction-ended':
      return state.phase === 'ending-transaction' ? onCommitted(state, now) : stay(state);
    case 'failed':
      return onFailed(state, event.failure, now);
    case 'settle':
      return onSettle(state);
    case 'stop':
      return onStop(state);
  }
}

function onLease(state: State, current: boolean): Step {
  if (state.phase !== 'leasing' && state.phase !== 'leasing-again') return stay(state);
  if (!current) return end(state, { do: 'close' }, { do: 'exit' });
  return state.phase === 'leasing'
    ? go(state, 'fencing', { do: 'fence' })
    : go(state, 'fetching', { do: 'fetch-checkpoint' });
}

function onFetched(state: State, checkpoint: Checkpoint | null): Step {
  if (state.phase !== 'fetching') return stay(state);
  if (checkpoint !== null && checkpoint.size !== state.fileSize) {
    return conclude(
      { ...state, checkpoint },
      {
        code: 'FILE_CORRUPT',
        detail: `the stored file has ${state.fileSize} bytes, but the checkpoint was taken on one of ${checkpoint.size}`,
      },
    );
  }
  return go({ ...state, checkpoint }, 'inspecting', { do: 'inspect', checkpoint });
}

function onInspected(state: State, evidence: TopicsEvidence, now: number): Step {
  const { checkpoint, limits } = state;
  const lost = (detail: string): Step => conclude(state, { code: 'CHECKPOINT_LOST', detail });
  // The topics know more than the checkpoint: it may have been read a moment too early.
  const staleOrLost = (detail: string): Step => {
    const staleSince = state.staleSince ?? now;
    if (now - staleSince >= limits.staleCheckpointMs) return lost(detail);
    return go({ ...state, staleSince }, 'waiting', { do: 'wait', ms: STALE_RETRY_MS });
  };
  if (checkpoint === null) {
    if (state.committedBefore) return staleOrLost('rows of this job were committed, but its checkpoint is gone');
    if (evidence.recordsBeyond) return staleOrLost("the job's topics hold records, but it has no checkpoint");
  } else {
    if (evidence.data.start > 0 || evidence.dlq.start > 0) {
      return lost("the job's topics have lost their first records to retention");
    }
    if (evidence.data.end < checkpoint.dataEnd || evidence.dlq.end < checkpoint.dlqEnd) {
      // A broker that was killed may show the offsets' transaction marker before the topics'.
      return staleOrLost("the job's topics end before the checkpoint");
    }
    if (evidence.recordsBeyond) return staleOrLost("the job's topics hold records after its checkpoint");
  }
  const settled: State = { ...forgetSession(state), dirty: false };
  if (checkpoint?.eof) return end(settled, { do: 'close' }, finish({ kind: 'completed', checkpoint }));
  if (state.verdict !== null) return conclude(settled, state.verdict);
  if (state.goal === 'settle') return end(settled, { do: 'close' }, finish({ kind: 'settled', checkpoint }));
  if (state.stopping) return end(settled, { do: 'close' }, finish({ kind: 'stopped' }));
  return go(settled, 'streaming', { do: 'read-from', checkpoint });
}

function onSent(state: State, bytes: number, now: number): Step {
  if (state.phase !== 'streaming' && state.phase !== 'draining') return stay(state);
  const { openedAt, bytes: before } = state.transaction ?? { openedAt: now, bytes: 0 };
  const next: State = { ...state, dirty: true, transaction: { openedAt, bytes: before + bytes } };
  return next.phase === 'streaming' && isDue(next, now) ? cut(next) : stay(next);
}

/** Nothing sent yet means nothing to commit: an idle transaction is never due. */
function isDue({ transaction, cutMs, cutBytes }: State, now: number): boolean {
  return transaction !== null && (now - transaction.openedAt >= cutMs || transaction.bytes >= cutBytes);
}

function onEndOfFile(state: State): Step {
  if (!isTransacting(state)) return stay(state);
  const next: State = { ...state, fileRead: true };
  return state.phase === 'streaming' ? cut(next) : stay(next);
}

/** The file is being read. */
function isTransacting({ phase }: State): boolean {
  return ['streaming', 'draining', 'committing-offsets', 'ending-transaction'].includes(phase);
}

function cut(state: State): Step {
  return go(state, 'draining', { do: 'drain' });
}

function onCommitted(state: State, now: number): Step {
  const { pending, limits } = state;
  if (pending === null) return stay(state);
  const next: State = {
    ...state,
    checkpoint: pending,
    committedBefore: true,
    dirty: false,
    pending: null,
    transaction: null,
    lastCommitAt: now,
    backoffMs: limits.firstBackoffMs,
    cutMs: Math.min(state.cutMs * 2, limits.transactionMs),
    cutBytes: Math.min(state.cutBytes * 2, limits.transactionBytes),
  };
  const report: Action = { do: 'report-commit', checkpoint: pending };
  if (pending.eof) {
    return end(next, report, { do: 'close' }, finish({ kind: 'completed', checkpoint: pending }));
  }
  if (state.stopping) return end(next, report, { do: 'close' }, finish({ kind: 'stopped' }));
  if (state.fileRead) return go(next, 'draining', report, { do: 'send-on' }, { do: 'drain' });
  return go(next, 'streaming', report, { do: 'send-on' });
}

function onFailed(state: State, failure: KafkaFailure, now: number): Step {
  if (state.phase === 'waiting') return stay(state);
  if (failure.kind === 'fatal') {
    const error = { code: failure.code, detail: failure.detail };
    // Only what was inspected is known to be all that is committed.
    return state.dirty || !isTransacting(state) ? settleFirst(state, error) : conclude(state, error);
  }
  // A run can be resumed; what is to be settled is handed out again later, and other jobs get the runner until then.
  if (now - state.lastCommitAt >= state.limits.unavailableAfterMs) {
    const detail = `no commit for ${Math.round((now - state.lastCommitAt) / 1000)} s; last: ${failure.detail}`;
    return giveUp(state, { code: 'KAFKA_UNAVAILABLE', detail });
  }
  if (state.stopping) return end(state, { do: 'close' }, finish({ kind: 'stopped' }));
  // A fence with the lease still ours is a transaction that the broker aborted for its age: try smaller ones.
  const divisor = failure.kind === 'fenced' ? 2 : 1;
  return startOver({
    ...state,
    cutMs: Math.max(state.limits.firstTransactionMs, state.cutMs / divisor),
    cutBytes: Math.max(1, state.cutBytes / divisor),
  });
}

function startOver(state: State): Step {
  const next: State = {
    ...forgetSession(state),
    backoffMs: Math.min(state.backoffMs * 2, state.limits.maxBackoffMs),
  };
  return go(next, 'waiting', { do: 'close' }, { do: 'wait', ms: state.backoffMs });
}

function forgetSession(state: State): State {
  return { ...state, transaction: null, pending: null, fileRead: false, staleSince: null };
}

/** Ends with a failure whose checkpoint is known for sure. */
function conclude(state: State, error: { code: ErrorCode; detail: string }): Step {
  const { checkpoint } = state;
  return end(state, { do: 'close' }, finish({ kind: 'failed', error, checkpoint, settled: true }));
}

/** Ends with a failure while what is committed may be more than the last known checkpoint. */
function giveUp(state: State, error: { code: ErrorCode; detail: string }): Step {
  const { checkpoint } = state;
  return end(state, { do: 'close' }, finish({ kind: 'failed', error, checkpoint, settled: false }));
}

/** Finds out what is committed, on a fresh session, before the failure is reported. */
function settleFirst(state: State, error: { code: ErrorCode; detail: string }): Step {
  if (state.verdict !== null) return giveUp(state, state.verdict); // the settle itself met a fatal error: it is tried again later
  const next: State = { ...forgetSession(state), verdict: error, goal: 'settle' };
  return go(next, 'leasing', { do: 'close' }, { do: 'ask-lease' });
}

function onSettle(state: State): Step {
  const next: State = { ...state, goal: 'settle' };
  if (isTransacting(state)) return go(forgetSession(next), 'leasing', { do: 'close' }, { do: 'ask-lease' });
  // Else it is on its way to the checkpoint already: the goal is looked at when it is known.
  if (state.phase !== 'waiting' || state.staleSince !== null) return stay(next);
  return go(next, 'leasing', { do: 'ask-lease' });
}

function onStop(state: State): Step {
  const next: State = { ...state, stopping: true };
  if (state.phase === 'streaming') {
    return state.transaction === null ? end(next, { do: 'close' }, finish({ kind: 'stopped' })) : cut(next);
  }
  if (state.phase === 'waiting') return end(next, { do: 'close' }, finish({ kind: 'stopped' }));
  return stay(next);
}

function finish(outcome: Outcome): Action {
  return { do: 'finish', outcome };
}

function stay(state: State): Step {
  return { state, actions: [] };
}

function go(state: State, phase: Phase, ...actions: Action[]): Step {
  return { state: { ...state, phase }, actions };
}

function end(state: State, ...actions: Action[]): Step {
  return go(state, 'ended', ...actions);
}
