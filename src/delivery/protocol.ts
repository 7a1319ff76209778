import type { ErrorCode } from '../errors/index.js';
import type { Checkpoint, KafkaFailure, MarkedPartition, OpenTransactions, TopicsEvidence } from '../kafka/index.js';
import { type Outcome } from '../runner/index.js';

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
  /** After this time without a commit, the broker counts as gone. */
  unavailableAfterMs: number;
  /** What is committed must be known so long after it was asked for; else it is tried again later. */
  reconcileMs: number;
  /** During this time a checkpoint that is older than the topics, or topics that are unknown, may be a stale answer; then they are lost. */
  lostAfterMs: number;
  /** The part of `lostAfterMs` for which a runner waits before it leaves the job to a later one. */
  staleMs: number;
  /** A transaction that is still open in the topics this time after the fence hangs: its marker was lost. */
  hangingMs: number;
  /** Credentials that the broker has refused for this time are wrong; until then somebody may be changing them. */
  unauthenticatedMs: number;
  firstBackoffMs: number;
  maxBackoffMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  transactionMs: 1_000,
  transactionBytes: 64_000_000,
  firstTransactionMs: 50,
  unavailableAfterMs: 300_000,
  reconcileMs: 10_000,
  lostAfterMs: 60_000,
  staleMs: 10_000,
  hangingMs: 5_000,
  unauthenticatedMs: 60_000,
  firstBackoffMs: 50,
  maxBackoffMs: 5_000,
};

/**
 * Limits for a job that fails after `unavailableAfterMs` without a commit (KAFKA_UNAVAILABLE_AFTER_MS). If that is less
 * than a minute, a lost checkpoint is reported as soon, but never before six seconds.
 */
export function limitsOf(unavailableAfterMs: number): Limits {
  const lostAfterMs = Math.max(6_000, Math.min(unavailableAfterMs, DEFAULT_LIMITS.lostAfterMs));
  return { ...DEFAULT_LIMITS, unavailableAfterMs, lostAfterMs, staleMs: lostAfterMs / 6 };
}

const STALE_RETRY_MS = 100;
/** Markers are mostly there a moment later; the longer one is missing, the less is to be expected of the next look. */
const FIRST_OPEN_RETRY_MS = 20;
const MAX_OPEN_RETRY_MS = 500;

type Phase =
  /** Asking the pool whether our lease is current, before touching the broker. */
  | 'leasing'
  /** InitProducerId. */
  | 'fencing'
  /** Asking once more: between the first answer and the fence a successor may have claimed the job. */
  | 'leasing-again'
  | 'fetching'
  | 'inspecting'
  /** A transaction hangs in the topics: finding out whose it is. */
  | 'examining'
  /** Ending it. */
  | 'repairing'
  | 'streaming'
  /** Cut: the acks of what was sent are awaited. What is read from here on waits for the next transaction. */
  | 'draining'
  | 'committing-offsets'
  | 'ending-transaction'
  /** Before it fetches and inspects again in the same session. */
  | 'pausing'
  /** Before it starts over; the session is closed. */
  | 'waiting'
  | 'ended';

export interface State {
  readonly limits: Limits;
  readonly phase: Phase;
  /** `reconcile`: end as soon as the checkpoint is known. */
  readonly goal: 'run' | 'reconcile';
  /** Shut down at the next commit. */
  readonly stopping: boolean;
  /** The failure to report once it is reconciled. */
  readonly pendingError: { code: ErrorCode; detail: string } | null;
  readonly fileSize: number;
  /** The hash of the source's version; undefined: the file was uploaded. */
  readonly fileVersion: string | undefined;
  /** The last one known to be committed, also by an earlier runner; never goes back. */
  readonly checkpoint: Checkpoint | null;
  /** Whether that is all: no transaction with a later one is still to be completed. */
  readonly isStable: boolean;
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
  /**
   * Answers that were stale, with none in between that was not: for how long (`totalMs` with those that earlier runners
   * had), and when the last one came on this session; null: none has. Time between sessions does not count.
   */
  readonly stale: { readonly totalMs: number; readonly ownMs: number; readonly at: number | null };
  /** Since when a transaction is seen open in the topics after a fence, with the same checkpoint. */
  readonly openSince: number | null;
  /** Since when the goal is to reconcile. */
  readonly reconcilingSince: number | null;
  /** Since when the broker refuses our credentials; null once it has let us in. */
  readonly unauthenticatedSince: number | null;
}

export type Event =
  | { type: 'start' }
  | { type: 'lease'; current: boolean }
  | { type: 'fenced' }
  | { type: 'fetched'; checkpoint: Checkpoint | null; isStable: boolean }
  | { type: 'inspected'; evidence: TopicsEvidence }
  | { type: 'examined'; open: OpenTransactions }
  /** What hung was aborted or committed. */
  | { type: 'repaired' }
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
  | { type: 'reconcile' }
  /** The process is shutting down. */
  | { type: 'stop' };

export type Action =
  | { do: 'ask-lease' }
  /** Opens a new session: connections, InitProducerId. */
  | { do: 'fence' }
  | { do: 'fetch-checkpoint' }
  | { do: 'inspect'; checkpoint: Checkpoint | null }
  | { do: 'examine'; checkpoint: Checkpoint | null }
  /** Ends the transactions that hang there. */
  | { do: 'repair'; abort: MarkedPartition[]; commit: MarkedPartition[] }
  /** (Re)starts reading at the checkpoint, the file's start if it is null. */
  | { do: 'read-from'; checkpoint: Checkpoint | null }
  /** Cuts here: sends what is buffered, answers `drained` when all is acknowledged. Reading goes on, sending does not. */
  | { do: 'drain' }
  /** Sends what was read since the cut, and goes on. */
  | { do: 'send-on' }
  | { do: 'commit-offsets'; checkpoint: Checkpoint }
  /** Commits, and waits until a read_committed reader sees all of it. */
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
  job: {
    intent: 'run' | 'reconcile';
    sizeBytes: number;
    version?: string | undefined;
    checkpoint: Checkpoint | null;
    staleMs: number;
  },
  now: number,
  limits: Limits = DEFAULT_LIMITS,
): State {
  return {
    limits,
    phase: 'waiting',
    goal: job.intent,
    stopping: false,
    pendingError: null,
    fileSize: job.sizeBytes,
    fileVersion: job.version,
    checkpoint: job.checkpoint,
    isStable: true,
    dirty: false,
    transaction: null,
    fileRead: false,
    pending: null,
    cutMs: limits.firstTransactionMs,
    cutBytes: limits.transactionBytes,
    lastCommitAt: now,
    backoffMs: limits.firstBackoffMs,
    stale: { totalMs: job.staleMs, ownMs: 0, at: null },
    openSince: null,
    reconcilingSince: job.intent === 'reconcile' ? now : null,
    unauthenticatedSince: null,
  };
}

/** `now` is in milliseconds of a clock that never goes back. Events that make no sense in the phase change nothing. */
export function step(state: State, event: Event, now: number): Step {
  if (state.phase === 'ended') return stay(state);
  switch (event.type) {
    case 'start':
    case 'woken':
      if (state.phase === 'pausing') return go(state, 'fetching', { do: 'fetch-checkpoint' });
      return state.phase === 'waiting' ? go(state, 'leasing', { do: 'ask-lease' }) : stay(state);
    case 'lease':
      return onLease(state, event.current);
    case 'fenced':
      if (state.phase !== 'fencing') return stay(state);
      return go({ ...state, unauthenticatedSince: null }, 'leasing-again', { do: 'ask-lease' });
    case 'fetched':
      return onFetched(state, event.checkpoint, event.isStable, now);
    case 'inspected':
      return state.phase === 'inspecting' ? onInspected(state, event.evidence, now) : stay(state);
    case 'examined':
      return state.phase === 'examining' ? onExamined(state, event.open, now) : stay(state);
    case 'repaired':
      return state.phase === 'repairing' ? go(state, 'fetching', { do: 'fetch-checkpoint' }) : stay(state);
    case 'sent':
      return onSent(state, event.bytes, now);
    case 'tick':
      if (isOverdue(state, now)) return giveUpReconciling(state, 'Kafka did not answer in time');
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
    case 'reconcile':
      return onReconcile(state, now);
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

function onFetched(state: State, checkpoint: Checkpoint | null, isStable: boolean, now: number): Step {
  if (state.phase !== 'fetching') return stay(state);
  const known = state.checkpoint;
  if (known !== null) {
    if (checkpoint === null)
      return staleOrLost(state, 'rows of this job were committed, but its checkpoint is gone', now);
    if (checkpoint.position.row < known.position.row) {
      return staleOrLost(state, 'the checkpoint is older than one that was committed', now);
    }
  }
  if (checkpoint !== null && checkpoint.version !== state.fileVersion) {
    const detail = 'the checkpoint was taken on another version of the file';
    return conclude({ ...state, checkpoint }, { code: 'SOURCE_CHANGED', detail });
  }
  if (checkpoint !== null && checkpoint.size !== state.fileSize) {
    return conclude(
      { ...state, checkpoint },
      {
        code: 'FILE_CORRUPT',
        detail: `the stored file has ${state.fileSize} bytes, but the checkpoint was taken on one of ${checkpoint.size}`,
      },
    );
  }
  // What hangs is judged by a checkpoint that stays the same meanwhile.
  const openSince = checkpoint?.position.row === known?.position.row ? state.openSince : null;
  return go({ ...state, checkpoint, isStable, openSince }, 'inspecting', { do: 'inspect', checkpoint });
}

function onInspected(state: State, evidence: TopicsEvidence, now: number): Step {
  const { checkpoint, isStable, limits } = state;
  const { data, dlq, recordsBeyond } = evidence;
  if (checkpoint !== null && (data.start > 0 || dlq.start > 0)) {
    return lost(state, "the job's topics have lost their first records to retention");
  }
  // Rows of ours that can be read were committed, and so is the checkpoint that came with them.
  const isCommitted = !isStable && recordsBeyond === 'ours';
  if (recordsBeyond !== null && !isCommitted) {
    const what = checkpoint === null ? 'hold records, but it has no checkpoint' : 'hold records after its checkpoint';
    return staleOrLost(state, `the job's topics ${what}`, now);
  }
  // After our fence no transaction but ours can be open, and we have begun none: its marker is late, or lost.
  if (data.end < data.high || dlq.end < dlq.high || !isStable) {
    const openSince = state.openSince ?? now;
    const next: State = { ...state, openSince };
    const age = now - openSince;
    if (age >= limits.hangingMs) {
      return isCommitted ? repair(next, [], ['offsets'], now) : go(next, 'examining', { do: 'examine', checkpoint });
    }
    const ms = Math.min(MAX_OPEN_RETRY_MS, Math.max(FIRST_OPEN_RETRY_MS, age / 2));
    return go(next, 'pausing', { do: 'wait', ms });
  }
  if (checkpoint !== null && (data.end < checkpoint.dataEnd || dlq.end < checkpoint.dlqEnd)) {
    // A broker that was killed may show the offsets' transaction marker before the topics'.
    return staleOrLost(state, "the job's topics end before the checkpoint", now);
  }
  const reconciled: State = { ...forgetSession(state), dirty: false, stale: { totalMs: 0, ownMs: 0, at: null } };
  if (checkpoint?.eof) return end(reconciled, { do: 'close' }, finish({ kind: 'completed', checkpoint }));
  if (state.pendingError !== null) return conclude(reconciled, state.pendingError);
  if (state.goal === 'reconcile') return end(reconciled, { do: 'close' }, finish({ kind: 'reconciled', checkpoint }));
  if (state.stopping) return end(reconciled, { do: 'close' }, finish({ kind: 'stopped' }));
  return go(reconciled, 'streaming', { do: 'read-from', checkpoint });
}

/**
 * The transaction coordinator says that nothing is open any more, the topics or the group say otherwise. Rows that the
 * checkpoint does not cover were never promised: their ABORT marker is missing. Rows that it covers are committed: their
 * COMMIT marker is missing. A transaction with rows of both kinds cannot be ended rightly by any marker. A later
 * checkpoint that is pending is aborted: none of its rows can be read.
 */
function onExamined(state: State, open: OpenTransactions, now: number): Step {
  const abort: MarkedPartition[] = [];
  const commit: MarkedPartition[] = [];
  const { checkpoint } = state;
  const ends = { data: checkpoint?.dataEnd ?? 0, dlq: checkpoint?.dlqEnd ?? 0 };
  for (const topic of ['data', 'dlq'] as const) {
    const transaction = open[topic];
    if (transaction === null) continue;
    const { start, isOurs, reachesBeyond } = transaction;
    const where = `in the job's ${topic} topic, from offset ${start} on`;
    if (!isOurs) return lost(state, `a transaction of another producer hangs ${where}`);
    if (start >= ends[topic]) abort.push(topic);
    else if (!reachesBeyond) commit.push(topic);
    else return lost(state, `a transaction hangs ${where} that holds rows before and after the checkpoint`);
  }
  if (!state.isStable) {
    if (commit.length > 0) return lost(state, "transactions hang in the job's topics before and after the checkpoint");
    abort.push('offsets');
  }
  return repair(state, abort, commit, now);
}

/** Ends what hangs. */
function repair(state: State, abort: MarkedPartition[], commit: MarkedPartition[], now: number): Step {
  const next: State = { ...state, openSince: null };
  if (abort.length + commit.length === 0) return go(next, 'fetching', { do: 'fetch-checkpoint' });
  if (now - state.lastCommitAt >= state.limits.unavailableAfterMs) {
    return giveUp(state, {
      code: 'KAFKA_UNAVAILABLE',
      detail: "the markers of the job's transactions keep being lost",
    });
  }
  return go(next, 'repairing', { do: 'repair', abort, commit });
}

/** The topics or the store know more than the checkpoint: it may have been read a moment too early. */
function staleOrLost(state: State, detail: string, now: number): Step {
  const stale = sawStale(state, now);
  return leaveStale(stale, detail) ?? go(stale, 'pausing', { do: 'wait', ms: STALE_RETRY_MS });
}

/** No session could be opened: the broker does not know the topics, because it has just started or they are deleted. */
function missingOrLost(state: State, detail: string, now: number): Step {
  const stale = sawStale(state, now);
  const next: State = { ...forgetSession(stale), stale: stale.stale };
  return leaveStale(next, detail) ?? go(next, 'waiting', { do: 'close' }, { do: 'wait', ms: STALE_RETRY_MS });
}

function sawStale(state: State, now: number): State {
  const { totalMs, ownMs, at } = state.stale;
  const passed = now - (at ?? now);
  return { ...state, stale: { totalMs: totalMs + passed, ownMs: ownMs + passed, at: now } };
}

/** The end of this runner's work on a job whose checkpoint has been stale for long enough; null: it looks again. */
function leaveStale(state: State, detail: string): Step | null {
  const { stale, limits, pendingError } = state;
  if (state.stopping) return end(state, { do: 'close' }, finish({ kind: 'stopped' }));
  // The first answers of a runner may be stale even if those of others were long ago.
  if (stale.ownMs < limits.staleMs) return null;
  if (stale.totalMs >= limits.lostAfterMs) return lost(state, detail);
  if (pendingError !== null) return giveUp(state, pendingError);
  return end(state, { do: 'close' }, finish({ kind: 'stale', detail, staleMs: stale.totalMs }));
}

function lost(state: State, detail: string): Step {
  return conclude(state, { code: 'CHECKPOINT_LOST', detail });
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
  if (!isReadingFile(state)) return stay(state);
  const next: State = { ...state, fileRead: true };
  return state.phase === 'streaming' ? cut(next) : stay(next);
}

/** The file is being read. */
function isReadingFile({ phase }: State): boolean {
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
  if (isIdle(state)) return stay(state);
  if (failure.kind === 'unauthenticated') {
    const unauthenticatedSince = state.unauthenticatedSince ?? now;
    const isForGood = now - unauthenticatedSince >= state.limits.unauthenticatedMs;
    return onFailed({ ...state, unauthenticatedSince }, { ...failure, kind: isForGood ? 'fatal' : 'transient' }, now);
  }
  if (failure.kind === 'missing') return missingOrLost(state, failure.detail, now);
  if (failure.kind === 'fatal') {
    const error = { code: failure.code, detail: failure.detail };
    if (failure.code === 'CHECKPOINT_LOST') return lost(state, failure.detail);
    // Only what was inspected is known to be all that is committed.
    return state.dirty || !isReadingFile(state) ? reconcileFirst(state, error, now) : conclude(state, error);
  }
  if (isOverdue(state, now)) return giveUpReconciling(state, failure.detail);
  // A run can be resumed; what is to be reconciled is handed out again later, and other jobs get the runner until then.
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
    openSince: state.openSince,
    backoffMs: Math.min(state.backoffMs * 2, state.limits.maxBackoffMs),
  };
  return go(next, 'waiting', { do: 'close' }, { do: 'wait', ms: state.backoffMs });
}

function forgetSession(state: State): State {
  const stale = { ...state.stale, at: null };
  return { ...state, transaction: null, pending: null, fileRead: false, stale, openSince: null };
}

/** Ends with a failure whose checkpoint is known for sure. */
function conclude(state: State, error: { code: ErrorCode; detail: string }): Step {
  const { checkpoint } = state;
  return end(state, { do: 'close' }, finish({ kind: 'failed', error, checkpoint, checkpointVerified: true }));
}

/** Ends with a failure while what is committed may be more than the last known checkpoint. */
function giveUp(state: State, error: { code: ErrorCode; detail: string }): Step {
  const { checkpoint } = state;
  return end(state, { do: 'close' }, finish({ kind: 'failed', error, checkpoint, checkpointVerified: false }));
}

/** What is committed cannot be found out now. Others get the runner; it is tried again later. */
function giveUpReconciling(state: State, detail: string): Step {
  const error = { code: 'KAFKA_UNAVAILABLE', detail: `what is committed could not be found out: ${detail}` } as const;
  return giveUp(state, state.pendingError ?? error);
}

/** Answers that may be stale, or show a hanging transaction, are asked for again for a separate time. */
function isOverdue({ goal, reconcilingSince, stale, openSince, limits }: State, now: number): boolean {
  if (goal !== 'reconcile' || reconcilingSince === null) return false;
  const watchMs = stale.at === null && openSince === null ? 0 : limits.staleMs + limits.hangingMs;
  return now - reconcilingSince >= limits.reconcileMs + watchMs;
}

/** Finds out what is committed, on a fresh session, before the failure is reported. */
function reconcileFirst(state: State, error: { code: ErrorCode; detail: string }, now: number): Step {
  if (state.pendingError !== null) return giveUp(state, state.pendingError); // the reconcile itself met a fatal error: it is tried again later
  const next: State = { ...forgetSession(state), pendingError: error, goal: 'reconcile', reconcilingSince: now };
  return go(next, 'leasing', { do: 'close' }, { do: 'ask-lease' });
}

function onReconcile(state: State, now: number): Step {
  const next: State = { ...state, goal: 'reconcile', reconcilingSince: state.reconcilingSince ?? now };
  if (isReadingFile(state)) return go(forgetSession(next), 'leasing', { do: 'close' }, { do: 'ask-lease' });
  // Otherwise it is on its way to the checkpoint already: the goal is read once that is known.
  if (state.phase !== 'waiting') return stay(next);
  return go(next, 'leasing', { do: 'ask-lease' });
}

function onStop(state: State): Step {
  const next: State = { ...state, stopping: true };
  if (state.phase === 'streaming') {
    return state.transaction === null ? end(next, { do: 'close' }, finish({ kind: 'stopped' })) : cut(next);
  }
  if (isIdle(state)) return end(next, { do: 'close' }, finish({ kind: 'stopped' }));
  return stay(next);
}

/** No call is under way. */
function isIdle({ phase }: State): boolean {
  return phase === 'waiting' || phase === 'pausing';
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
