import { DEFAULT_OPTIONS } from '../../../src/ingest/index.js';
import type { JobState } from '../../../src/jobs/domain/job.js';
import {
  decideSinkLoss,
  decideSinkOutcome,
  isLoadable,
  isReadToEnd,
  type SinkDecision,
} from '../../../src/jobs/domain/sink-transitions.js';
import type { SinkOutcome } from '../../../src/sinks/index.js';
import { aCheckpoint } from '../support/jobs-harness.js';

const DONE = { state: 'SUCCESS', error: null } as const;
const RUNNING = { state: 'RUNNING', error: null } as const;
const failedWith = (code: 'KAFKA_UNAVAILABLE' | 'ALL_ROWS_REJECTED') =>
  ({ state: 'FAILED', error: { code, message: '' } }) as const;

function decided(
  outcome: SinkOutcome,
  job: Parameters<typeof decideSinkOutcome>[2] = DONE,
  failures = 0,
): SinkDecision {
  return decideSinkOutcome({ state: 'LOADING', failures }, outcome, job, true);
}

const refused = (code: string): SinkOutcome => ({
  kind: 'failed',
  code,
  detail: 'why',
  isDown: code === 'SINK_UNAVAILABLE',
});

describe('a job', () => {
  it.each<[JobState, boolean]>([
    ['PENDING', false],
    ['RUNNING', false],
    ['CANCELLING', false],
    ['CANCELLED', false],
    ['FAILED', false],
    ['SUCCESS', true],
    ['PARTIAL_SUCCESS', true],
  ])('that is %s is read to its end: %s', (state, isRead) => {
    expect(isReadToEnd({ state, error: null })).toBe(isRead);
  });

  it('that has rejected every row is read to its end, one that failed otherwise is not', () => {
    expect(isReadToEnd(failedWith('ALL_ROWS_REJECTED'))).toBe(true);
    expect(isReadToEnd(failedWith('KAFKA_UNAVAILABLE'))).toBe(false);
  });

  it('is loadable at its end, and while it streams as soon as something is committed', () => {
    const streaming = { ...DEFAULT_OPTIONS, sinkWhen: 'streaming' } as const;
    expect(isLoadable({ ...DONE, options: DEFAULT_OPTIONS, checkpoint: null })).toBe(true);
    expect(isLoadable({ ...RUNNING, options: DEFAULT_OPTIONS, checkpoint: aCheckpoint(1) })).toBe(false);
    expect(isLoadable({ ...RUNNING, options: streaming, checkpoint: null })).toBe(false);
    expect(isLoadable({ ...RUNNING, options: streaming, checkpoint: aCheckpoint(1) })).toBe(true);
    const failed = failedWith('KAFKA_UNAVAILABLE');
    expect(isLoadable({ ...failed, options: streaming, checkpoint: aCheckpoint(1) })).toBe(true);
    expect(isLoadable({ ...failed, options: DEFAULT_OPTIONS, checkpoint: aCheckpoint(1) })).toBe(false);
  });
});

describe('a report of a sink', () => {
  it('that all is loaded, or taken out, is an end', () => {
    const end = { error: null, failures: 0, runAfterMs: null };
    expect(decided({ kind: 'loaded' }, DONE, 2)).toEqual({ state: 'LOADED', ...end });
    expect(decided({ kind: 'removed' }, DONE, 2)).toEqual({ state: 'REMOVED', ...end, isRemoved: true });
  });

  it('that the rest is to come is followed by a look when there may be more, and by none if the job stands still', () => {
    const waits = { state: 'PENDING', error: null, failures: 0 };
    expect(decided({ kind: 'waiting' }, RUNNING)).toEqual({ ...waits, runAfterMs: 1_000 });
    expect(decided({ kind: 'waiting' }, { ...RUNNING, state: 'CANCELLING' })).toEqual({ ...waits, runAfterMs: 1_000 });
    expect(decided({ kind: 'waiting' }, failedWith('KAFKA_UNAVAILABLE'))).toEqual({ ...waits, runAfterMs: null });
    expect(decided({ kind: 'waiting' }, DONE)).toEqual({ ...waits, runAfterMs: 0 });
  });

  it('that it has left the job changes nothing', () => {
    for (const state of ['LOADING', 'REMOVING', 'RETRYING'] as const) {
      expect(decideSinkOutcome({ state, failures: 2 }, { kind: 'left' }, DONE, false)).toEqual({
        ...{ state, error: null, failures: 2, runAfterMs: 1_000 },
      });
    }
  });

  it('that the connection does not work is retried ever more slowly, at most once a minute', () => {
    const pauses = Array.from({ length: 9 }, (_, failures) => decided(refused('SINK_UNAVAILABLE'), DONE, failures));
    expect(pauses.map(({ runAfterMs }) => runAfterMs)).toEqual(
      [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1_000),
    );
    expect(pauses[2]).toEqual({
      ...{ state: 'RETRYING', failures: 3, runAfterMs: 4_000, trips: true },
      error: { code: 'SINK_UNAVAILABLE', message: 'why' },
    });
    expect(decided(refused('SINK_FORBIDDEN')).runAfterMs).toBe(30_000);
    expect(decided(refused('SINK_FORBIDDEN'), DONE, 9).runAfterMs).toBe(60_000);
    expect(decided(refused('SINK_UNAVAILABLE'), DONE, 1e9).runAfterMs).toBe(60_000);
  });

  it('that one table or job is refused keeps no other from trying', () => {
    const own: SinkOutcome = { kind: 'failed', code: 'SINK_FORBIDDEN', detail: 'one table', isDown: false };
    expect(decided(own)).not.toHaveProperty('trips');
    expect(decided({ ...own, isDown: true })).toMatchObject({ trips: true });
  });

  it('that the sink knows another load is tried again in silence, but not for ever', () => {
    const overtaken: SinkOutcome = { kind: 'overtaken', detail: 'load 2 was begun' };
    expect(decided(overtaken)).toEqual({ state: 'LOADING', error: null, failures: 1, runAfterMs: 1_000 });
    expect(decided(overtaken, DONE, 9)).toMatchObject({ state: 'FAILED', error: { code: 'SINK_STATE_LOST' } });
  });

  it('that no block was there is followed by a look a little later', () => {
    const wait = decideSinkOutcome({ state: 'LOADING', failures: 0 }, { kind: 'waiting' }, RUNNING, false);
    expect(wait.runAfterMs).toBe(5_000);
  });

  it('that a removal did not get through, whatever the reason, leaves the load REMOVING: some rows may be gone', () => {
    const load = { state: 'REMOVING', failures: 2 } as const;
    const decisions = [
      decideSinkOutcome(load, refused('SINK_UNAVAILABLE'), DONE, false),
      decideSinkOutcome(load, refused('SINK_SCHEMA_CONFLICT'), DONE, false),
      decideSinkLoss(load, { crash: true, detail: 'SIGSEGV' }),
    ];
    expect(decisions.map(({ state, failures, runAfterMs }) => [state, failures, runAfterMs])).toEqual([
      ['REMOVING', 3, 4_000],
      ['REMOVING', 3, 60_000],
      ['REMOVING', 3, 60_000],
    ]);
  });

  it.each(['SINK_SCHEMA_CONFLICT', 'SINK_STATE_LOST', 'SINK_TOO_MANY_ERRORS', 'SINK_NOT_REVERSIBLE'])(
    'of %s is not tried again by itself',
    (code) => {
      expect(decided(refused(code), DONE, 4)).toEqual({
        ...{ state: 'FAILED', error: { code, message: 'why' }, failures: 0, runAfterMs: null },
      });
    },
  );

  it('that rows have expired is the end of the load', () => {
    expect(decided({ kind: 'expired', detail: 'gone' })).toMatchObject({
      ...{ state: 'FAILED', error: { code: 'SINK_EXPIRED', message: 'gone' }, runAfterMs: null },
    });
  });

  it('that Kafka is away is retried; it says nothing of the sink, so others try meanwhile', () => {
    const decision = decided({ kind: 'kafka', detail: 'away' });
    const error = { code: 'KAFKA_UNAVAILABLE', message: 'away' };
    expect(decision).toEqual({ state: 'RETRYING', error, failures: 1, runAfterMs: 1_000 });
  });
});

describe('the loss of a process', () => {
  const loss = (crash: boolean) => ({ crash, detail: 'SIGSEGV' });

  it('counts as the fault of a load at the third crash in a row', () => {
    const first = decideSinkLoss({ state: 'LOADING', failures: 0 }, loss(true));
    expect(first).toEqual({
      ...{ state: 'RETRYING', error: { code: 'SINK_CRASHED', message: 'SIGSEGV' }, failures: 1, runAfterMs: 1_000 },
    });
    expect(decideSinkLoss({ state: 'RETRYING', failures: 1 }, loss(true))).toMatchObject({ runAfterMs: 2_000 });
    expect(decideSinkLoss({ state: 'RETRYING', failures: 2 }, loss(true))).toMatchObject({
      ...{ state: 'FAILED', error: { code: 'SINK_CRASHED' }, runAfterMs: null },
    });
  });

  it('by a kill from outside counts for nothing', () => {
    const decision = decideSinkLoss({ state: 'LOADING', failures: 2 }, loss(false));
    expect(decision).toEqual({ state: 'LOADING', error: null, failures: 2, runAfterMs: 0 });
  });
});
