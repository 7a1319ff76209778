import { isoTime } from './clock.js';
import type { JobChanges } from './job-changes.js';
import type { Decision } from './job-decisions.js';
import { type JobRecord, needsSpool, timings } from './job-record.js';

/** The changes by which a job enters a phase of its life at `now` (ms since the epoch), its timings kept in step. */

/** A runner takes the job up. */
export function begin(record: JobRecord, now: number): JobChanges {
  return {
    ...timings(record, now),
    state: 'RUNNING',
    phaseSince: now,
    startedAt: record.startedAt ?? isoTime(now),
    bytesDone: record.checkpoint?.bytesDone ?? 0,
  };
}

export function end(record: JobRecord, decision: Extract<Decision, { kind: 'end' }>, now: number): JobChanges {
  const { state, error, checkpoint, settled } = decision;
  return {
    ...timings(record, now),
    state,
    error,
    checkpoint,
    settled,
    verdict: null,
    bytesDone: checkpoint?.eof ? record.sizeBytes : (checkpoint?.bytesDone ?? 0),
    spooled: record.spooled && needsSpool({ state }),
    finishedAt: isoTime(now),
  };
}

/** The job ends before a runner took it up. What an earlier attempt committed is known already. */
export function endUnstarted(record: JobRecord, state: 'CANCELLED' | 'FAILED', now: number): JobChanges {
  const { verdict: error, checkpoint, settled } = record;
  return end(record, { kind: 'end', state, error: state === 'FAILED' ? error : null, checkpoint, settled }, now);
}

/** The next attempt. What is committed stays. */
export function queueAgain(record: JobRecord, now: number): JobChanges {
  return {
    state: 'PENDING',
    attempt: record.attempt + 1,
    crashes: 0,
    verdict: null,
    error: null,
    phaseSince: now,
    finishedAt: null,
  };
}
