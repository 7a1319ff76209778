import { writeFile } from 'node:fs/promises';
import { ServiceError } from '../../../src/errors/index.js';
import { aCheckpoint, JobsHarness } from '../support/jobs-harness.js';

let harness: JobsHarness;
beforeEach(async () => {
  harness = await JobsHarness.open();
});
afterEach(() => harness.close());

/** A job that failed while no broker answered. */
async function failWithoutKafka(): Promise<string> {
  const jobId = await harness.acceptAndClaim();
  harness.commit(jobId, 3);
  harness.runners.finish(jobId, {
    kind: 'failed',
    error: { code: 'KAFKA_UNAVAILABLE', detail: 'away' },
    checkpoint: aCheckpoint(3),
    checkpointVerified: false,
  });
  await harness.quiet();
  return jobId;
}

describe('accepting a job', () => {
  it('stores, publishes and queues it', async () => {
    const jobId = await harness.accept();
    expect((await harness.record(jobId)).state).toBe('PENDING');
    expect(harness.events).toEqual([await harness.job(jobId)]);
    expect(await harness.waiting()).toEqual([jobId]);
  });
});

describe('purging a job', () => {
  it('takes it out of the jobs at once, and gives its key free', async () => {
    const jobId = await harness.accept({ idempotencyKey: 'k' });
    await harness.commands.cancel(jobId);
    expect(await harness.commands.purge(jobId, true)).toMatchObject({ jobId, state: 'CANCELLED' });
    expect(await harness.store.get(jobId)).toBeUndefined();
    expect(await harness.store.findByIdempotencyKey('k')).toBeUndefined();
    expect((await harness.store.list({ limit: 10 })).items).toEqual([]);
    for (const again of [
      harness.commands.purge(jobId, true),
      harness.commands.resume(jobId),
      harness.commands.cancel(jobId),
    ]) {
      await expect(again).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
    }
    await harness.accept({ idempotencyKey: 'k' });
  });

  it('is refused while the job has not ended, with the command that ends it', async () => {
    const jobId = await harness.acceptAndClaim();
    await expect(harness.commands.purge(jobId, true)).rejects.toMatchObject({
      code: 'JOB_STATE_CONFLICT',
      message: expect.stringContaining(`DELETE /jobs/${jobId}`),
    });
  });

  it('is refused while its file is kept, with the command that does it all the same', async () => {
    const jobId = await harness.accept();
    await harness.commands.cancel(jobId);
    await expect(harness.commands.purge(jobId, false)).rejects.toMatchObject({
      code: 'JOB_STATE_CONFLICT',
      message: expect.stringContaining(`DELETE /jobs/${jobId}?purge=true&force=true`),
    });
    expect(await harness.files()).toEqual([jobId]);
    expect((await harness.record(jobId)).state).toBe('CANCELLED');
  });

  it('needs no force once nothing depends on the job', async () => {
    const jobId = await harness.acceptAndClaim();
    harness.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(1, 0, true) });
    await harness.quiet();
    expect(await harness.commands.purge(jobId, false)).toMatchObject({ state: 'SUCCESS' });
  });

  it('waits for the runner that finds out what the job has committed', async () => {
    const jobId = await failWithoutKafka();
    await harness.runners.next();
    await expect(harness.commands.purge(jobId, true)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' });
    harness.runners.finish(jobId, { kind: 'reconciled', checkpoint: null });
    await harness.quiet();
    await harness.commands.purge(jobId, true);
  });
});

describe('cancelling a job', () => {
  it('ends one that waits for its first runner at once', async () => {
    const jobId = await harness.accept();
    harness.clock.advance(70);
    expect(await harness.commands.cancel(jobId)).toMatchObject({ record: { state: 'CANCELLED' }, already: false });
    expect(await harness.job(jobId)).toMatchObject({
      state: 'CANCELLED',
      end_offsets: { data: 0, dlq: 0 },
      timings: { waiting_ms: 70, processing_ms: 0 },
      finished_at: '2026-03-01T12:00:00.070Z',
    });
    expect(await harness.waiting()).toEqual([]);
    expect(await harness.files()).toEqual([jobId]);
  });

  it('has the runner of one under way reconcile, and waits for it', async () => {
    const jobId = await harness.acceptAndClaim();
    harness.commit(jobId, 5);
    const cancelling = harness.commands.cancel(jobId);
    await harness.quiet();
    expect((await harness.record(jobId)).state).toBe('CANCELLING');
    expect(harness.runners.cancelled).toEqual([jobId]);
    harness.runners.finish(jobId, { kind: 'reconciled', checkpoint: aCheckpoint(8, 1) });
    expect(await cancelling).toMatchObject({ record: { state: 'CANCELLED' }, already: false });
    expect(await harness.job(jobId)).toMatchObject({
      totals: { rows: 9, ok: 8, errors: 1 },
      end_offsets: { data: 9, dlq: 2 },
      error: null,
    });
    expect(harness.states(jobId)).toEqual(['PENDING', 'RUNNING', 'CANCELLING', 'CANCELLED']);
    expect(await harness.files()).toEqual([jobId]);
    expect(harness.clock.pending).toBe(0);
  });

  it('waits five seconds at most', async () => {
    const jobId = await harness.acceptAndClaim();
    const cancelling = harness.commands.cancel(jobId);
    await harness.quiet();
    harness.clock.advance(5000);
    expect(await cancelling).toMatchObject({ record: { state: 'CANCELLING' }, already: false });
  });

  it('lets a fresh runner reconcile after the old one was killed', async () => {
    const jobId = await harness.acceptAndClaim();
    const cancelling = harness.commands.cancel(jobId);
    await harness.quiet();
    harness.runners.lose(jobId, false);
    await harness.quiet();
    expect(await harness.runners.next()).toMatchObject({ intent: 'reconcile', lease: 2 });
    harness.runners.finish(jobId, { kind: 'reconciled', checkpoint: null });
    expect(await cancelling).toMatchObject({ record: { state: 'CANCELLED' } });
  });

  it('comes too late for a job whose end is committed: it keeps its result', async () => {
    const jobId = await harness.acceptAndClaim();
    const cancelling = harness.commands.cancel(jobId);
    await harness.quiet();
    harness.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(5, 1, true) });
    expect(await cancelling).toMatchObject({ record: { state: 'PARTIAL_SUCCESS' }, already: false });
    expect(harness.states(jobId)).toEqual(['PENDING', 'RUNNING', 'CANCELLING', 'PARTIAL_SUCCESS']);
    await harness.quiet();
    expect(await harness.files()).toEqual([jobId]);
  });

  it.each(['KAFKA_UNAVAILABLE', 'KAFKA_REJECTED', 'FILE_CORRUPT'] as const)(
    'does not end before it is known what is committed, whatever the reconcile meets: %s',
    async (code) => {
      const jobId = await harness.acceptAndClaim();
      const cancelling = harness.commands.cancel(jobId);
      await harness.quiet();
      const error = { code, detail: 'the detail' };
      harness.runners.finish(jobId, { kind: 'failed', error, checkpoint: null, checkpointVerified: false });
      await harness.quiet();
      expect((await harness.record(jobId)).state).toBe('CANCELLING');
      harness.clock.advance(30_000);
      await cancelling;
      expect(await harness.runners.next()).toMatchObject({ intent: 'reconcile' });
      harness.runners.finish(jobId, { kind: 'failed', error, checkpoint: aCheckpoint(8), checkpointVerified: true });
      await harness.quiet();
      expect(await harness.job(jobId)).toMatchObject({
        state: 'CANCELLED',
        error: null,
        totals: { rows: 8 },
        end_offsets: { data: 9, dlq: 0 },
      });
    },
  );

  it('fails where the reconcile finds the checkpoint lost', async () => {
    const jobId = await harness.acceptAndClaim();
    const cancelling = harness.commands.cancel(jobId);
    await harness.quiet();
    const error = { code: 'CHECKPOINT_LOST', detail: 'gone' } as const;
    harness.runners.finish(jobId, { kind: 'failed', error, checkpoint: null, checkpointVerified: false });
    await cancelling;
    expect(await harness.job(jobId)).toMatchObject({
      state: 'FAILED',
      error: { code: 'CHECKPOINT_LOST' },
      end_offsets: null,
    });
  });

  it('twice at once is one cancel, and both learn the end', async () => {
    const jobId = await harness.acceptAndClaim();
    const both = Promise.all([harness.commands.cancel(jobId), harness.commands.cancel(jobId)]);
    await harness.quiet();
    harness.runners.finish(jobId, { kind: 'reconciled', checkpoint: null });
    const cancelled = { record: { state: 'CANCELLED' }, already: false };
    expect(await both).toMatchObject([cancelled, cancelled]);
    expect(await harness.commands.cancel(jobId)).toMatchObject({ record: { state: 'CANCELLED' }, already: true });
  });

  it('is refused for a job that has ended, with its state, and for one that never was', async () => {
    const jobId = await harness.acceptAndClaim();
    harness.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(5, 0, true) });
    await harness.quiet();
    await expect(harness.commands.cancel(jobId)).rejects.toMatchObject({
      code: 'JOB_STATE_CONFLICT',
      message: expect.stringContaining('SUCCESS'),
    });
    await expect(harness.commands.cancel('zzzzzzzz')).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
  });

  it('reaches a job that is just being handed out', async () => {
    const jobId = await harness.accept();
    const [assignment] = await Promise.all([
      harness.runners.next(),
      harness.commands.cancel(jobId).then(undefined, (error: unknown) => error),
      harness.quiet().then(async () => {
        harness.runners.finish(jobId, { kind: 'reconciled', checkpoint: null });
        await harness.quiet();
      }),
    ]);
    expect(assignment).toMatchObject({ jobId });
    expect((await harness.record(jobId)).state).toBe('CANCELLED');
  });
});

describe('resuming a job', () => {
  it('queues a cancelled one for another attempt from its checkpoint', async () => {
    const jobId = await harness.acceptAndClaim();
    harness.commit(jobId, 5);
    const cancelling = harness.commands.cancel(jobId);
    await harness.quiet();
    harness.clock.advance(100);
    harness.runners.finish(jobId, { kind: 'reconciled', checkpoint: aCheckpoint(5) });
    await cancelling;
    harness.clock.advance(1_000_000);

    const resumed = await harness.commands.resume(jobId);
    expect(resumed).toMatchObject({ state: 'PENDING', attempt: 2, error: null, finishedAt: null });
    harness.clock.advance(30);
    expect(await harness.runners.next()).toMatchObject({
      intent: 'run',
      checkpoint: { ok: expect.any(Number) },
      lease: 2,
    });
    harness.clock.advance(200);
    harness.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(9, 0, true) });
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({
      state: 'SUCCESS',
      attempt: 2,
      timings: { waiting_ms: 30, processing_ms: 300 },
      started_at: '2026-03-01T12:00:00.000Z',
    });
    expect(await harness.files()).toEqual([]);
  });

  it.each([5, -5])('knows how long it took, also if the wall clock is set by %i hours meanwhile', async (hours) => {
    const jobId = await harness.accept();
    const setWall = (): void => {
      harness.clock.advance(30);
      harness.clock.setWall(hours * 3_600_000);
    };
    setWall();
    await harness.runners.next();
    setWall();
    expect(await harness.job(jobId)).toMatchObject({ timings: { waiting_ms: 30, processing_ms: 30 } });
    harness.runners.finish(jobId, {
      kind: 'failed',
      error: { code: 'KAFKA_REJECTED', detail: '' },
      checkpoint: null,
      checkpointVerified: true,
    });
    await harness.quiet();
    await harness.commands.resume(jobId);
    setWall();
    await harness.runners.next();
    setWall();
    harness.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(9, 0, true) });
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({ timings: { waiting_ms: 60, processing_ms: 60 } });
  });

  it('is possible after a failure for want of Kafka', async () => {
    const jobId = await failWithoutKafka();
    expect(await harness.commands.resume(jobId)).toMatchObject({ state: 'PENDING', error: null });
    expect(await harness.runners.next()).toMatchObject({ intent: 'run' });
  });

  it('is possible after its runner crashed three times, with the crashes forgotten', async () => {
    const jobId = await harness.acceptAndClaim();
    for (let i = 0; i < 3; i++) {
      harness.runners.lose(jobId, true);
      await harness.quiet();
      await harness.runners.next();
    }
    harness.runners.finish(jobId, { kind: 'reconciled', checkpoint: aCheckpoint(4) });
    await harness.quiet();
    expect((await harness.job(jobId)).error).toMatchObject({
      code: 'RUNNER_CRASHED',
      hint: expect.stringContaining(`\`POST /jobs/${jobId}/resume\``),
    });
    expect(await harness.commands.resume(jobId)).toMatchObject({ state: 'PENDING', error: null, crashes: 0 });
    expect(await harness.runners.next()).toMatchObject({ intent: 'run', checkpoint: { ok: 4 } });
    harness.runners.lose(jobId, true);
    await harness.quiet();
    expect((await harness.record(jobId)).state).toBe('RUNNING');
  });

  it('once only, when two ask at the same time', async () => {
    const jobId = await failWithoutKafka();
    const results = await Promise.allSettled([harness.commands.resume(jobId), harness.commands.resume(jobId)]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected']);
    expect((await harness.record(jobId)).attempt).toBe(2);
  });

  it('is refused for any other job', async () => {
    const jobId = await harness.accept();
    await expect(harness.commands.resume(jobId)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' });
    await harness.runners.next();
    await expect(harness.commands.resume(jobId)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' });
    harness.runners.finish(jobId, {
      kind: 'failed',
      error: { code: 'HEADER_MISMATCH', detail: '' },
      checkpoint: null,
      checkpointVerified: true,
    });
    await harness.quiet();
    await expect(harness.commands.resume(jobId)).rejects.toMatchObject({
      code: 'JOB_STATE_CONFLICT',
      message: expect.stringContaining('FAILED (HEADER_MISMATCH)'),
    });
    await expect(harness.commands.resume('zzzzzzzz')).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
  });

  it('is too late when the file is gone', async () => {
    const jobId = await failWithoutKafka();
    await harness.spool.remove(jobId);
    await expect(harness.commands.resume(jobId)).rejects.toMatchObject({ code: 'SPOOL_EXPIRED' });
    await writeFile(harness.path(jobId), 'id\n');
    harness.clock.advance(24 * 3_600_000 + 1);
    await harness.maintenance.cleanSpool();
    await expect(harness.commands.resume(jobId)).rejects.toMatchObject({ code: 'SPOOL_EXPIRED' });
  });

  it('is too late when another process removes the file meanwhile', async () => {
    const jobId = await failWithoutKafka();
    harness.spool.has = async () => {
      await harness.store.updateInternal(jobId, { states: ['FAILED'] }, { spooled: false });
      return true;
    };
    await expect(harness.commands.resume(jobId)).rejects.toMatchObject({ code: 'SPOOL_EXPIRED' });
    expect((await harness.record(jobId)).state).toBe('FAILED');
  });

  it('is refused while the brokers cannot write it exactly once', async () => {
    const jobId = await failWithoutKafka();
    harness.kafkaFailure = new ServiceError('KAFKA_UNSUPPORTED', 'no verification');
    await expect(harness.commands.resume(jobId)).rejects.toMatchObject({ code: 'KAFKA_UNSUPPORTED' });
    expect(await harness.record(jobId)).toMatchObject({ state: 'FAILED', attempt: 1 });
    harness.kafkaFailure = null;
    expect(await harness.commands.resume(jobId)).toMatchObject({ state: 'PENDING', attempt: 2 });
  });

  it('waits for its turn where the job is just being reconciled', async () => {
    const jobId = await failWithoutKafka();
    expect(await harness.runners.next()).toMatchObject({ intent: 'reconcile' });
    await harness.commands.resume(jobId);
    expect(await harness.waiting()).toEqual([]);
    harness.runners.finish(jobId, { kind: 'reconciled', checkpoint: aCheckpoint(6) });
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({ state: 'PENDING', totals: { rows: 6 } });
    expect(await harness.runners.next()).toMatchObject({ intent: 'run', lease: 3 });
  });

  it('goes on although the broker does not let it be reconciled', async () => {
    const jobId = await failWithoutKafka();
    expect(await harness.runners.next()).toMatchObject({ intent: 'reconcile' });
    await harness.commands.resume(jobId);
    const error = { code: 'KAFKA_UNAVAILABLE', detail: 'the detail' } as const;
    harness.runners.finish(jobId, { kind: 'failed', error, checkpoint: null, checkpointVerified: false });
    await harness.quiet();
    expect(await harness.runners.next()).toMatchObject({ jobId, intent: 'run' });
  });

  it('and cancelling again reconciles first where nobody knows yet what is committed', async () => {
    const jobId = await failWithoutKafka();
    await harness.commands.resume(jobId);
    const cancelling = harness.commands.cancel(jobId);
    await harness.quiet();
    expect((await harness.record(jobId)).state).toBe('CANCELLING');
    expect(await harness.runners.next()).toMatchObject({ intent: 'reconcile' });
    harness.runners.finish(jobId, { kind: 'reconciled', checkpoint: aCheckpoint(6) });
    expect(await cancelling).toMatchObject({ record: { state: 'CANCELLED' } });
    expect(await harness.job(jobId)).toMatchObject({ totals: { rows: 6 }, end_offsets: { data: 7, dlq: 0 } });
  });
});
