import { setTimeout as sleep } from 'node:timers/promises';
import { committedRecords } from '../../../scripts/lib/topic-reader.mjs';
import type { Job } from '../../../src/jobs/domain/job.js';
import { isTerminal } from '../../../src/jobs/domain/job-state.js';
import { until } from '../job-stage.js';
import type { RowFile } from '../rows.js';
import type { Scenario } from '../stage.js';
import type { ClusterStage } from './cluster-stage.js';
import { FAULTS } from './faults.js';

const ROWS = { long: 1_000_000, short: 60_000 };
/** Jobs under way or waiting while faults come. */
const UNFINISHED = 5;
/** Faults of a short run, and the pause between two. */
const SHORT = 20;
const APART_MS = 6_000;
const END_MS = 900_000;
/** An ended job's last event is published within. */
const PUBLISHED_MS = 60_000;
const LOOK_MS = 250;
const TOLD_EVERY = 20;

/** Faults one after the other, each begun while others last, and jobs all the time. */
export const machineFaults: Scenario<ClusterStage> = {
  name: 'machine-faults',
  what: 'two APIs and three workers with PostgreSQL, Redis and S3, any of which fails, several at once',
  times: { long: 200, short: 0 },
  async run(stage, times) {
    await stage.enter();
    const file = stage.file(times > SHORT ? ROWS.long : ROWS.short);
    const faults = deck(stage, times);
    let isBreaking = true;
    const work = keepBusy(stage, file, () => isBreaking);
    // What it ends with is heard below.
    work.catch(() => undefined);
    const underWay = new Set<Promise<void>>();
    try {
      for (const [number, fault] of faults.entries()) {
        await stage.pause(APART_MS);
        if (number > 0 && number % TOLD_EVERY === 0)
          process.stdout.write(
            `${number} faults, ${stage.tally.jobs} jobs compared, failed: ${stage.tally.failures.join('; ') || 'none'}\n`,
          );
        const done = fault.run(stage).then(
          () => stage.tally.fault(fault.name),
          (error: unknown) => stage.tally.fail(`${fault.name}: ${String(error)}`),
        );
        underWay.add(done);
        void done.finally(() => underWay.delete(done));
      }
      await Promise.all(underWay);
    } finally {
      isBreaking = false;
    }
    const jobIds = await work;
    await leavesNothing(stage);
    await publishedInOrder(stage, jobIds);
    if (stage.lapses.length > 0)
      stage.tally.event(`leases of killed workers ended within ${Math.ceil(Math.max(0, ...stage.lapses) / 1000)} s`);
  },
};

/** All kinds as often as each other, in any order. */
function deck(stage: ClusterStage, times: number): (typeof FAULTS)[number][] {
  const kinds = FAULTS.filter(({ needs }) => needs?.(stage) ?? true);
  const left: (typeof FAULTS)[number][] = [];
  while (left.length < times) left.push(...stage.shuffled(kinds));
  return left.slice(0, times);
}

/** New jobs for as long as `isWanted` says so; resolves with the ids of all when each has ended and was compared. */
async function keepBusy(stage: ClusterStage, file: RowFile, isWanted: () => boolean): Promise<string[]> {
  const ids: string[] = [];
  const unfinished = new Set<Promise<void>>();
  const failures: unknown[] = [];
  while (isWanted() || unfinished.size > 0) {
    if (isWanted() && unfinished.size < UNFINISHED) {
      const jobId = await stage.client.createJob(file);
      ids.push(jobId);
      const ended = conclude(stage, jobId, file).catch((error: unknown) => failures.push(error));
      const done: Promise<void> = ended.then(() => {
        unfinished.delete(done);
      });
      unfinished.add(done);
    } else await Promise.race([sleep(LOOK_MS), ...unfinished]);
    if (failures.length > 0) throw failures[0];
  }
  return ids;
}

/** Waits for the job's end, resumes it if it failed, and holds it against the file. */
async function conclude(stage: ClusterStage, jobId: string, file: RowFile): Promise<void> {
  const job = await until(`the end of job ${jobId}`, END_MS, async () => {
    await sleep(LOOK_MS);
    const found = await stage.client.job(jobId);
    if (found.state !== 'FAILED') return isTerminal(found.state) ? found : undefined;
    stage.tally.event(`failed as ${found.error?.code}`);
    stage.tally.resumed += 1;
    await stage.client.resume(jobId);
    return undefined;
  });
  if (job.state !== 'PARTIAL_SUCCESS') stage.tally.fail(`job ${jobId} ended ${job.state}`);
  await stage.holds(job, file, 'all');
}

/** Nothing half-made is left, and nobody has a job that has ended. */
async function leavesNothing(stage: ClusterStage): Promise<void> {
  const counts = {
    'rows of uploads': 'SELECT count(*) AS count FROM uploads',
    'leases of jobs that have ended': 'SELECT count(*) AS count FROM jobs WHERE lease_owner IS NOT NULL',
    'rows that are not jobs': 'SELECT count(*) AS count FROM jobs WHERE phase IS NOT NULL',
  };
  for (const [what, statement] of Object.entries(counts)) {
    await until(`no ${what}`, END_MS, async () => {
      await sleep(LOOK_MS);
      const [row] = await stage.query<{ count: string }>(statement);
      return Number(row?.count) === 0 || undefined;
    });
  }
}

/** The topic of the jobs ends, for each, with the job as it is, and no revision comes behind a later one. */
async function publishedInOrder(stage: ClusterStage, jobIds: readonly string[]): Promise<void> {
  const rows = await stage.query<{ job_id: string; revision: string }>('SELECT job_id, revision FROM jobs');
  const wanted = new Map(rows.map(({ job_id, revision }) => [job_id, Number(revision)]));
  await until('the last event of every job', PUBLISHED_MS, async () => {
    await sleep(LOOK_MS);
    const [row] = await stage.query<{ count: string }>('SELECT count(*) FROM jobs WHERE revision > published_revision');
    return Number(row?.count) === 0 || undefined;
  });
  const last = new Map<string, number>();
  for await (const { key, value } of committedRecords(stage.brokers, stage.jobsTopic)) {
    const jobId = key?.toString() ?? '';
    if (!wanted.has(jobId) || value === null) continue;
    const { revision } = JSON.parse(value.toString()) as Job;
    if (revision < (last.get(jobId) ?? 0)) stage.tally.fail(`job ${jobId}: revision ${revision} after a later one`);
    last.set(jobId, revision);
  }
  for (const jobId of jobIds) {
    if (last.get(jobId) !== wanted.get(jobId)) {
      stage.tally.fail(`job ${jobId}: its last event is revision ${last.get(jobId)}, not ${wanted.get(jobId)}`);
    }
  }
}
