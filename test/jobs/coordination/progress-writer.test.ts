import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CompiledQuery } from 'kysely';
import { aCheckpoint, JobsHarness } from '../support/jobs-harness.js';

let harness: JobsHarness;
beforeEach(async () => {
  harness = await JobsHarness.open();
});
afterEach(() => harness.close());

/** Jobs that runners have, with a commit that is stored. */
async function running(count: number): Promise<string[]> {
  const jobs: string[] = [];
  for (let i = 0; i < count; i++) jobs.push(await harness.acceptAndClaim());
  for (const jobId of jobs) harness.commit(jobId, 1);
  await harness.quiet();
  return jobs;
}

/** How many transactions are committed while `task` runs, by the database's log. */
async function commitsOf(task: () => Promise<void>): Promise<number> {
  await sql('PRAGMA wal_checkpoint(TRUNCATE)');
  await task();
  const log = readFileSync(join(harness.fixture.folder, 'batch.db-wal'));
  if (log.length === 0) return 0;
  const frame = 24 + log.readUInt32BE(8);
  let commits = 0;
  for (let at = 32; at < log.length; at += frame) {
    // The last frame of a transaction has the size of the database behind the number of its page.
    const isOfThisLog = log.compare(log, 16, 24, at + 8, at + 16) === 0;
    if (isOfThisLog && log.readUInt32BE(at + 4) > 0) commits++;
  }
  return commits;
}

async function sql(statement: string): Promise<void> {
  await harness.fixture.db.executeQuery(CompiledQuery.raw(statement));
}

async function rowsOf(jobId: string): Promise<number> {
  return (await harness.job(jobId)).totals.rows;
}

/** Resolves when everything that the job was to go through up to now is done. */
async function checkpointVerified(jobId: string): Promise<void> {
  await harness.writer.exclusively(jobId, async () => undefined);
}

function revisions(jobId: string): number[] {
  return harness.events.filter((job) => job.job_id === jobId).map(({ revision }) => revision);
}

describe('the progress of jobs', () => {
  it('takes one transaction a second, whatever the number of jobs', async () => {
    const jobs = await running(50);
    const before = harness.events.length;
    const commits = await commitsOf(async () => {
      for (let tenth = 1; tenth <= 30; tenth++) {
        // Each in its own time.
        for (const [at, jobId] of jobs.entries()) if (at % 10 === tenth % 10) harness.commit(jobId, 1 + tenth);
        harness.clock.advance(100);
        await harness.quiet();
      }
    });
    expect(commits).toBe(3);
    expect(harness.events.length - before).toBe(3 * jobs.length);
    for (const [at, jobId] of jobs.entries()) expect(await rowsOf(jobId)).toBe(at % 10 === 0 ? 31 : 21 + (at % 10));
    expect(harness.clock.pending).toBe(0);
  });

  it('is written in one transaction at their first commits, too', async () => {
    const jobs: string[] = [];
    for (let i = 0; i < 5; i++) jobs.push(await harness.acceptAndClaim());
    const commits = await commitsOf(async () => {
      for (const jobId of jobs) harness.commit(jobId, 10);
      await harness.quiet();
    });
    expect(commits).toBe(1);
    for (const jobId of jobs) expect(await rowsOf(jobId)).toBe(10);
  });

  it('goes on while one of them is being changed', async () => {
    const [busy, other] = (await running(2)) as [string, string];
    let finish: () => void = () => undefined;
    const change = harness.writer.exclusively(busy, () => new Promise<void>((resolve) => (finish = resolve)));
    for (const jobId of [busy, other]) harness.commit(jobId, 20);
    harness.clock.advance(1000);
    await checkpointVerified(other);
    expect(await rowsOf(other)).toBe(20);
    expect(await rowsOf(busy)).toBe(1);
    harness.commit(busy, 30);
    finish();
    await change;
    await harness.quiet();
    expect(await rowsOf(busy)).toBe(30);
  });

  it.each(['before', 'after'])('and a cancel just %s it are one after the other', async (when) => {
    const [cancelled, other] = (await running(2)) as [string, string];
    for (const jobId of [cancelled, other]) harness.commit(jobId, 20);
    if (when === 'after') harness.clock.advance(1000);
    const cancel = harness.commands.cancel(cancelled);
    if (when === 'before') harness.clock.advance(1000);
    await checkpointVerified(cancelled);
    await checkpointVerified(other);
    expect(await harness.job(cancelled)).toMatchObject({ state: 'CANCELLING', totals: { rows: 20 } });
    expect(await harness.job(other)).toMatchObject({ state: 'RUNNING', totals: { rows: 20 } });
    harness.runners.finish(cancelled, { kind: 'reconciled', checkpoint: aCheckpoint(25) });
    await cancel;
    expect(await harness.job(cancelled)).toMatchObject({ state: 'CANCELLED', totals: { rows: 25 } });
    expect(revisions(cancelled)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(harness.states(cancelled)).toEqual(['PENDING', 'RUNNING', 'CANCELLING', 'CANCELLED']);
  });

  it('is not written of a job that meanwhile has another lease', async () => {
    const [lost, other] = (await running(2)) as [string, string];
    for (const jobId of [lost, other]) harness.commit(jobId, 20);
    await harness.store.release((await harness.record(lost))!);
    const raised = (await harness.store.claim('run', 'another process'))?.record;
    harness.clock.advance(1000);
    await harness.quiet();
    expect(await harness.record(lost)).toEqual(raised);
    expect(await rowsOf(other)).toBe(20);
  });

  it('is not written of a job that has ended, whose end it does not change', async () => {
    const [ended] = (await running(1)) as [string];
    harness.commit(ended, 20);
    harness.clock.advance(1000);
    harness.runners.finish(ended, { kind: 'completed', checkpoint: aCheckpoint(40, 0, true) });
    await harness.quiet();
    expect(await harness.job(ended)).toMatchObject({ state: 'SUCCESS', totals: { rows: 40 } });
    expect(harness.events.at(-1)).toMatchObject({ state: 'SUCCESS', totals: { rows: 40 } });
    expect(harness.clock.pending).toBe(0);
  });

  it('is written of the others when one is refused, and of that one as soon as it can be', async () => {
    const jobs = await running(3);
    const refused = jobs[1]!;
    await sql(`
      CREATE TRIGGER refuse BEFORE UPDATE ON jobs WHEN NEW.job_id = '${refused}' BEGIN SELECT RAISE(ABORT, 'no'); END`);
    const before = harness.events.length;
    for (const jobId of jobs) harness.commit(jobId, 20);
    harness.clock.advance(1000);
    await harness.quiet();
    expect(await Promise.all(jobs.map(rowsOf))).toEqual([20, 1, 20]);
    expect(harness.events.slice(before).map((job) => job.job_id)).toEqual([jobs[0], jobs[2]]);

    harness.coordinator.progress(refused, 1, 700);
    await sql('DROP TRIGGER refuse');
    harness.clock.advance(1000);
    await harness.quiet();
    expect(await harness.job(refused)).toMatchObject({ totals: { rows: 20 }, progress: { bytes_done: 700 } });
    expect(revisions(refused)).toEqual([1, 2, 3, 4]);
  });

  it('is written at a stop, of all jobs in one transaction', async () => {
    const jobs = await running(10);
    for (const jobId of jobs) harness.commit(jobId, 20);
    expect(await commitsOf(() => harness.coordinator.stop())).toBe(1);
    for (const jobId of jobs) expect(await rowsOf(jobId)).toBe(20);
    expect(harness.clock.pending).toBe(0);
  });
});
