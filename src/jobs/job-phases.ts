import { type Clock, isoTime } from './clock.js';
import type { JobChanges } from './job-changes.js';
import type { Decision } from './job-decisions.js';
import { type JobRecord, needsSpool, timings } from './job-record.js';

/** The changes by which a job enters a phase of its life now, its timings kept in step. */

/** A runner takes the job up. */
export function begin(record: JobRecord, clock: Clock): JobChanges {
  return {
    ...timings(record, clock.steady()),
    state: 'RUNNING',
    phaseSince: clock.steady(),
    startedAt: record.startedAt ?? isoTime(clock.now()),
    bytesDone: record.checkpoint?.bytesDone ?? 0,
  };
}

export function end(record: JobRecord, decision: Extract<Decision, { kind: 'end' }>, clock: Clock): JobChanges {
  const { state, error, checkpoint, settled } = decision;
  return {
    ...timings(record, clock.steady()),
    state,
    error,
    checkpoint,
    settled,
    verdict: null,
    bytesDone: checkpoint?.eof ? record.sizeBytes : (checkpoint?.bytesDone ?? 0),
    spooled: record.spooled && needsSpool({ state }),
    finishedAt: isoTime(clock.now()),
  };
}

/** The job ends before a runner took it up. What an earlier attempt committed is known already. */
export function endUnstarted(record: JobRecord, state: 'CANCELLED' | 'FAILED', clock: Clock): JobChanges {
  const { verdict: error, checkpoint, settled } = record;
  return end(record, { kind: 'end', state, error: state === 'FAILED' ? error : null, checkpoint, settled }, clock);
}

/** The next attempt. What is committed stays. */
export function queueAgain(record: JobRecord, clock: Clock): JobChanges {
  return {
    state: 'PENDING',
    attempt: record.attempt + 1,
    crashes: 0,
    verdict: null,
    error: null,
    phaseSince: clock.steady(),
    finishedAt: null,
  };
}
