import { DEFAULT_OPTIONS } from '../../../src/ingest/index.js';
import type { Outcome } from '../../../src/runner/ipc.js';
import { aCheckpoint, JobsHarness } from '../support/jobs-harness.js';

let harness: JobsHarness;
beforeEach(async () => {
  harness = await JobsHarness.open();
});
afterEach(() => harness.close());

describe('handing out a job', () => {
  it('makes it RUNNING under a new lease before the runner hears of it', async () => {
    const jobId = await harness.accept();
    harness.clock.advance(40);
    const assignment = await harness.runners.next();
    expect(assignment).toEqual({
      jobId,
      modelId: 'orders',
      filename: 'orders.csv',
      traceId: null,
      lease: 1,
      intent: 'run',
      file: { kind: 'local', path: harness.path(jobId) },
      sizeBytes: 1000,
      sha256: 'a'.repeat(64),
      format: 'csv',
      columns: [{ name: 'id', type: 'Int32', nullable: false, constraints: {} }],
      additionalColumns: true,
      dialect: { delimiter: ',', quote: '"', header: true },
      options: DEFAULT_OPTIONS,
      sourceEncoding: { fileCompression: 'none', encoding: 'utf-8' },
      names: { data: `batch_${jobId}`, dlq: `batch_${jobId}_dlq`, group: `batch.${jobId}` },
      checkpoint: null,
      staleMs: 0,
    });
    expect(await harness.record(jobId)).toMatchObject({
      state: 'RUNNING',
      lease: 1,
      waitingMs: 40,
      checkpointVerified: false,
    });
    expect(harness.states(jobId)).toEqual(['PENDING', 'RUNNING']);
  });

  it('uses the version of the model that was pinned, also when the model is gone', async () => {
    const jobId = await harness.accept();
    await harness.fixture.models.update('orders', {
      schema: {},
      compiled: { columns: [], additionalColumns: false },
    });
    await harness.fixture.models.delete('orders');
    expect(await harness.runners.next()).toMatchObject({ jobId, columns: [{ name: 'id' }] });
  });

  it('gives nothing for a job that has ended', async () => {
    const jobId = await harness.accept();
    await harness.commands.cancel(jobId);
    expect(await harness.coordinator.claim('run')).toBe(false);
    expect(await harness.coordinator.claim('reconcile')).toBe(false);
  });

  it('answers for the current lease only', async () => {
    const jobId = await harness.acceptAndClaim();
    expect(await harness.coordinator.isLeaseCurrent(jobId, 1)).toBe(true);
    expect(await harness.coordinator.isLeaseCurrent(jobId, 0)).toBe(false);
    expect(await harness.coordinator.isLeaseCurrent('zzzzzzzz', 1)).toBe(false);
    harness.runners.lose(jobId, false);
    expect(await harness.coordinator.isLeaseCurrent(jobId, 1)).toBe(false);
    await harness.quiet();
    expect(await harness.runners.next()).toMatchObject({ lease: 2 });
    expect(await harness.coordinator.isLeaseCurrent(jobId, 1)).toBe(false);
    expect(await harness.coordinator.isLeaseCurrent(jobId, 2)).toBe(true);
  });

  it('answers by the row, which knows when another process has claimed the job', async () => {
    const jobId = await harness.acceptAndClaim();
    await harness.store.releaseAll(); // it stood still for longer than its lease
    expect(await harness.coordinator.isLeaseCurrent(jobId, 1)).toBe(false);
    await harness.store.claim('run', 'another process');
    expect(await harness.coordinator.isLeaseCurrent(jobId, 1)).toBe(false);
    harness.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(5, 0, true) });
    await harness.quiet();
    expect(await harness.record(jobId)).toMatchObject({ state: 'RUNNING', lease: 2, checkpoint: null });
  });

  it('kills the runner of a job whose lease is lost, and forgets what it has told', async () => {
    const jobId = await harness.acceptAndClaim();
    harness.commit(jobId, 5);
    await harness.quiet();
    harness.commit(jobId, 9);
    const [held] = harness.coordinator.heldLeases;
    harness.coordinator.leaseLost({ ...held!, lease: 0 });
    expect(harness.runners.abandoned).toEqual([]);
    harness.coordinator.leaseLost(held!);
    expect([harness.runners.abandoned, harness.coordinator.heldLeases]).toEqual([[jobId], []]);
    harness.coordinator.runnerExited(jobId, held!.lease, { crash: false, detail: 'SIGKILL' });
    harness.clock.advance(10_000);
    await harness.quiet();
    expect(await harness.record(jobId)).toMatchObject({ state: 'RUNNING', crashes: 0, checkpoint: { ok: 5 } });
  });

  it('ignores whatever a runner with an old lease tells', async () => {
    const jobId = await harness.acceptAndClaim();
    harness.runners.lose(jobId, false);
    await harness.quiet();
    await harness.runners.next();
    const before = await harness.record(jobId);
    harness.coordinator.header(jobId, 1, ['x']);
    harness.coordinator.progress(jobId, 1, 999);
    harness.coordinator.committed(jobId, 1, aCheckpoint(50));
    harness.coordinator.finished(jobId, 1, { kind: 'completed', checkpoint: aCheckpoint(50, 0, true) });
    harness.coordinator.runnerExited(jobId, 1, { crash: true, detail: '' });
    harness.clock.advance(5000);
    await harness.quiet();
    expect(await harness.record(jobId)).toEqual(before);
  });

  it('tries again when the store failed', async () => {
    const jobId = await harness.accept();
    harness.storeFailure = new Error('disk full');
    expect(await harness.runners.next()).toBeNull();
    expect(await harness.record(jobId)).toMatchObject({ state: 'RUNNING', lease: 1 });
    expect(await harness.waiting()).toEqual([]);
    harness.clock.advance(1000);
    await harness.quiet();
    expect(await harness.runners.next()).toMatchObject({ jobId, lease: 2 });
  });
});

describe('progress', () => {
  it('is written at the first commit, then at most once a second', async () => {
    const jobId = await harness.acceptAndClaim();
    const published = () => harness.events.length;
    const begun = published();
    harness.coordinator.header(jobId, 1, ['id']);
    harness.coordinator.progress(jobId, 1, 50);
    await harness.quiet();
    expect(published()).toBe(begun);
    harness.commit(jobId, 10);
    await harness.quiet();
    expect(published()).toBe(begun + 1);
    expect(await harness.job(jobId)).toMatchObject({
      file_columns: ['id'],
      totals: { rows: 10, ok: 10, errors: 0 },
      progress: { bytes_done: 100, bytes_total: 1000 },
    });
    for (let i = 0; i < 30; i++) {
      harness.clock.advance(100);
      harness.commit(jobId, 11 + i, 1);
      harness.coordinator.progress(jobId, 1, 200 + i * 10);
      await harness.quiet();
    }
    expect(published()).toBe(begun + 3);
    harness.clock.advance(1000);
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({ totals: { rows: 41, ok: 40, errors: 1 } });
  });

  it.each([-5, 5])('is written within a second also when the wall clock is set by %s hours', async (hours) => {
    const jobId = await harness.acceptAndClaim();
    harness.commit(jobId, 10);
    await harness.quiet();
    harness.clock.setWall(hours * 3_600_000);
    harness.commit(jobId, 11);
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({ totals: { rows: 10 } });
    harness.clock.advance(1000);
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({ totals: { rows: 11 } });
  });

  it('counts committed rows only, and they never go back', async () => {
    const jobId = await harness.acceptAndClaim();
    harness.commit(jobId, 20, 2);
    harness.coordinator.progress(jobId, 1, 900);
    harness.clock.advance(1000);
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({ totals: { rows: 22 }, progress: { bytes_done: 900 } });

    harness.runners.lose(jobId, false);
    await harness.quiet();
    expect(await harness.runners.next()).toMatchObject({ checkpoint: { ok: expect.any(Number) } });
    harness.coordinator.progress(jobId, 2, 300);
    harness.commit(jobId, 10);
    harness.clock.advance(1000);
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({
      totals: { rows: 22, ok: 20, errors: 2 },
      progress: { bytes_done: 300 },
    });
  });

  it('is in the store after a stop, the last commit included', async () => {
    const jobId = await harness.acceptAndClaim();
    harness.commit(jobId, 10);
    harness.commit(jobId, 20);
    await harness.coordinator.stop();
    expect(await harness.job(jobId)).toMatchObject({ state: 'RUNNING', totals: { rows: 20 } });
    expect(harness.clock.pending).toBe(0);
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
    const jobId = await harness.acceptAndClaim();
    harness.clock.advance(250);
    harness.coordinator.header(jobId, 1, ['id']);
    harness.runners.finish(jobId, outcome);
    await harness.quiet();
    const job = await harness.job(jobId);
    expect(job).toMatchObject(expected);
    expect(job).toMatchObject({
      file_columns: ['id'],
      timings: { processing_ms: 250 },
      started_at: '2026-03-01T12:00:00.000Z',
      finished_at: '2026-03-01T12:00:00.250Z',
    });
    expect(harness.events.at(-1)).toEqual(job);
    expect(harness.states(jobId)).toEqual(['PENDING', 'RUNNING', job.state]);
    expect(await harness.files()).toEqual(job.state === 'SUCCESS' ? [] : [jobId]);
    // Nobody knows what is committed, nor will of a lost checkpoint.
    const isReconciled = job.end_offsets !== null || job.error?.code === 'CHECKPOINT_LOST';
    expect(await harness.waiting()).toEqual(isReconciled ? [] : [jobId]);
    expect(harness.clock.pending).toBe(0);
  });

  it('is found out again when it could not be stored', async () => {
    const jobId = await harness.acceptAndClaim();
    const { db } = harness.fixture;
    await db.schema.alterTable('jobs').renameColumn('finished_at', 'hidden').execute();
    harness.runners.finish(jobId, completed(7, 0));
    await harness.quiet();
    await db.schema.alterTable('jobs').renameColumn('hidden', 'finished_at').execute();
    expect((await harness.record(jobId)).state).toBe('RUNNING');

    harness.clock.advance(1000);
    await harness.quiet();
    expect(await harness.runners.next()).toMatchObject({ jobId, lease: 2 });
    harness.runners.finish(jobId, completed(7, 0));
    await harness.quiet();
    expect((await harness.record(jobId)).state).toBe('SUCCESS');
  });

  it('does not come with a shutdown: the job goes on later', async () => {
    const jobId = await harness.acceptAndClaim();
    harness.commit(jobId, 10);
    harness.runners.finish(jobId, { kind: 'stopped' });
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({ state: 'RUNNING', totals: { rows: 10 } });
    expect(await harness.waiting()).toEqual([jobId]);
  });
});

describe('a job that another process has had meanwhile', () => {
  /** It commits 30 rows, and gives the job back. */
  const workElsewhere = async (jobId: string): Promise<void> => {
    const claim = await harness.store.claim('run', 'another process');
    expect(claim?.record.jobId).toBe(jobId);
    const changes = { checkpoint: aCheckpoint(30), leaseOwner: null, runAfterMs: 0 };
    await harness.store.change(jobId, { states: ['RUNNING'], lease: claim!.record }, changes);
  };

  it('is not taken back to what this process could not store', async () => {
    const jobId = await harness.acceptAndClaim();
    harness.commit(jobId, 10);
    await harness.quiet();
    harness.commit(jobId, 20);
    const change = harness.store.change;
    harness.store.change = () => Promise.reject(new Error('the store is away'));
    harness.runners.lose(jobId, false);
    await harness.quiet();
    harness.store.change = change;
    harness.clock.advance(1_000);
    await harness.quiet();
    await workElsewhere(jobId);
    const assignment = await harness.runners.next();
    expect(assignment).toMatchObject({ jobId, checkpoint: { ok: 30 } });
    harness.coordinator.progress(jobId, assignment!.lease, 310);
    harness.clock.advance(1_000);
    await harness.quiet();
    expect(await harness.record(jobId)).toMatchObject({ checkpoint: { ok: 30 }, bytesDone: 310 });
  });

  it('has not been stale all that time', async () => {
    const jobId = await harness.acceptAndClaim();
    harness.runners.finish(jobId, { kind: 'stale', detail: 'the checkpoint is gone', staleMs: 10_000 });
    await harness.quiet();
    harness.clock.advance(2_000);
    await workElsewhere(jobId);
    harness.clock.advance(3_600_000);
    expect(await harness.runners.next()).toMatchObject({ jobId, staleMs: 0 });
  });
});

describe('a job whose checkpoint is stale', () => {
  const stale = (staleMs: number): Outcome => ({ kind: 'stale', detail: 'the checkpoint is gone', staleMs });
  /** The runner that has the job leaves it as stale. */
  const leave = async (jobId: string, staleMs: number): Promise<void> => {
    harness.runners.finish(jobId, stale(staleMs));
    await harness.quiet();
  };

  it('gives its runner to others for two seconds, and comes again with the time that it has been so', async () => {
    const jobId = await harness.acceptAndClaim();
    await leave(jobId, 10_000);
    const other = await harness.accept();
    expect(await harness.runners.next()).toMatchObject({ jobId: other, staleMs: 0 });
    harness.clock.advance(1_999);
    expect(await harness.runners.next()).toBeNull();
    harness.clock.advance(1);
    expect(await harness.runners.next()).toMatchObject({ jobId, intent: 'run', staleMs: 12_000 });
    expect(await harness.record(jobId)).toMatchObject({ state: 'RUNNING', crashes: 0 });
    expect(harness.states(jobId)).toEqual(['PENDING', 'RUNNING']);
  });

  it.each<[string, (jobId: string) => void]>([
    ['stops', (jobId) => harness.runners.finish(jobId, { kind: 'stopped' })],
    ['is lost', (jobId) => harness.runners.lose(jobId, false)],
  ])('is no longer taken for stale when a runner %s', async (_what, end) => {
    const jobId = await harness.acceptAndClaim();
    await leave(jobId, 10_000);
    harness.clock.advance(2_000);
    expect(await harness.runners.next()).toMatchObject({ staleMs: 12_000 });
    end(jobId);
    await harness.quiet();
    expect(await harness.runners.next()).toMatchObject({ jobId, staleMs: 0 });
  });

  it('does not count the time without a broker', async () => {
    const jobId = await harness.acceptAndClaim();
    await leave(jobId, 10_000);
    harness.clock.advance(1_500);
    harness.coordinator.brokerAway();
    harness.clock.advance(500);
    expect(await harness.runners.next()).toMatchObject({ jobId, staleMs: 10_500 });
  });

  it('begins anew after a restart', async () => {
    const jobId = await harness.acceptAndClaim();
    await leave(jobId, 50_000);
    harness.start();
    await harness.maintenance.rescueInterrupted();
    expect(await harness.runners.next()).toMatchObject({ jobId, staleMs: 0 });
  });

  it('is tried again as soon when it is cancelled, and ends when it is lost', async () => {
    const jobId = await harness.acceptAndClaim();
    await leave(jobId, 10_000);
    const cancelling = harness.commands.cancel(jobId);
    await harness.quiet();
    expect(await harness.runners.next()).toMatchObject({ intent: 'reconcile', staleMs: 10_000 });
    await leave(jobId, 20_000);
    harness.clock.advance(2_000);
    expect(await harness.runners.next()).toMatchObject({ intent: 'reconcile', staleMs: 22_000 });
    harness.runners.finish(jobId, failed('CHECKPOINT_LOST', null, true));
    await cancelling;
    expect(await harness.job(jobId)).toMatchObject({ state: 'FAILED', error: { code: 'CHECKPOINT_LOST' } });
    expect(harness.clock.pending).toBe(0);
  });

  it('is reconciled later when it has failed before', async () => {
    const jobId = await harness.acceptAndClaim();
    harness.runners.finish(jobId, failed('KAFKA_UNAVAILABLE', null, false));
    await harness.quiet();
    expect(await harness.runners.next()).toMatchObject({ intent: 'reconcile' });
    await leave(jobId, 10_000);
    harness.clock.advance(29_999);
    expect(await harness.runners.next()).toBeNull();
    harness.clock.advance(1);
    expect(await harness.runners.next()).toMatchObject({ intent: 'reconcile', staleMs: 40_000 });
    expect(await harness.job(jobId)).toMatchObject({ state: 'FAILED', error: { code: 'KAFKA_UNAVAILABLE' } });
  });
});

describe('a job that meets a system error', () => {
  const away = (checkpoint = 0) =>
    failed('KAFKA_UNAVAILABLE', checkpoint === 0 ? null : aCheckpoint(checkpoint), false);

  beforeEach(() => {
    harness.maxAttempts = 4;
    harness.start();
  });

  /** The runner fails, and the job is claimed again after exactly this time. */
  async function failAndWait(jobId: string, ms: number, outcome = away()): Promise<void> {
    harness.runners.finish(jobId, outcome);
    await harness.quiet();
    harness.clock.advance(ms - 1);
    expect(await harness.runners.next()).toBeNull();
    harness.clock.advance(1);
    expect(await harness.runners.next()).toMatchObject({ jobId, intent: 'run' });
  }

  it('is tried again after growing delays, and fails when its attempts are spent', async () => {
    const jobId = await harness.acceptAndClaim();
    await failAndWait(jobId, 1_000);
    await failAndWait(jobId, 2_000, failed('SPOOL_UNREADABLE', aCheckpoint(3), true));
    await failAndWait(jobId, 4_000);
    expect(await harness.record(jobId)).toMatchObject({ state: 'RUNNING', failures: 3, checkpoint: { ok: 3 } });
    harness.runners.finish(jobId, away());
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({
      state: 'FAILED',
      error: { code: 'KAFKA_UNAVAILABLE', message: 'failed 4 times without a commit; last: the detail' },
    });
  });

  it('has all attempts again once it has committed, and after a resume', async () => {
    const jobId = await harness.acceptAndClaim();
    await failAndWait(jobId, 1_000);
    await failAndWait(jobId, 2_000);
    harness.coordinator.committed(jobId, (await harness.record(jobId)).lease, aCheckpoint(2));
    await harness.quiet();
    await failAndWait(jobId, 1_000, away(2));
    await failAndWait(jobId, 2_000, away(2));
    await failAndWait(jobId, 4_000, away(2));
    harness.runners.finish(jobId, failed('KAFKA_UNAVAILABLE', aCheckpoint(2), true));
    await harness.quiet();
    await harness.commands.resume(jobId);
    expect(await harness.runners.next()).toMatchObject({ jobId });
    await failAndWait(jobId, 1_000, away(2));
  });

  it('can be cancelled while it waits', async () => {
    const jobId = await harness.acceptAndClaim();
    harness.runners.finish(jobId, away());
    await harness.quiet();
    const cancelled = harness.commands.cancel(jobId);
    await harness.quiet();
    expect(await harness.runners.next()).toMatchObject({ jobId, intent: 'reconcile' });
    harness.runners.finish(jobId, { kind: 'reconciled', checkpoint: null });
    await cancelled;
    expect((await harness.job(jobId)).state).toBe('CANCELLED');
  });

  it('does not wait any longer when a broker answers again', async () => {
    const jobId = await harness.acceptAndClaim();
    await failAndWait(jobId, 1_000);
    await failAndWait(jobId, 2_000);
    harness.runners.finish(jobId, away());
    await harness.quiet();
    harness.coordinator.brokerAway();
    await harness.coordinator.brokerAnswers();
    harness.clock.advance(1_000);
    expect(await harness.runners.next()).toMatchObject({ jobId });
  });
});

describe('a lost runner', () => {
  it('is replaced by one with the next lease', async () => {
    const jobId = await harness.acceptAndClaim();
    for (const crash of [false, true, true]) {
      harness.runners.lose(jobId, crash);
      await harness.quiet();
      expect(await harness.runners.next()).toMatchObject({ jobId, intent: 'run' });
    }
    expect(await harness.record(jobId)).toMatchObject({ state: 'RUNNING', lease: 4, crashes: 2 });
    expect(harness.states(jobId)).toEqual(['PENDING', 'RUNNING']);
  });

  it('fails the job at the third crash without a commit, once it is reconciled', async () => {
    const jobId = await harness.acceptAndClaim();
    for (let i = 0; i < 3; i++) {
      harness.runners.lose(jobId, true);
      await harness.quiet();
      expect(await harness.runners.next()).toMatchObject({ intent: i < 2 ? 'run' : 'reconcile' });
    }
    expect((await harness.record(jobId)).state).toBe('RUNNING');
    harness.runners.finish(jobId, { kind: 'reconciled', checkpoint: aCheckpoint(4, 1) });
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({
      state: 'FAILED',
      error: { code: 'RUNNER_CRASHED', message: 'the runner crashed 3 times without a commit; last: SIGSEGV' },
      totals: { rows: 5, ok: 4, errors: 1 },
      end_offsets: { data: 5, dlq: 2 },
    });
    expect(await harness.files()).toEqual([jobId]);
  });

  it('waits for Kafka before it fails the job, and gives its runner to others meanwhile', async () => {
    const jobId = await harness.acceptAndClaim();
    for (let i = 0; i < 3; i++) {
      harness.runners.lose(jobId, true);
      await harness.quiet();
      await harness.runners.next();
    }
    harness.runners.finish(jobId, failed('KAFKA_UNAVAILABLE', null, false));
    await harness.quiet();
    expect(await harness.runners.next()).toBeNull();
    expect((await harness.record(jobId)).state).toBe('RUNNING');
    harness.clock.advance(30_000);
    expect(await harness.runners.next()).toMatchObject({ jobId, intent: 'reconcile' });
    harness.runners.finish(jobId, { kind: 'reconciled', checkpoint: aCheckpoint(4, 1) });
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({ state: 'FAILED', error: { code: 'RUNNER_CRASHED' } });
  });

  it('keeps the result when the reconciling after the crashes finds the end', async () => {
    const jobId = await harness.acceptAndClaim();
    for (let i = 0; i < 3; i++) {
      harness.runners.lose(jobId, true);
      await harness.quiet();
      await harness.runners.next();
    }
    harness.runners.finish(jobId, completed(7, 0));
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({ state: 'SUCCESS', error: null });
  });

  it('starts counting anew at each commit, even one that is not stored yet', async () => {
    const jobId = await harness.acceptAndClaim();
    for (let i = 1; i < 8; i++) {
      harness.commit(jobId, i);
      harness.runners.lose(jobId, true);
      await harness.quiet();
      expect(await harness.runners.next()).toMatchObject({ intent: 'run' });
    }
    expect(await harness.record(jobId)).toMatchObject({ state: 'RUNNING', crashes: 1 });
  });

  it('may be killed from outside for five minutes without a commit, not for longer', async () => {
    const jobId = await harness.acceptAndClaim();
    const live = async (ms: number): Promise<string | undefined> => {
      harness.clock.advance(ms);
      harness.runners.lose(jobId, false);
      await harness.quiet();
      return (await harness.runners.next())?.intent;
    };
    for (let i = 0; i < 4; i++) expect(await live(60_000)).toBe('run');
    harness.commit(jobId, 5);
    for (let i = 0; i < 4; i++) expect(await live(60_000)).toBe('run');
    harness.coordinator.brokerAway();
    await harness.coordinator.brokerAnswers();
    for (let i = 0; i < 4; i++) expect(await live(60_000)).toBe('run');
    expect(await live(60_000)).toBe('reconcile');
    harness.runners.finish(jobId, { kind: 'reconciled', checkpoint: aCheckpoint(5) });
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({
      state: 'FAILED',
      error: { code: 'RUNNER_CRASHED', message: 'no commit for 300 s, while runners were lost; last: SIGKILL' },
    });
  });

  it.each([-5, 5])('is not counted as stalled for the wall clock that is set by %s hours', async (hours) => {
    const jobId = await harness.acceptAndClaim();
    harness.commit(jobId, 5);
    await harness.quiet();
    harness.clock.setWall(hours * 3_600_000);
    harness.clock.advance(299_999);
    harness.runners.lose(jobId, false);
    await harness.quiet();
    expect(await harness.runners.next()).toMatchObject({ intent: 'run' });
    harness.clock.setWall(-hours * 3_600_000);
    harness.clock.advance(1);
    harness.runners.lose(jobId, false);
    await harness.quiet();
    expect(await harness.runners.next()).toMatchObject({ intent: 'reconcile' });
    harness.runners.finish(jobId, { kind: 'reconciled', checkpoint: aCheckpoint(5) });
    await harness.quiet();
    expect((await harness.job(jobId)).error?.message).toBe(
      'no commit for 300 s, while runners were lost; last: SIGKILL',
    );
  });

  it('is replaced with growing delays while it crashes in reconciling', async () => {
    const jobId = await harness.acceptAndClaim();
    const cancelling = harness.commands.cancel(jobId);
    await harness.quiet();
    for (const delay of [500, 1000, 2000, 4000]) {
      harness.runners.lose(jobId, true);
      await harness.quiet();
      harness.clock.advance(delay - 1);
      expect(await harness.runners.next()).toBeNull();
      harness.clock.advance(1);
      expect(await harness.runners.next()).toMatchObject({ intent: 'reconcile' });
    }
    await cancelling;
    expect((await harness.record(jobId)).state).toBe('CANCELLING');
  });
});

function completed(ok: number, errors: number): Outcome {
  return { kind: 'completed', checkpoint: aCheckpoint(ok, errors, true) };
}

function failed(
  code: Extract<Outcome, { kind: 'failed' }>['error']['code'],
  checkpoint: Extract<Outcome, { kind: 'failed' }>['checkpoint'],
  checkpointVerified: boolean,
): Outcome {
  return { kind: 'failed', error: { code, detail: 'the detail' }, checkpoint, checkpointVerified };
}
