import { type Clock, isoTime } from './clock.js';
import type { JobChanges } from './job-changes.js';
import { needsSpool, type StoredJob, timings } from './stored-job.js';
import { type Decision, decideIntent } from './transitions.js';

/** The changes by which a job enters a phase of its life now, its timings kept in step. */

/** The job counts as taken up, though no runner has it. A runner's claim does the same in the store. */
export function begin(record: StoredJob, clock: Clock): JobChanges {
  return {
    ...timings(record, clock.steady()),
    state: 'RUNNING',
    phaseSince: clock.steady(),
    startedAt: record.startedAt ?? isoTime(clock.now()),
    bytesDone: record.checkpoint?.bytesDone ?? 0,
  };
}

export function end(record: StoredJob, decision: Extract<Decision, { kind: 'end' }>, clock: Clock): JobChanges {
  const { state, error, checkpoint, checkpointVerified } = decision;
  return {
    ...timings(record, clock.steady()),
    state,
    error,
    checkpoint,
    checkpointVerified,
    pendingError: null,
    bytesDone: checkpoint?.eof ? record.sizeBytes : (checkpoint?.bytesDone ?? 0),
    spooled: record.spooled && needsSpool({ state }),
    finishedAt: isoTime(clock.now()),
    leaseOwner: null,
    runAfterMs: decideIntent({ ...record, state, error, checkpointVerified }) === null ? null : 0,
  };
}

/** The job ends before a runner took it up. What an earlier attempt committed is known already. */
export function endUnstarted(record: StoredJob, state: 'CANCELLED' | 'FAILED', clock: Clock): JobChanges {
  const { pendingError: error, checkpoint, checkpointVerified } = record;
  return end(
    record,
    { kind: 'end', state, error: state === 'FAILED' ? error : null, checkpoint, checkpointVerified },
    clock,
  );
}

/** The next attempt. What is committed stays. A runner that still reconciles the job keeps it until it has reported. */
export function queueAgain(record: StoredJob, clock: Clock): JobChanges {
  return {
    state: 'PENDING',
    attempt: record.attempt + 1,
    crashes: 0,
    failures: 0,
    pendingError: null,
    error: null,
    waiting: null,
    bytesDone: record.checkpoint?.bytesDone ?? 0,
    phaseSince: clock.steady(),
    finishedAt: null,
    runAfterMs: 0,
  };
}
