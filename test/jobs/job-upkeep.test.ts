import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newRow } from '../../src/jobs/job-changes.js';
import type { Outcome } from '../../src/runner/messages.js';
import { aCheckpoint, Desk } from './support/desk.js';
import { aJob } from './support/store-fixture.js';

const HOUR_MS = 3_600_000;
const AWAY: Outcome = {
  kind: 'failed',
  error: { code: 'KAFKA_UNAVAILABLE', detail: 'away' },
  checkpoint: aCheckpoint(3),
  settled: false,
};
const UNSETTLED = { phase: null, phase_owner: null, state: 'FAILED', error_code: 'KAFKA_UNAVAILABLE', settled: 0 };

let desk: Desk;
beforeEach(async () => {
  desk = await Desk.open();
});
afterEach(() => desk.close());

async function cancelled(): Promise<string> {
  const jobId = await desk.accept();
  await desk.control.cancel(jobId);
  return jobId;
}

async function failedWithoutKafka(): Promise<string> {
  const jobId = await desk.acceptAndHire();
  desk.runners.finish(jobId, AWAY);
  await desk.quiet();
  return jobId;
}

describe('a new start', () => {
  it('takes up every unfinished job, those under way first', async () => {
    const running = await desk.acceptAndHire();
    const cancelling = await desk.acceptAndHire();
    const waiting = await desk.accept();
    const ended = await cancelled();
    const cancel = desk.control.cancel(cancelling);
    await desk.quiet();
    desk.clock.advance(5000);
    await cancel;

    desk.start();
    await desk.upkeep.recover();
    expect(desk.runners.queue).toEqual([running, cancelling, waiting]);
    expect(await desk.runners.next()).toMatchObject({ jobId: running, intent: 'run', lease: 2 });
    expect(await desk.runners.next()).toMatchObject({ jobId: cancelling, intent: 'settle', lease: 2 });
    expect(await desk.runners.next()).toMatchObject({ jobId: waiting, intent: 'run', lease: 1 });
    expect((await desk.record(ended)).state).toBe('CANCELLED');
  });

  it('does not forget crashes and verdicts', async () => {
    const jobId = await desk.acceptAndHire();
    for (let i = 0; i < 2; i++) {
      desk.runners.lose(jobId, true);
      await desk.quiet();
      await desk.runners.next();
    }
    desk.start();
    await desk.upkeep.recover();
    await desk.runners.next();
    desk.runners.lose(jobId, true);
    await desk.quiet();
    desk.start();
    await desk.upkeep.recover();
    expect(await desk.runners.next()).toMatchObject({ intent: 'settle' });
    desk.runners.finish(jobId, { kind: 'settled', checkpoint: null });
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({ state: 'FAILED', error: { code: 'RUNNER_CRASHED' } });
  });

  it('moves the files that no job knows aside, and removes them after as long as any', async () => {
    const waiting = await desk.accept();
    await cancelled();
    await writeFile(desk.spool.path('unknown0'), 'id\n');
    desk.start();
    await desk.upkeep.recover();
    const orphan = join(desk.spool.folder, 'orphans', 'unknown0');
    expect(await readFile(orphan, 'utf8')).toBe('id\n');
    expect(await desk.spool.list()).not.toContain('unknown0');

    desk.clock.advance(24 * HOUR_MS - 1);
    desk.start();
    await desk.upkeep.recover();
    await desk.upkeep.expireSpools();
    expect(await readFile(orphan, 'utf8')).toBe('id\n');
    desk.clock.advance(HOUR_MS);
    await desk.upkeep.expireSpools();
    await expect(readFile(orphan)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await desk.files()).toEqual([waiting, 'orphans'].sort());
  });

  it('leaves alone what is not its own', async () => {
    const waiting = await desk.accept();
    const { folder } = desk.spool;
    await mkdir(join(folder, 'lost+found'), { mode: 0o700 });
    await mkdir(join(folder, 'archives'));
    const names = ['notes.txt', 'old.part', 'README', 'orders-2026.csv'];
    for (const name of names) await writeFile(join(folder, name), 'not ours');
    desk.start();
    expect(await desk.spool.removeParts()).toBe(0);
    await desk.upkeep.recover();
    desk.clock.advance(48 * HOUR_MS);
    await desk.upkeep.expireSpools();
    expect((await desk.files()).sort()).toEqual([waiting, 'lost+found', 'archives', ...names].sort());
  });

  it('removes the file of a job that ended just before', async () => {
    const jobId = await desk.acceptAndHire();
    desk.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(1, 0, true) });
    await desk.quiet();
    await writeFile(desk.spool.path(jobId), 'as if the process had been killed before it was removed');
    desk.start();
    await desk.upkeep.recover();
    expect(await desk.files()).toEqual([]);
  });

  it('fails a waiting job whose file is gone', async () => {
    const jobId = await desk.accept();
    await desk.spool.remove(jobId);
    desk.start();
    await desk.upkeep.recover();
    expect(await desk.job(jobId)).toMatchObject({
      state: 'FAILED',
      error: { code: 'FILE_CORRUPT', message: 'the uploaded file is gone from DATA_DIR' },
      end_offsets: { data: 0, dlq: 0 },
    });
    expect(desk.runners.queue).toEqual([]);
    expect(desk.snapshots.at(-1)?.state).toBe('FAILED');
  });

  it('settles a job under way whose file is gone before it fails it', async () => {
    const jobId = await desk.acceptAndHire();
    desk.commit(jobId, 4);
    await desk.quiet();
    await desk.spool.remove(jobId);
    desk.start();
    await desk.upkeep.recover();
    expect(await desk.runners.next()).toMatchObject({
      jobId,
      intent: 'settle',
      checkpoint: { ok: expect.any(Number) },
    });
    desk.runners.finish(jobId, { kind: 'settled', checkpoint: aCheckpoint(6) });
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({
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
  ] as const)('is settled whatever it failed with: %s', async (code, message) => {
    const jobId = await desk.acceptAndHire();
    desk.commit(jobId, 3);
    const error = { code, detail: 'refused' };
    desk.runners.finish(jobId, { kind: 'failed', error, checkpoint: aCheckpoint(3), settled: false });
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({
      state: 'FAILED',
      end_offsets: null,
      error: { code, message: 'refused' },
    });

    for (const settled of [false, true]) {
      await desk.upkeep.settleUnsettled();
      desk.clock.advance(30_000);
      expect(await desk.runners.next()).toMatchObject({ jobId, intent: 'settle' });
      const refused = { code: 'KAFKA_REJECTED', detail: 'refused again' } as const;
      desk.runners.finish(jobId, { kind: 'failed', error: refused, checkpoint: aCheckpoint(6), settled });
      await desk.quiet();
    }
    expect(await desk.job(jobId)).toMatchObject({
      state: 'FAILED',
      error: { code, message },
      totals: { rows: 6 },
      end_offsets: { data: 7, dlq: 0 },
    });
    await desk.upkeep.settleUnsettled();
    expect(desk.runners.queue).toEqual([]);
  });
});

describe('a job that failed without Kafka', () => {
  it('is settled once the broker is back', async () => {
    const jobId = await failedWithoutKafka();
    expect((await desk.job(jobId)).end_offsets).toBeNull();
    await desk.upkeep.settleUnsettled();
    expect(await desk.runners.next()).toMatchObject({ jobId, intent: 'settle', lease: 2 });
    const published = desk.snapshots.length;
    desk.runners.finish(jobId, { kind: 'settled', checkpoint: aCheckpoint(5, 1) });
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({
      state: 'FAILED',
      error: { code: 'KAFKA_UNAVAILABLE', message: 'away' },
      totals: { rows: 6, ok: 5, errors: 1 },
      end_offsets: { data: 6, dlq: 2 },
    });
    expect(desk.snapshots).toHaveLength(published + 1);
    await desk.upkeep.settleUnsettled();
    expect(desk.runners.queue).toEqual([]);
  });

  it('stays as it is where the broker goes again, and is tried at the next occasion', async () => {
    const jobId = await failedWithoutKafka();
    const before = await desk.job(jobId);
    await desk.upkeep.settleUnsettled();
    await desk.runners.next();
    desk.runners.lose(jobId, true);
    await desk.quiet();
    expect(await desk.job(jobId)).toEqual(before);
    expect(desk.runners.queue).toEqual([]);
    desk.clock.advance(30_000);
    expect(desk.runners.queue).toEqual([jobId]);
    await desk.runners.next();
    desk.runners.finish(jobId, { kind: 'stopped' });
    await desk.quiet();
    expect(await desk.job(jobId)).toEqual(before);
    expect(desk.runners.queue).toEqual([]);
    await desk.upkeep.settleUnsettled();
    expect(desk.runners.queue).toEqual([jobId]);
  });

  it('waits 30 s for the next attempt, twice as long each time, and never more than 10 min', async () => {
    const jobId = await failedWithoutKafka();
    await desk.upkeep.settleUnsettled();
    for (const delay of [30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000]) {
      await failToSettle(jobId);
      await desk.upkeep.settleUnsettled();
      desk.clock.advance(delay - 1);
      await desk.upkeep.settleUnsettled();
      expect(desk.runners.queue).toEqual([]);
      desk.clock.advance(1);
      expect(desk.runners.queue).toEqual([jobId]);
    }
  });

  it('is tried again 30 s after the broker is back, however long it would have waited', async () => {
    const jobId = await failedWithoutKafka();
    await desk.upkeep.settleUnsettled();
    for (const delay of [30_000, 60_000, 120_000, 240_000]) {
      await failToSettle(jobId);
      desk.clock.advance(delay);
    }
    await failToSettle(jobId);
    for (let i = 0; i < 3; i++) {
      desk.supervisor.brokerAway();
      desk.clock.advance(29_999);
      expect(desk.runners.queue).toEqual([]);
    }
    desk.clock.advance(1);
    expect(desk.runners.queue).toEqual([jobId]);
  });

  it('gets its turn behind any number of others that cannot be settled', async () => {
    const others = Array.from({ length: 600 }, () => aJob());
    await desk.fixture.db
      .insertInto('jobs')
      .values(others.map((job, at) => ({ ...newRow(job, '', desk.clock), ...UNSETTLED, phase_since: at, seq: 1 + at })))
      .execute();
    const jobId = await failedWithoutKafka();
    await desk.upkeep.settleUnsettled();
    expect(desk.runners.queue).toEqual(others.slice(0, 500).map((job) => job.jobId));
    await desk.upkeep.settleUnsettled();
    expect(desk.runners.queue.slice(500)).toEqual([...others.slice(500).map((job) => job.jobId), jobId]);
  });

  it('does not wait when it is resumed, and begins at 30 s again afterwards', async () => {
    const jobId = await failedWithoutKafka();
    await desk.upkeep.settleUnsettled();
    await failToSettle(jobId);
    await desk.control.resume(jobId);
    expect(await desk.runners.next()).toMatchObject({ jobId, intent: 'run' });
    desk.runners.finish(jobId, AWAY);
    await desk.quiet();
    await desk.upkeep.settleUnsettled();
    await failToSettle(jobId);
    expect(desk.clock.dueIn).toEqual([30_000]);
  });

  async function failToSettle(jobId: string): Promise<void> {
    expect(await desk.runners.next()).toMatchObject({ jobId, intent: 'settle' });
    desk.runners.finish(jobId, AWAY);
    await desk.quiet();
  }

  it('says so when the settling finds the whole file committed, and ends SUCCESS when resumed', async () => {
    const jobId = await failedWithoutKafka();
    await desk.upkeep.settleUnsettled();
    await desk.runners.next();
    desk.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(9, 0, true) });
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({
      state: 'FAILED',
      totals: { rows: 9 },
      error: { code: 'KAFKA_UNAVAILABLE', message: expect.stringContaining('the whole file is committed') },
    });
    await desk.control.resume(jobId);
    await desk.runners.next();
    desk.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(9, 0, true) });
    await desk.quiet();
    expect((await desk.record(jobId)).state).toBe('SUCCESS');
  });

  it('can no longer be resumed when the settling finds the checkpoint lost', async () => {
    const jobId = await failedWithoutKafka();
    await desk.upkeep.settleUnsettled();
    await desk.runners.next();
    const error = { code: 'CHECKPOINT_LOST', detail: 'gone' } as const;
    desk.runners.finish(jobId, { kind: 'failed', error, checkpoint: null, settled: true });
    await desk.quiet();
    expect(await desk.job(jobId)).toMatchObject({
      state: 'FAILED',
      error: { code: 'CHECKPOINT_LOST' },
      end_offsets: null,
    });
    await expect(desk.control.resume(jobId)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' });
    expect(await desk.files()).toEqual([jobId]);
  });
});

describe('kept files', () => {
  it('go when nobody resumed the job in time', async () => {
    const old = await cancelled();
    desk.clock.advance(23 * HOUR_MS);
    const recent = await cancelled();
    const waiting = await desk.accept();
    desk.clock.advance(HOUR_MS + 1);
    await desk.upkeep.expireSpools();
    expect((await desk.files()).sort()).toEqual([recent, waiting].sort());
    expect(await desk.record(old)).toMatchObject({ spooled: false });
  });

  it('go a day after any end, also of a job that rejected some rows', async () => {
    const jobId = await desk.acceptAndHire();
    desk.runners.finish(jobId, { kind: 'completed', checkpoint: aCheckpoint(1, 1, true) });
    await desk.quiet();
    desk.clock.advance(24 * HOUR_MS - 1);
    await desk.upkeep.expireSpools();
    desk.start();
    await desk.upkeep.recover();
    expect(await desk.files()).toEqual([jobId]);
    desk.clock.advance(2);
    await desk.upkeep.expireSpools();
    expect(await desk.files()).toEqual([]);
  });

  it('stay for a job that was resumed', async () => {
    const jobId = await cancelled();
    desk.clock.advance(25 * HOUR_MS);
    await desk.control.resume(jobId);
    await desk.upkeep.expireSpools();
    expect(await desk.files()).toEqual([jobId]);
  });
});

describe('the regular round', () => {
  /** Lets a round that was begun come to its end: the next one is planned then. */
  async function round(): Promise<void> {
    desk.clock.advance(5000);
    while (desk.clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
  }

  it('settles when Kafka answers, not before', async () => {
    const jobId = await failedWithoutKafka();
    desk.kafkaIsAway = true;
    desk.upkeep.start();
    await round();
    expect(desk.runners.queue).toEqual([]);
    desk.kafkaIsAway = false;
    await round();
    expect(desk.runners.queue).toEqual([jobId]);
    await desk.upkeep.stop();
    expect(desk.clock.pending).toBe(0);
  });

  it('removes expired files, Kafka or not', async () => {
    await cancelled();
    desk.clock.advance(25 * HOUR_MS);
    desk.kafkaIsAway = true;
    desk.upkeep.start();
    await round();
    expect(await desk.files()).toEqual([]);
    await desk.upkeep.stop();
  });
});
