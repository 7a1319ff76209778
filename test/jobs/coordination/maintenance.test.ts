import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newRow } from '../../../src/jobs/domain/job-changes.js';
import type { Outcome } from '../../../src/runner/ipc.js';
import { aCheckpoint, JobsHarness } from '../support/jobs-harness.js';
import { aJob } from '../support/store-fixture.js';

const HOUR_MS = 3_600_000;
const AWAY: Outcome = {
  kind: 'failed',
  error: { code: 'KAFKA_UNAVAILABLE', detail: 'away' },
  checkpoint: aCheckpoint(3),
  checkpointVerified: false,
};
const UNRECONCILED = {
  phase: null,
  phase_owner: null,
  state: 'FAILED',
  error_code: 'KAFKA_UNAVAILABLE',
  checkpoint_verified: 0,
};

let harness: JobsHarness;
beforeEach(async () => {
  harness = await JobsHarness.open();
});
afterEach(() => harness.close());

async function cancelled(): Promise<string> {
  const jobId = await harness.accept();
  await harness.commands.cancel(jobId);
  return jobId;
}

async function failedWithoutKafka(): Promise<string> {
  const jobId = await harness.acceptAndClaim();
  harness.runners.finish(jobId, AWAY);
  await harness.quiet();
  return jobId;
}

describe('a new start', () => {
  it('takes up every unfinished job, those under way first', async () => {
    const running = await harness.acceptAndClaim();
    const cancelling = await harness.acceptAndClaim();
    const waiting = await harness.accept();
    const ended = await cancelled();
    const cancel = harness.commands.cancel(cancelling);
    await harness.quiet();
    harness.clock.advance(5000);
    await cancel;

    harness.start();
    await harness.maintenance.rescueInterrupted();
    expect(await harness.waiting()).toEqual([running, waiting, cancelling]);
    expect(await harness.runners.next()).toMatchObject({ jobId: running, intent: 'run', lease: 2 });
    expect(await harness.runners.next()).toMatchObject({ jobId: waiting, intent: 'run', lease: 1 });
    expect(await harness.runners.next()).toMatchObject({ jobId: cancelling, intent: 'reconcile', lease: 2 });
    expect((await harness.record(ended)).state).toBe('CANCELLED');
  });

  it('does not forget crashes and verdicts', async () => {
    const jobId = await harness.acceptAndClaim();
    for (let i = 0; i < 2; i++) {
      harness.runners.lose(jobId, true);
      await harness.quiet();
      await harness.runners.next();
    }
    harness.start();
    await harness.maintenance.rescueInterrupted();
    await harness.runners.next();
    harness.runners.lose(jobId, true);
    await harness.quiet();
    harness.start();
    await harness.maintenance.rescueInterrupted();
    expect(await harness.runners.next()).toMatchObject({ intent: 'reconcile' });
    harness.runners.finish(jobId, { kind: 'reconciled', checkpoint: null });
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({ state: 'FAILED', error: { code: 'RUNNER_CRASHED' } });
  });

  it('moves the files that no job knows aside, and removes them after as long as any', async () => {
    const waiting = await harness.accept();
    await cancelled();
    await writeFile(harness.path('unknown0'), 'id\n');
    harness.start();
    await harness.maintenance.rescueInterrupted();
    const orphan = join(harness.spool.folder, 'orphans', 'unknown0');
    expect(await readFile(orphan, 'utf8')).toBe('id\n');
    expect(await harness.spool.list()).not.toContain('unknown0');

    harness.clock.advance(24 * HOUR_MS - 1);
    harness.start();
    await harness.maintenance.rescueInterrupted();
    await harness.maintenance.cleanSpool();
    expect(await readFile(orphan, 'utf8')).toBe('id\n');
    harness.clock.advance(HOUR_MS);
    await harness.maintenance.cleanSpool();
    await expect(readFile(orphan)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await harness.files()).toEqual([waiting, 'orphans'].sort());
  });

  it('leaves alone what is not its own', async () => {
    const waiting = await harness.accept();
    const { folder } = harness.spool;
    await mkdir(join(folder, 'lost+found'), { mode: 0o700 });
    await mkdir(join(folder, 'archives'));
    const names = ['notes.txt', 'old.part', 'README', 'orders-2026.csv'];
    for (const name of names) await writeFile(join(folder, name), 'not ours');
    harness.start();
    expect(await harness.spool.removeUncommitted()).toBe(0);
    await harness.maintenance.rescueInterrupted();
    harness.clock.advance(48 * HOUR_MS);
    await harness.maintenance.cleanSpool();
    expect((await harness.files()).sort()).toEqual([waiting, 'lost+found', 'archives', ...names].sort());
  });

  it('removes the file of a job that ended just before', async () => {
    const jobId = await harness.acceptAndClaim();
    harness.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(1, 0, true) });
    await harness.quiet();
    await writeFile(harness.path(jobId), 'as if the process had been killed before it was removed');
    harness.start();
    await harness.maintenance.rescueInterrupted();
    expect(await harness.files()).toEqual([]);
  });

  it('fails a waiting job whose file is gone', async () => {
    const jobId = await harness.accept();
    await harness.spool.remove(jobId);
    harness.start();
    await harness.maintenance.rescueInterrupted();
    expect(await harness.job(jobId)).toMatchObject({
      state: 'FAILED',
      error: { code: 'FILE_CORRUPT', message: 'the uploaded file is gone from the storage' },
      end_offsets: { data: 0, dlq: 0 },
    });
    expect(await harness.waiting()).toEqual([]);
    expect(harness.events.at(-1)?.state).toBe('FAILED');
  });

  it('lets a job go on whose file is read where it lies', async () => {
    const source = { uri: 's3://bucket/a.csv', version: '1', sizeBytes: 100 };
    const jobId = await harness.accept({ source });
    await harness.spool.remove(jobId);
    harness.start();
    await harness.maintenance.rescueInterrupted();
    expect(await harness.job(jobId)).toMatchObject({ state: 'PENDING', error: null });
    expect(await harness.waiting()).toEqual([jobId]);
  });

  it('reconciles a job under way whose file is gone before it fails it', async () => {
    const jobId = await harness.acceptAndClaim();
    harness.commit(jobId, 4);
    await harness.quiet();
    await harness.spool.remove(jobId);
    harness.start();
    await harness.maintenance.rescueInterrupted();
    expect(await harness.runners.next()).toMatchObject({
      jobId,
      intent: 'reconcile',
      checkpoint: { ok: expect.any(Number) },
    });
    harness.runners.finish(jobId, { kind: 'reconciled', checkpoint: aCheckpoint(6) });
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({
      state: 'FAILED',
      error: { code: 'FILE_CORRUPT' },
      totals: { rows: 6 },
      end_offsets: { data: 7, dlq: 0 },
    });
  });
});

describe('a job that failed before it was known what is committed', () => {
  it.each([
    ['KAFKA_REJECTED', 'refused'],
    ['FILE_CORRUPT', 'refused; its first 6 rows are committed'],
  ] as const)('is reconciled whatever it failed with: %s', async (code, message) => {
    const jobId = await harness.acceptAndClaim();
    harness.commit(jobId, 3);
    const error = { code, detail: 'refused' };
    harness.runners.finish(jobId, { kind: 'failed', error, checkpoint: aCheckpoint(3), checkpointVerified: false });
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({
      state: 'FAILED',
      end_offsets: null,
      error: { code, message: 'refused' },
    });

    for (const checkpointVerified of [false, true]) {
      harness.clock.advance(30_000);
      expect(await harness.runners.next()).toMatchObject({ jobId, intent: 'reconcile' });
      const refused = { code: 'KAFKA_REJECTED', detail: 'refused again' } as const;
      harness.runners.finish(jobId, { kind: 'failed', error: refused, checkpoint: aCheckpoint(6), checkpointVerified });
      await harness.quiet();
    }
    expect(await harness.job(jobId)).toMatchObject({
      state: 'FAILED',
      error: { code, message },
      totals: { rows: 6 },
      end_offsets: { data: 7, dlq: 0 },
    });
    expect(await harness.waiting()).toEqual([]);
  });
});

describe('a job that failed without Kafka', () => {
  it('is reconciled once the broker is back', async () => {
    const jobId = await failedWithoutKafka();
    expect((await harness.job(jobId)).end_offsets).toBeNull();
    expect(await harness.runners.next()).toMatchObject({ jobId, intent: 'reconcile', lease: 2 });
    const published = harness.events.length;
    harness.runners.finish(jobId, { kind: 'reconciled', checkpoint: aCheckpoint(5, 1) });
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({
      state: 'FAILED',
      error: { code: 'KAFKA_UNAVAILABLE', message: 'away' },
      totals: { rows: 6, ok: 5, errors: 1 },
      end_offsets: { data: 6, dlq: 2 },
    });
    expect(harness.events).toHaveLength(published + 1);
    expect(await harness.waiting()).toEqual([]);
  });

  it('stays as it is where the broker goes again, and is tried at the next occasion', async () => {
    const jobId = await failedWithoutKafka();
    const before = await harness.job(jobId);
    await harness.runners.next();
    harness.runners.lose(jobId, true);
    await harness.quiet();
    expect(await harness.job(jobId)).toEqual(before);
    expect(await harness.waiting()).toEqual([]);
    harness.clock.advance(30_000);
    expect(await harness.waiting()).toEqual([jobId]);
    await harness.runners.next();
    harness.runners.finish(jobId, { kind: 'stopped' });
    await harness.quiet();
    expect(await harness.job(jobId)).toEqual(before);
    expect(await harness.waiting()).toEqual([jobId]);
  });

  it('waits 30 s for the next attempt, twice as long each time, and never more than 10 min', async () => {
    const jobId = await failedWithoutKafka();
    for (const delay of [30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000]) {
      await failToReconcile(jobId);
      harness.clock.advance(delay - 1);
      expect(await harness.waiting()).toEqual([]);
      harness.clock.advance(1);
      expect(await harness.waiting()).toEqual([jobId]);
    }
  });

  it('is tried again 30 s after the broker is back, however long it would have waited', async () => {
    const jobId = await failedWithoutKafka();
    for (const delay of [30_000, 60_000, 120_000, 240_000]) {
      await failToReconcile(jobId);
      harness.clock.advance(delay);
    }
    await failToReconcile(jobId);
    for (let i = 0; i < 3; i++) {
      harness.coordinator.brokerAway();
      harness.clock.advance(29_999);
      expect(await harness.runners.next()).toBeNull();
    }
    await harness.coordinator.brokerAnswers();
    harness.clock.advance(29_999);
    expect(await harness.runners.next()).toBeNull();
    harness.clock.advance(1);
    await failToReconcile(jobId);
    harness.clock.advance(30_000);
    expect(await harness.waiting()).toEqual([jobId]);
  });

  it('gets its turn behind any number of others that cannot be reconciled', async () => {
    const others = Array.from({ length: 30 }, () => aJob());
    await harness.fixture.db
      .insertInto('jobs')
      .values(
        others.map((job, at) => ({
          ...newRow(job, '', harness.clock),
          ...UNRECONCILED,
          run_after: harness.clock.steady(),
          seq: 1 + at,
        })),
      )
      .execute();
    harness.clock.advance(1);
    const jobId = await failedWithoutKafka();
    for (const other of others) {
      await failToReconcile(other.jobId);
      harness.clock.advance(5_000); // those that were tried first are due again
    }
    await failToReconcile(jobId);
  });

  it('does not wait when it is resumed, and begins at 30 s again afterwards', async () => {
    const jobId = await failedWithoutKafka();
    await failToReconcile(jobId);
    await harness.commands.resume(jobId);
    expect(await harness.runners.next()).toMatchObject({ jobId, intent: 'run' });
    harness.runners.finish(jobId, AWAY);
    await harness.quiet();
    await failToReconcile(jobId);
    harness.clock.advance(29_999);
    expect(await harness.waiting()).toEqual([]);
    harness.clock.advance(1);
    expect(await harness.waiting()).toEqual([jobId]);
  });

  async function failToReconcile(jobId: string): Promise<void> {
    expect(await harness.runners.next()).toMatchObject({ jobId, intent: 'reconcile' });
    harness.runners.finish(jobId, AWAY);
    await harness.quiet();
  }

  it('says so when the reconciling finds the whole file committed, and ends SUCCESS when resumed', async () => {
    const jobId = await failedWithoutKafka();
    await harness.runners.next();
    harness.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(9, 0, true) });
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({
      state: 'FAILED',
      totals: { rows: 9 },
      error: { code: 'KAFKA_UNAVAILABLE', message: expect.stringContaining('the whole file is committed') },
    });
    await harness.commands.resume(jobId);
    await harness.runners.next();
    harness.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(9, 0, true) });
    await harness.quiet();
    expect((await harness.record(jobId)).state).toBe('SUCCESS');
  });

  it('can no longer be resumed when the reconciling finds the checkpoint lost', async () => {
    const jobId = await failedWithoutKafka();
    await harness.runners.next();
    const error = { code: 'CHECKPOINT_LOST', detail: 'gone' } as const;
    harness.runners.finish(jobId, { kind: 'failed', error, checkpoint: null, checkpointVerified: true });
    await harness.quiet();
    expect(await harness.job(jobId)).toMatchObject({
      state: 'FAILED',
      error: { code: 'CHECKPOINT_LOST' },
      end_offsets: null,
    });
    await expect(harness.commands.resume(jobId)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' });
    expect(await harness.files()).toEqual([jobId]);
  });
});

describe('kept files', () => {
  it('go when nobody resumed the job in time', async () => {
    const old = await cancelled();
    harness.clock.advance(23 * HOUR_MS);
    const recent = await cancelled();
    const waiting = await harness.accept();
    harness.clock.advance(HOUR_MS + 1);
    await harness.maintenance.cleanSpool();
    expect((await harness.files()).sort()).toEqual([recent, waiting].sort());
    expect(await harness.record(old)).toMatchObject({ spooled: false });
  });

  it('go a day after any end, also of a job that rejected some rows', async () => {
    const jobId = await harness.acceptAndClaim();
    harness.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(1, 1, true) });
    await harness.quiet();
    harness.clock.advance(24 * HOUR_MS - 1);
    await harness.maintenance.cleanSpool();
    harness.start();
    await harness.maintenance.rescueInterrupted();
    expect(await harness.files()).toEqual([jobId]);
    harness.clock.advance(2);
    await harness.maintenance.cleanSpool();
    expect(await harness.files()).toEqual([]);
  });

  it('stay for a job that was resumed', async () => {
    const jobId = await cancelled();
    harness.clock.advance(25 * HOUR_MS);
    await harness.commands.resume(jobId);
    await harness.maintenance.cleanSpool();
    expect(await harness.files()).toEqual([jobId]);
  });
});

describe('the regular round', () => {
  /** Lets a round that was begun come to its end: the next one is planned then. */
  async function round(): Promise<void> {
    harness.clock.advance(5000);
    while (harness.clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
  }

  it('reconciles when Kafka answers, not before', async () => {
    const jobId = await failedWithoutKafka();
    harness.kafkaIsAway = true;
    harness.brokers.start();
    await round();
    expect(await harness.runners.next()).toBeNull();
    harness.kafkaIsAway = false;
    await round();
    expect(await harness.runners.next()).toMatchObject({ jobId, intent: 'reconcile' });
    await harness.brokers.stop();
    expect(harness.clock.pending).toBe(0);
  });

  it('removes expired files, and what nobody needs', async () => {
    await cancelled();
    harness.clock.advance(25 * HOUR_MS);
    harness.maintenance.start();
    await round();
    expect([await harness.files(), harness.sweeps]).toEqual([[], 1]);
    await harness.maintenance.stop();
  });
});
