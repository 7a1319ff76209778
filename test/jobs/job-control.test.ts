import { writeFile } from 'node:fs/promises';
import { BatchError } from '../../src/errors/index.js';
import { aCheckpoint, Desk } from './support/desk.js';

let desk: Desk;
beforeEach(async () => {
  desk = await Desk.open();
});
afterEach(() => desk.close());

/** A job that failed while no broker answered. */
async function failWithoutKafka(): Promise<string> {
  const jobId = await desk.acceptAndHire();
  desk.commit(jobId, 3);
  desk.runners.finish(jobId, {
    kind: 'failed',
    error: { code: 'KAFKA_UNAVAILABLE', detail: 'away' },
    checkpoint: aCheckpoint(3),
    settled: false,
  });
  await desk.quiet();
  return jobId;
}

describe('accepting a job', () => {
  it('stores, publishes and queues it', async () => {
    const jobId = await desk.accept();
    expect((await desk.record(jobId)).state).toBe('PENDING');
    expect(desk.snapshots).toEqual([await desk.job(jobId)]);
    expect(desk.runners.queue).toEqual([jobId]);
  });
});

describe('purging a job', () => {
  it('takes it out of the jobs at once, and gives its key free', async () => {
    const jobId = await desk.accept({ idempotencyKey: 'k' });
    await desk.control.cancel(jobId);
    expect(await desk.control.purge(jobId, true)).toMatchObject({ jobId, state: 'CANCELLED' });
    expect(await desk.store.get(jobId)).toBeUndefined();
    expect(await desk.store.findByIdempotencyKey('k')).toBeUndefined();
    expect((await desk.store.list({ limit: 10 })).items).toEqual([]);
    for (const again of [desk.control.purge(jobId, true), desk.control.resume(jobId), desk.control.cancel(jobId)]) {
      await expect(again).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
    }
    await desk.accept({ idempotencyKey: 'k' });
  });

  it('is refused while the job has not ended, with the command that ends it', async () => {
    const jobId = await desk.acceptAndHire();
    await expect(desk.control.purge(jobId, true)).rejects.toMatchObject({
      code: 'JOB_STATE_CONFLICT',
      message: expect.stringContaining(`DELETE /jobs/${jobId}`),
    });
  });

  it('is refused while its file is kept, with the command that does it all the same', async () => {
    const jobId = await desk.accept();
    await desk.control.cancel(jobId);
    await expect(desk.control.purge(jobId, false)).rejects.toMatchObject({
      code: 'JOB_STATE_CONFLICT',
      message: expect.stringContaining(`DELETE /jobs/${jobId}?purge=true&force=true`),
    });
    expect(await desk.files()).toEqual([jobId]);
    expect((await desk.record(jobId)).state).toBe('CANCELLED');
  });

  it('needs no force once nothing depends on the job', async () => {
    const jobId = await desk.acceptAndHire();
    desk.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(1, 0, true) });
    await desk.quiet();
    expect(await desk.control.purge(jobId, false)).toMatchObject({ state: 'SUCCESS' });
  });

  it('waits for the runner that finds out what the job has committed', async () => {
    const jobId = await failWithoutKafka();
    await desk.upkeep.settleUnsettled();
    await desk.runners.next();
    await expect(desk.control.purge(jobId, true)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' });
    desk.runners.finish(jobId, { kind: 'settled', checkpoint: null });
    await desk.quiet();
    await desk.control.purge(jobId, true);
  });
});

describe('cancelling a job', () => {
  it('ends one that waits for its first runner at once', async () => {
    const jobId = await desk.accept();
    desk.clock.advance(70);
    expect(await desk.control.cancel(jobId)).toMatchObject({ record: { state: 'CANCELLED' }, already: false });
    expect(await desk.job(jobId)).toMatchObject({
      state: 'CANCELLED',
      end_offsets: { data: 0, dlq: 0 },
      timings: { waiting_ms: 70, processing_ms: 0 },
      finished_at: '2026-03-01T12:00:00.070Z',
    });
    expect(desk.runners.queue).toEqual([]);
    expect(await desk.files()).toEqual([jobId]);
  });

  it('has the runner of one under way settle, and waits for it', async () => {
    const jobId = await desk.acceptAndHire();
    desk.commit(jobId, 5);
    const cancelling = desk.control.cancel(jobId);
    await desk.quiet();
    expect((await desk.record(jobId)).state).toBe('CANCELLING');
    expect(desk.runners.cancelled).toEqual([jobId]);
    desk.runners.finish(jobId, { kind: 'settled', checkpoint: aCheckpoint(8, 1) });
    expect(await cancelling).toMatchObject({ record: { state: 'CANCELLED' }, already: false });
    expect(await desk.job(jobId)).toMatchObject({
      totals: { rows: 9, ok: 8, errors: 1 },
      end_offsets: { data: 9, dlq: 2 },
      error: null,
    });
    expect(desk.states(jobId)).toEqual(['PENDING', 'RUNNING', 'CANCELLING', 'CANCELLED']);
    expect(await desk.files()).toEqual([jobId]);
    expect(desk.clock.pending).toBe(0);
  });

  it('waits five seconds at most', async () => {
    const jobId = await desk.acceptAndHire();
    const cancelling = desk.control.cancel(jobId);
    await desk.quiet();
    desk.clock.advance(5000);
    expect(await cancelling).toMatchObject({ record: { state: 'CANCELLING' }, already: false });
  });

  it('lets a fresh runner settle after the old one was killed', async () => {
    const jobId = await desk.acceptAndHire();
    const cancelling = desk.control.cancel(jobId);
    await desk.quiet();
    desk.runners.lose(jobId, false);
    await desk.quiet();
    expect(await desk.runners.next()).toMatchObject({ intent: 'settle', lease: 2 });
    desk.runners.finish(jobId, { kind: 'settled', checkpoint: null });
    expect(await cancelling).toMatchObject({ record: { state: 'CANCELLED' } });
  });

  it('comes too late for a job whose end is committed: it keeps its result', async () => {
    const jobId = await desk.acceptAndHire();
    const cancelling = desk.control.cancel(jobId);
    await desk.quiet();
    desk.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(5, 1, true) });
    expect(await cancelling).toMatchObject({ record: { state: 'PARTIAL_SUCCESS' }, already: false });
    expect(desk.states(jobId)).toEqual(['PENDING', 'RUNNING', 'CANCELLING', 'PARTIAL_SUCCESS']);
    await desk.quiet();
    expect(await desk.files()).toEqual([jobId]);
  });

  it.each(['KAFKA_UNAVAILABLE', 'KAFKA_REJECTED', 'FILE_CORRUPT'] as const)(
    'does not end before it is known what is committed, whatever the settle meets: %s',
    async (code) => {
      const jobId = await desk.acceptAndHire();
      const cancelling = desk.control.cancel(jobId);
      await desk.quiet();
      const error = { code, detail: 'the detail' };
      desk.runners.finish(jobId, { kind: 'failed', error, checkpoint: null, settled: false });
      await desk.quiet();
      expect((await desk.record(jobId)).state).toBe('CANCELLING');
      desk.clock.advance(30_000);
      await cancelling;
      expect(await desk.runners.next()).toMatchObject({ intent: 'settle' });
      desk.runners.finish(jobId, { kind: 'failed', error, checkpoint: aCheckpoint(8), settled: true });
      await desk.quiet();
      expect(await desk.job(jobId)).toMatchObject({
        state: 'CANCELLED',
        error: null,
        totals: { rows: 8 },
        end_offsets: { data: 9, dlq: 0 },
      });
    },
  );

  it('fails where the settle finds the checkpoint lost', async () => {
    const jobId = await desk.acceptAndHire();
    const cancelling = desk.control.cancel(jobId);
    await desk.quiet();
    const error = { code: 'CHECKPOINT_LOST', detail: 'gone' } as const;
    desk.runners.finish(jobId, { kind: 'failed', error, checkpoint: null, settled: false });
    await cancelling;
    expect(await desk.job(jobId)).toMatchObject({
      state: 'FAILED',
      error: { code: 'CHECKPOINT_LOST' },
      end_offsets: null,
    });
  });

  it('twice at once is one cancel, and both learn the end', async () => {
    const jobId = await desk.acceptAndHire();
    const both = Promise.all([desk.control.cancel(jobId), desk.control.cancel(jobId)]);
    await desk.quiet();
    desk.runners.finish(jobId, { kind: 'settled', checkpoint: null });
    const cancelled = { record: { state: 'CANCELLED' }, already: false };
    expect(await both).toMatchObject([cancelled, cancelled]);
    expect(await desk.control.cancel(jobId)).toMatchObject({ record: { state: 'CANCELLED' }, already: true });
  });

  it('is refused for a job that has ended, with its state, and for one that never was', async () => {
    const jobId = await desk.acceptAndHire();
    desk.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(5, 0, true) });
    await desk.quiet();
    await expect(desk.control.cancel(jobId)).rejects.toMatchObject({
      code: 'JOB_STATE_CONFLICT',
      message: expect.stringContaining('SUCCESS'),
    });
    await expect(desk.control.cancel('zzzzzzzz')).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
  });

  it('reaches a job that is just being handed out', async () => {
    const jobId = await desk.accept();
    const [assignment] = await Promise.all([
      desk.runners.next(),
      desk.control.cancel(jobId).then(undefined, (error: unknown) => error),
      desk.quiet().then(async () => {
        desk.runners.finish(jobId, { kind: 'settled', checkpoint: null });
        await desk.quiet();
      }),
    ]);
    expect(assignment).toMatchObject({ jobId });
    expect((await desk.record(jobId)).state).toBe('CANCELLED');
  });
});

describe('resuming a job', () => {
  it('queues a cancelled one for another attempt from its checkpoint', async () => {
    const jobId = await desk.acceptAndHire();
    desk.commit(jobId, 5);
    const cancelling = desk.control.cancel(jobId);
    await desk.quiet();
    desk.clock.advance(100);
    desk.runners.finish(jobId, { kind: 'settled', checkpoint: aCheckpoint(5) });
    await cancelling;
    desk.clock.advance(1_000_000);

    const resumed = await desk.control.resume(jobId);
    expect(resumed).toMatchObject({ state: 'PENDING', attempt: 2, error: null, finishedAt: null });
    desk.clock.advance(30);
    expect(await desk.runners.next()).toMatchObject({
      intent: 'run',
      checkpoint: { ok: expect.any(Number) },
      lease: 2,
    });
    desk.clock.advance(200);
    desk.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(9, 0, true) });
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({
      state: 'SUCCESS',
      attempt: 2,
      timings: { waiting_ms: 30, processing_ms: 300 },
      started_at: '2026-03-01T12:00:00.000Z',
    });
    expect(await desk.files()).toEqual([]);
  });

  it.each([5, -5])('knows how long it took, also if the wall clock is set by %i hours meanwhile', async (hours) => {
    const jobId = await desk.accept();
    const setWall = (): void => {
      desk.clock.advance(30);
      desk.clock.setWall(hours * 3_600_000);
    };
    setWall();
    await desk.runners.next();
    setWall();
    expect(await desk.job(jobId)).toMatchObject({ timings: { waiting_ms: 30, processing_ms: 30 } });
    desk.runners.finish(jobId, {
      kind: 'failed',
      error: { code: 'KAFKA_REJECTED', detail: '' },
      checkpoint: null,
      settled: true,
    });
    await desk.quiet();
    await desk.control.resume(jobId);
    setWall();
    await desk.runners.next();
    setWall();
    desk.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(9, 0, true) });
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({ timings: { waiting_ms: 60, processing_ms: 60 } });
  });

  it('is possible after a failure for want of Kafka', async () => {
    const jobId = await failWithoutKafka();
    expect(await desk.control.resume(jobId)).toMatchObject({ state: 'PENDING', error: null });
    expect(await desk.runners.next()).toMatchObject({ intent: 'run' });
  });

  it('is possible after its runner crashed three times, with the crashes forgotten', async () => {
    const jobId = await desk.acceptAndHire();
    for (let i = 0; i < 3; i++) {
      desk.runners.lose(jobId, true);
      await desk.quiet();
      await desk.runners.next();
    }
    desk.runners.finish(jobId, { kind: 'settled', checkpoint: aCheckpoint(4) });
    await desk.quiet();
    expect((await desk.job(jobId)).error).toMatchObject({
      code: 'RUNNER_CRASHED',
      hint: expect.stringContaining(`\`POST /jobs/${jobId}/resume\``),
    });
    expect(await desk.control.resume(jobId)).toMatchObject({ state: 'PENDING', error: null, crashes: 0 });
    expect(await desk.runners.next()).toMatchObject({ intent: 'run', checkpoint: { ok: 4 } });
    desk.runners.lose(jobId, true);
    await desk.quiet();
    expect((await desk.record(jobId)).state).toBe('RUNNING');
  });

  it('once only, when two ask at the same time', async () => {
    const jobId = await failWithoutKafka();
    const results = await Promise.allSettled([desk.control.resume(jobId), desk.control.resume(jobId)]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected']);
    expect((await desk.record(jobId)).attempt).toBe(2);
  });

  it('is refused for any other job', async () => {
    const jobId = await desk.accept();
    await expect(desk.control.resume(jobId)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' });
    await desk.runners.next();
    await expect(desk.control.resume(jobId)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' });
    desk.runners.finish(jobId, {
      kind: 'failed',
      error: { code: 'HEADER_MISMATCH', detail: '' },
      checkpoint: null,
      settled: true,
    });
    await desk.quiet();
    await expect(desk.control.resume(jobId)).rejects.toMatchObject({
      code: 'JOB_STATE_CONFLICT',
      message: expect.stringContaining('FAILED (HEADER_MISMATCH)'),
    });
    await expect(desk.control.resume('zzzzzzzz')).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
  });

  it('is too late when the file is gone', async () => {
    const jobId = await failWithoutKafka();
    await desk.spool.remove(jobId);
    await expect(desk.control.resume(jobId)).rejects.toMatchObject({ code: 'SPOOL_EXPIRED' });
    await writeFile(desk.spool.path(jobId), 'id\n');
    desk.clock.advance(24 * 3_600_000 + 1);
    await desk.upkeep.expireSpools();
    await expect(desk.control.resume(jobId)).rejects.toMatchObject({ code: 'SPOOL_EXPIRED' });
  });

  it('is refused while the brokers cannot write it exactly once', async () => {
    const jobId = await failWithoutKafka();
    desk.kafkaFailure = new BatchError('KAFKA_UNSUPPORTED', 'no verification');
    await expect(desk.control.resume(jobId)).rejects.toMatchObject({ code: 'KAFKA_UNSUPPORTED' });
    expect(await desk.record(jobId)).toMatchObject({ state: 'FAILED', attempt: 1 });
    desk.kafkaFailure = null;
    expect(await desk.control.resume(jobId)).toMatchObject({ state: 'PENDING', attempt: 2 });
  });

  it('waits for its turn where the job is just being settled', async () => {
    const jobId = await failWithoutKafka();
    await desk.upkeep.settleUnsettled();
    expect(await desk.runners.next()).toMatchObject({ intent: 'settle' });
    await desk.control.resume(jobId);
    expect(desk.runners.queue).toEqual([]);
    desk.runners.finish(jobId, { kind: 'settled', checkpoint: aCheckpoint(6) });
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({ state: 'PENDING', totals: { rows: 6 } });
    expect(await desk.runners.next()).toMatchObject({ intent: 'run', lease: 3 });
  });

  it('goes on although the broker does not let it be settled', async () => {
    const jobId = await failWithoutKafka();
    await desk.upkeep.settleUnsettled();
    expect(await desk.runners.next()).toMatchObject({ intent: 'settle' });
    await desk.control.resume(jobId);
    const error = { code: 'KAFKA_UNAVAILABLE', detail: 'the detail' } as const;
    desk.runners.finish(jobId, { kind: 'failed', error, checkpoint: null, settled: false });
    await desk.quiet();
    expect(await desk.runners.next()).toMatchObject({ jobId, intent: 'run' });
  });

  it('and cancelling again settles first where nobody knows yet what is committed', async () => {
    const jobId = await failWithoutKafka();
    await desk.control.resume(jobId);
    const cancelling = desk.control.cancel(jobId);
    await desk.quiet();
    expect((await desk.record(jobId)).state).toBe('CANCELLING');
    expect(await desk.runners.next()).toMatchObject({ intent: 'settle' });
    desk.runners.finish(jobId, { kind: 'settled', checkpoint: aCheckpoint(6) });
    expect(await cancelling).toMatchObject({ record: { state: 'CANCELLED' } });
    expect(await desk.job(jobId)).toMatchObject({ totals: { rows: 6 }, end_offsets: { data: 7, dlq: 0 } });
  });
});
