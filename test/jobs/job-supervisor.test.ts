import { DEFAULT_OPTIONS } from '../../src/runner/index.js';
import type { Outcome } from '../../src/runner/messages.js';
import { aCheckpoint, Desk } from './support/desk.js';

let desk: Desk;
beforeEach(async () => {
  desk = await Desk.open();
});
afterEach(() => desk.close());

describe('handing out a job', () => {
  it('makes it RUNNING under a new lease before the runner hears of it', async () => {
    const jobId = await desk.accept();
    desk.clock.advance(40);
    const assignment = await desk.runners.next();
    expect(assignment).toEqual({
      jobId,
      lease: 1,
      intent: 'run',
      spoolPath: desk.spool.path(jobId),
      sizeBytes: 1000,
      format: 'csv',
      columns: [{ name: 'id', type: 'Int32', nullable: false, constraints: {} }],
      additionalColumns: true,
      dialect: { delimiter: ',', quote: '"', header: true },
      options: DEFAULT_OPTIONS,
      wrapping: { fileCompression: 'none', encoding: 'utf-8' },
      names: { data: `batch_${jobId}`, dlq: `batch_${jobId}_dlq`, group: `batch.${jobId}` },
      checkpoint: null,
      staleMs: 0,
    });
    expect(await desk.record(jobId)).toMatchObject({ state: 'RUNNING', lease: 1, waitingMs: 40, settled: false });
    expect(desk.states(jobId)).toEqual(['PENDING', 'RUNNING']);
  });

  it('uses the version of the model that was pinned, also when the model is gone', async () => {
    const jobId = await desk.accept();
    await desk.fixture.models.update('orders', {
      schema: {},
      compiled: { columns: [], additionalColumns: false },
    });
    await desk.fixture.models.delete('orders');
    expect(await desk.runners.next()).toMatchObject({ jobId, columns: [{ name: 'id' }] });
  });

  it('gives nothing for a job that has ended or never was', async () => {
    const jobId = await desk.accept();
    await desk.control.cancel(jobId);
    expect(await desk.supervisor.hire(jobId, 'run')).toBeNull();
    expect(await desk.supervisor.hire('zzzzzzzz', 'run')).toBeNull();
  });

  it('answers for the current lease only', async () => {
    const jobId = await desk.acceptAndHire();
    expect(await desk.supervisor.isLeaseCurrent(jobId, 1)).toBe(true);
    expect(await desk.supervisor.isLeaseCurrent(jobId, 0)).toBe(false);
    expect(await desk.supervisor.isLeaseCurrent('zzzzzzzz', 1)).toBe(false);
    desk.runners.lose(jobId, false);
    expect(await desk.supervisor.isLeaseCurrent(jobId, 1)).toBe(false);
    await desk.quiet();
    expect(await desk.runners.next()).toMatchObject({ lease: 2 });
    expect(await desk.supervisor.isLeaseCurrent(jobId, 1)).toBe(false);
    expect(await desk.supervisor.isLeaseCurrent(jobId, 2)).toBe(true);
  });

  it('ignores whatever a runner with an old lease tells', async () => {
    const jobId = await desk.acceptAndHire();
    desk.runners.lose(jobId, false);
    await desk.quiet();
    await desk.runners.next();
    const before = await desk.record(jobId);
    desk.supervisor.header(jobId, 1, ['x']);
    desk.supervisor.progress(jobId, 1, 999);
    desk.supervisor.committed(jobId, 1, aCheckpoint(50));
    desk.supervisor.finished(jobId, 1, { kind: 'completed', checkpoint: aCheckpoint(50, 0, true) });
    desk.supervisor.lost(jobId, 1, { crash: true, detail: '' });
    desk.clock.advance(5000);
    await desk.quiet();
    expect(await desk.record(jobId)).toEqual(before);
  });

  it('tries again when the store failed', async () => {
    const jobId = await desk.accept();
    desk.storeFailure = new Error('disk full');
    expect(await desk.runners.next()).toBeNull();
    expect(await desk.record(jobId)).toMatchObject({ state: 'PENDING', lease: 0 });
    desk.clock.advance(1000);
    expect(await desk.runners.next()).toMatchObject({ jobId, lease: 1 });
  });
});

describe('progress', () => {
  it('is written at the first commit, then at most once a second', async () => {
    const jobId = await desk.acceptAndHire();
    const published = () => desk.snapshots.length;
    const begun = published();
    desk.supervisor.header(jobId, 1, ['id']);
    desk.supervisor.progress(jobId, 1, 50);
    await desk.quiet();
    expect(published()).toBe(begun);
    desk.commit(jobId, 10);
    await desk.quiet();
    expect(published()).toBe(begun + 1);
    expect(await desk.job(jobId)).toMatchObject({
      file_columns: ['id'],
      totals: { rows: 10, ok: 10, errors: 0 },
      progress: { bytes_done: 100, bytes_total: 1000 },
    });
    for (let i = 0; i < 30; i++) {
      desk.clock.advance(100);
      desk.commit(jobId, 11 + i, 1);
      desk.supervisor.progress(jobId, 1, 200 + i * 10);
      await desk.quiet();
    }
    expect(published()).toBe(begun + 3);
    desk.clock.advance(1000);
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({ totals: { rows: 41, ok: 40, errors: 1 } });
  });

  it.each([-5, 5])('is written within a second also when the wall clock is set by %s hours', async (hours) => {
    const jobId = await desk.acceptAndHire();
    desk.commit(jobId, 10);
    await desk.quiet();
    desk.clock.setWall(hours * 3_600_000);
    desk.commit(jobId, 11);
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({ totals: { rows: 10 } });
    desk.clock.advance(1000);
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({ totals: { rows: 11 } });
  });

  it('counts committed rows only, and they never go back', async () => {
    const jobId = await desk.acceptAndHire();
    desk.commit(jobId, 20, 2);
    desk.supervisor.progress(jobId, 1, 900);
    desk.clock.advance(1000);
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({ totals: { rows: 22 }, progress: { bytes_done: 900 } });

    desk.runners.lose(jobId, false);
    await desk.quiet();
    expect(await desk.runners.next()).toMatchObject({ checkpoint: { ok: expect.any(Number) } });
    desk.supervisor.progress(jobId, 2, 300);
    desk.commit(jobId, 10);
    desk.clock.advance(1000);
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({
      totals: { rows: 22, ok: 20, errors: 2 },
      progress: { bytes_done: 300 },
    });
  });

  it('is in the store after a stop, the last commit included', async () => {
    const jobId = await desk.acceptAndHire();
    desk.commit(jobId, 10);
    desk.commit(jobId, 20);
    await desk.supervisor.stop();
    expect(await desk.job(jobId)).toMatchObject({ state: 'RUNNING', totals: { rows: 20 } });
    expect(desk.clock.pending).toBe(0);
  });
});

describe('the end of a job', () => {
  it.each<[string, Outcome, object]>([
    ['all rows accepted', completed(7, 0), { state: 'SUCCESS', error: null, end_offsets: { data: 8, dlq: 0 } }],
    ['no rows at all', completed(0, 0), { state: 'SUCCESS', error: null, end_offsets: { data: 0, dlq: 0 } }],
    ['some rejected', completed(5, 2), { state: 'PARTIAL_SUCCESS', error: null, end_offsets: { data: 6, dlq: 3 } }],
    [
      'all rejected',
      completed(0, 3),
      {
        state: 'FAILED',
        error: {
          code: 'ALL_ROWS_REJECTED',
          message: 'All 3 rows were rejected',
          hint: expect.stringMatching(/rejected/),
        },
        end_offsets: { data: 0, dlq: 4 },
      },
    ],
    [
      'a header that does not fit',
      failed('HEADER_MISMATCH', null, true),
      { state: 'FAILED', error: { code: 'HEADER_MISMATCH' }, end_offsets: { data: 0, dlq: 0 }, totals: { rows: 0 } },
    ],
    [
      'a refusal of the broker',
      failed('KAFKA_REJECTED', aCheckpoint(4), true),
      { state: 'FAILED', error: { code: 'KAFKA_REJECTED' }, end_offsets: { data: 5, dlq: 0 }, totals: { rows: 4 } },
    ],
    [
      'no broker',
      failed('KAFKA_UNAVAILABLE', aCheckpoint(4), false),
      { state: 'FAILED', error: { code: 'KAFKA_UNAVAILABLE' }, end_offsets: null, totals: { rows: 4 } },
    ],
    [
      'a lost checkpoint',
      failed('CHECKPOINT_LOST', null, true),
      { state: 'FAILED', error: { code: 'CHECKPOINT_LOST' }, end_offsets: null },
    ],
    [
      'an error that turned out to be after the end',
      failed('KAFKA_REJECTED', aCheckpoint(4, 0, true), true),
      { state: 'SUCCESS', end_offsets: { data: 5, dlq: 0 } },
    ],
  ])('with %s', async (_, outcome, expected) => {
    const jobId = await desk.acceptAndHire();
    desk.clock.advance(250);
    desk.supervisor.header(jobId, 1, ['id']);
    desk.runners.finish(jobId, outcome);
    await desk.quiet();
    const job = await desk.job(jobId);
    expect(job).toMatchObject(expected);
    expect(job).toMatchObject({
      file_columns: ['id'],
      timings: { processing_ms: 250 },
      started_at: '2026-03-01T12:00:00.000Z',
      finished_at: '2026-03-01T12:00:00.250Z',
    });
    expect(desk.snapshots.at(-1)).toEqual(job);
    expect(desk.states(jobId)).toEqual(['PENDING', 'RUNNING', job.state]);
    expect(await desk.files()).toEqual(job.state === 'SUCCESS' ? [] : [jobId]);
    expect(desk.runners.queue).toEqual([]);
    expect(desk.clock.pending).toBe(0);
  });

  it('is found out again when it could not be stored', async () => {
    const jobId = await desk.acceptAndHire();
    const { db } = desk.fixture;
    await db.schema.alterTable('jobs').renameColumn('finished_at', 'hidden').execute();
    desk.runners.finish(jobId, completed(7, 0));
    await desk.quiet();
    await db.schema.alterTable('jobs').renameColumn('hidden', 'finished_at').execute();
    expect((await desk.record(jobId)).state).toBe('RUNNING');

    desk.clock.advance(1000);
    expect(await desk.runners.next()).toMatchObject({ jobId, lease: 2 });
    desk.runners.finish(jobId, completed(7, 0));
    await desk.quiet();
    expect((await desk.record(jobId)).state).toBe('SUCCESS');
  });

  it('does not come with a shutdown: the job goes on later', async () => {
    const jobId = await desk.acceptAndHire();
    desk.commit(jobId, 10);
    desk.runners.finish(jobId, { kind: 'stopped' });
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({ state: 'RUNNING', totals: { rows: 10 } });
    expect(desk.runners.queue).toEqual([jobId]);
  });
});

describe('a job whose checkpoint is stale', () => {
  const stale = (staleMs: number): Outcome => ({ kind: 'stale', detail: 'the checkpoint is gone', staleMs });
  /** The runner that has the job leaves it as stale. */
  const leave = async (jobId: string, staleMs: number): Promise<void> => {
    desk.runners.finish(jobId, stale(staleMs));
    await desk.quiet();
  };

  it('gives its runner to others for two seconds, and comes again with the time that it has been so', async () => {
    const jobId = await desk.acceptAndHire();
    await leave(jobId, 10_000);
    const other = await desk.accept();
    expect(await desk.runners.next()).toMatchObject({ jobId: other, staleMs: 0 });
    desk.clock.advance(1_999);
    expect(await desk.runners.next()).toBeNull();
    desk.clock.advance(1);
    expect(await desk.runners.next()).toMatchObject({ jobId, intent: 'run', staleMs: 12_000 });
    expect(await desk.record(jobId)).toMatchObject({ state: 'RUNNING', crashes: 0 });
    expect(desk.states(jobId)).toEqual(['PENDING', 'RUNNING']);
  });

  it.each<[string, (jobId: string) => void]>([
    ['stops', (jobId) => desk.runners.finish(jobId, { kind: 'stopped' })],
    ['is lost', (jobId) => desk.runners.lose(jobId, false)],
  ])('is no longer taken for stale when a runner %s', async (_what, end) => {
    const jobId = await desk.acceptAndHire();
    await leave(jobId, 10_000);
    desk.clock.advance(2_000);
    expect(await desk.runners.next()).toMatchObject({ staleMs: 12_000 });
    end(jobId);
    await desk.quiet();
    expect(await desk.runners.next()).toMatchObject({ jobId, staleMs: 0 });
  });

  it('does not count the time without a broker', async () => {
    const jobId = await desk.acceptAndHire();
    await leave(jobId, 10_000);
    desk.clock.advance(1_500);
    desk.supervisor.brokerAway();
    desk.clock.advance(500);
    expect(await desk.runners.next()).toMatchObject({ jobId, staleMs: 10_500 });
  });

  it('begins anew after a restart', async () => {
    const jobId = await desk.acceptAndHire();
    await leave(jobId, 50_000);
    desk.start();
    desk.supervisor.submit(jobId);
    expect(await desk.runners.next()).toMatchObject({ jobId, staleMs: 0 });
  });

  it('is looked at as soon again when it is cancelled, and ends when it is lost', async () => {
    const jobId = await desk.acceptAndHire();
    await leave(jobId, 10_000);
    const cancelling = desk.control.cancel(jobId);
    await desk.quiet();
    expect(await desk.runners.next()).toMatchObject({ intent: 'settle', staleMs: 10_000 });
    await leave(jobId, 20_000);
    desk.clock.advance(2_000);
    expect(await desk.runners.next()).toMatchObject({ intent: 'settle', staleMs: 22_000 });
    desk.runners.finish(jobId, failed('CHECKPOINT_LOST', null, true));
    await cancelling;
    expect(await desk.job(jobId)).toMatchObject({ state: 'FAILED', error: { code: 'CHECKPOINT_LOST' } });
    expect(desk.clock.pending).toBe(0);
  });

  it('is settled later when it has failed before', async () => {
    const jobId = await desk.acceptAndHire();
    desk.runners.finish(jobId, failed('KAFKA_UNAVAILABLE', null, false));
    await desk.quiet();
    await desk.upkeep.settleUnsettled();
    expect(await desk.runners.next()).toMatchObject({ intent: 'settle' });
    await leave(jobId, 10_000);
    desk.clock.advance(29_999);
    expect(await desk.runners.next()).toBeNull();
    desk.clock.advance(1);
    expect(await desk.runners.next()).toMatchObject({ intent: 'settle', staleMs: 40_000 });
    expect(await desk.job(jobId)).toMatchObject({ state: 'FAILED', error: { code: 'KAFKA_UNAVAILABLE' } });
  });
});

describe('a lost runner', () => {
  it('is replaced by one with the next lease', async () => {
    const jobId = await desk.acceptAndHire();
    for (const crash of [false, true, true]) {
      desk.runners.lose(jobId, crash);
      await desk.quiet();
      expect(await desk.runners.next()).toMatchObject({ jobId, intent: 'run' });
    }
    expect(await desk.record(jobId)).toMatchObject({ state: 'RUNNING', lease: 4, crashes: 2 });
    expect(desk.states(jobId)).toEqual(['PENDING', 'RUNNING']);
  });

  it('fails the job at the third crash without a commit, once it is settled', async () => {
    const jobId = await desk.acceptAndHire();
    for (let i = 0; i < 3; i++) {
      desk.runners.lose(jobId, true);
      await desk.quiet();
      expect(await desk.runners.next()).toMatchObject({ intent: i < 2 ? 'run' : 'settle' });
    }
    expect((await desk.record(jobId)).state).toBe('RUNNING');
    desk.runners.finish(jobId, { kind: 'settled', checkpoint: aCheckpoint(4, 1) });
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({
      state: 'FAILED',
      error: { code: 'RUNNER_CRASHED', message: 'the runner crashed 3 times without a commit; last: SIGSEGV' },
      totals: { rows: 5, ok: 4, errors: 1 },
      end_offsets: { data: 5, dlq: 2 },
    });
    expect(await desk.files()).toEqual([jobId]);
  });

  it('waits for Kafka before it fails the job, and gives its runner to others meanwhile', async () => {
    const jobId = await desk.acceptAndHire();
    for (let i = 0; i < 3; i++) {
      desk.runners.lose(jobId, true);
      await desk.quiet();
      await desk.runners.next();
    }
    desk.runners.finish(jobId, failed('KAFKA_UNAVAILABLE', null, false));
    await desk.quiet();
    expect(await desk.runners.next()).toBeNull();
    expect((await desk.record(jobId)).state).toBe('RUNNING');
    desk.clock.advance(30_000);
    expect(await desk.runners.next()).toMatchObject({ jobId, intent: 'settle' });
    desk.runners.finish(jobId, { kind: 'settled', checkpoint: aCheckpoint(4, 1) });
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({ state: 'FAILED', error: { code: 'RUNNER_CRASHED' } });
  });

  it('keeps the result when the settling after the crashes finds the end', async () => {
    const jobId = await desk.acceptAndHire();
    for (let i = 0; i < 3; i++) {
      desk.runners.lose(jobId, true);
      await desk.quiet();
      await desk.runners.next();
    }
    desk.runners.finish(jobId, completed(7, 0));
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({ state: 'SUCCESS', error: null });
  });

  it('starts counting anew at each commit, even one that is not stored yet', async () => {
    const jobId = await desk.acceptAndHire();
    for (let i = 1; i < 8; i++) {
      desk.commit(jobId, i);
      desk.runners.lose(jobId, true);
      await desk.quiet();
      expect(await desk.runners.next()).toMatchObject({ intent: 'run' });
    }
    expect(await desk.record(jobId)).toMatchObject({ state: 'RUNNING', crashes: 1 });
  });

  it('may be killed from outside for five minutes without a commit, not for longer', async () => {
    const jobId = await desk.acceptAndHire();
    const live = async (ms: number): Promise<string | undefined> => {
      desk.clock.advance(ms);
      desk.runners.lose(jobId, false);
      await desk.quiet();
      return (await desk.runners.next())?.intent;
    };
    for (let i = 0; i < 4; i++) expect(await live(60_000)).toBe('run');
    desk.commit(jobId, 5);
    for (let i = 0; i < 4; i++) expect(await live(60_000)).toBe('run');
    desk.supervisor.brokerAway();
    for (let i = 0; i < 4; i++) expect(await live(60_000)).toBe('run');
    expect(await live(60_000)).toBe('settle');
    desk.runners.finish(jobId, { kind: 'settled', checkpoint: aCheckpoint(5) });
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({
      state: 'FAILED',
      error: { code: 'RUNNER_CRASHED', message: 'no commit for 300 s, while runners were lost; last: SIGKILL' },
    });
  });

  it.each([-5, 5])('is not counted as stalled for the wall clock that is set by %s hours', async (hours) => {
    const jobId = await desk.acceptAndHire();
    desk.commit(jobId, 5);
    await desk.quiet();
    desk.clock.setWall(hours * 3_600_000);
    desk.clock.advance(299_999);
    desk.runners.lose(jobId, false);
    await desk.quiet();
    expect(await desk.runners.next()).toMatchObject({ intent: 'run' });
    desk.clock.setWall(-hours * 3_600_000);
    desk.clock.advance(1);
    desk.runners.lose(jobId, false);
    await desk.quiet();
    expect(await desk.runners.next()).toMatchObject({ intent: 'settle' });
    desk.runners.finish(jobId, { kind: 'settled', checkpoint: aCheckpoint(5) });
    await desk.quiet();
    expect((await desk.job(jobId)).error?.message).toBe('no commit for 300 s, while runners were lost; last: SIGKILL');
  });

  it('is replaced with growing delays while it crashes in settling', async () => {
    const jobId = await desk.acceptAndHire();
    const cancelling = desk.control.cancel(jobId);
    await desk.quiet();
    for (const delay of [500, 1000, 2000, 4000]) {
      desk.runners.lose(jobId, true);
      await desk.quiet();
      desk.clock.advance(delay - 1);
      expect(await desk.runners.next()).toBeNull();
      desk.clock.advance(1);
      expect(await desk.runners.next()).toMatchObject({ intent: 'settle' });
    }
    await cancelling;
    expect((await desk.record(jobId)).state).toBe('CANCELLING');
  });
});

function completed(ok: number, errors: number): Outcome {
  return { kind: 'completed', checkpoint: aCheckpoint(ok, errors, true) };
}

function failed(
  code: Extract<Outcome, { kind: 'failed' }>['error']['code'],
  checkpoint: Extract<Outcome, { kind: 'failed' }>['checkpoint'],
  settled: boolean,
): Outcome {
  return { kind: 'failed', error: { code, detail: 'the detail' }, checkpoint, settled };
}
