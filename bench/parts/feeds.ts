import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { createBatchClient, type Feed } from 'batch-ingest-sdk';
import { Api } from '../../test/kit/api.js';
import { type Broker, startBroker } from '../../test/kit/kafka-broker.js';
import { makeOrders, ORDERS_SCHEMA } from '../../test/kit/orders.js';
import { type Service, startService } from '../../test/kit/service.js';
import type { Bench } from '../bench.js';
import type { Row } from '../report.js';
import { inTurn } from '../runs.js';
import { median, quantile } from '../statistics.js';
import { createPairs, deleteTopics } from '../topics.js';
import { cpuSeconds, watchService } from '../usage.js';
import { measureKnownFiles } from './known-files.js';

const FILE_BYTES = 10_000;
/** Number of rows with a little more than FILE_BYTES. */
const FILE_ROWS = 350;
const UPLOADS_AT_ONCE = 8;
/** As many as a feed takes side by side. */
const PAIRS_AT_ONCE = 4;
const LOOK_EVERY_MS = 250;
/** Files of one round of the comparison with uploads. */
const ROUND_SHARE = 1 / 20;
const WARMING_FILES = 50;
const ENDED_MS = 3_600_000;

/** Feeds of many small files, and what a listing costs of which everything is known. */
export async function measureFeeds(bench: Bench): Promise<void> {
  // A separate one: what comes after it is not to meet its topics.
  const broker = await startBroker();
  try {
    await compareWithUploads(bench, broker);
    await deleteTopics(broker.brokers);
    await measureMany(bench, broker);
  } finally {
    await broker.stop();
  }
  await measureKnownFiles(bench);
}

/** A feed against uploads of the same files, a few at a time. */
async function compareWithUploads({ folder, scale, rounds, report }: Bench, broker: Broker): Promise<void> {
  const root = join(folder, 'feeds');
  const count = Math.max(WARMING_FILES, Math.floor(scale.feedFiles * ROUND_SHARE));
  const service = await startService({ brokers: broker.brokers, env: { SOURCES: `file:${root}` } });
  try {
    const api = new Api(service.url);
    await api.createModel('orders', ORDERS_SCHEMA);
    const file = smallFile();
    await uploads(api, file, WARMING_FILES);
    const speeds = { feed: [] as number[], uploads: [] as number[], topics: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      const id = `round-${round}`;
      writeFiles(join(root, id), count);
      const contenders = [
        async () => speeds.feed.push(await perSecond(count, () => feedOf(service, root, id, count))),
        async () => speeds.uploads.push(await perSecond(count, () => uploads(api, file, count))),
        async () =>
          speeds.topics.push(await perSecond(count, () => createPairs(broker.brokers, id, count, PAIRS_AT_ONCE))),
      ];
      for (const run of inTurn(contenders, round)) await run();
    }
    const ratioTo = (others: readonly number[]): string =>
      median(speeds.feed.map((feed, round) => feed / (others[round] ?? 0))).toFixed(2);
    report.table(`${count} files of ${FILE_BYTES / 1000} kB, JOB_CONCURRENCY=2, median of ${rounds}`, [
      {
        what: 'a feed of a local folder, from its creation until all are COMPLETED',
        figure: `${median(speeds.feed).toFixed(1)} files/s`,
      },
      {
        what: `the same, uploaded ${UPLOADS_AT_ONCE} at a time until each has SUCCESS`,
        figure: `${median(speeds.uploads).toFixed(1)} files/s`,
        ratio: `the feed: ${ratioTo(speeds.uploads)} ×`,
      },
      {
        what: `creation of two topics for each and nothing else, ${PAIRS_AT_ONCE} requests at a time`,
        figure: `${median(speeds.topics).toFixed(1)} pairs/s`,
        ratio: `the feed: ${ratioTo(speeds.topics)} ×`,
      },
    ]);
  } finally {
    await service.stop();
    rmSync(root, { recursive: true });
  }
}

/** Nearly as many as MAX_JOB_TOPICS allows by default, which is two topics each. */
async function measureMany({ folder, scale, report }: Bench, broker: Broker): Promise<void> {
  const root = join(folder, 'feeds');
  const count = scale.feedFiles;
  writeFiles(join(root, 'many'), count);
  const service = await startService({ brokers: broker.brokers, env: { SOURCES: `file:${root}` } });
  try {
    await new Api(service.url).createModel('orders', ORDERS_SCHEMA);
    const usageSoFar = watchService(service);
    const brokerBefore = cpuSeconds(broker.pid);
    const started = performance.now();
    await feedOf(service, root, 'many', count);
    const seconds = (performance.now() - started) / 1000;
    const usage = usageSoFar();
    const brokerCpu = cpuSeconds(broker.pid) - brokerBefore;
    const { waiting, processing, ends } = await timingsOf(service);
    const quarter = Math.floor(count / 4);
    const speedFrom = (from: number): string => {
      const took = (ends[from + quarter - 1] ?? 0) - (ends[from] ?? 0);
      return (((quarter - 1) / took) * 1000).toFixed(1);
    };
    const ms = (cpu: number): string => `${((cpu / count) * 1000).toFixed(1)}`;
    report.table(`A feed of ${count} files of ${FILE_BYTES / 1000} kB, JOB_CONCURRENCY=2, once`, [
      { what: 'from its creation until all are COMPLETED', figure: `${(count / seconds).toFixed(1)} files/s` },
      {
        what: 'the first quarter of them, and the last',
        figure: `${speedFrom(0)} and ${speedFrom(count - quarter)} files/s`,
      },
      {
        what: 'CPU of API, runners and broker',
        figure: `${ms(usage.apiCpu)}, ${ms(usage.runnerCpu)} and ${ms(brokerCpu)} ms per file`,
      },
      timesRow('from the job to its runner (waiting_ms)', waiting),
      timesRow('in its runner (processing_ms)', processing),
      {
        what: 'peak of resident memory, API and runner',
        figure: `${(usage.apiPeak / 1e6).toFixed(0)} MB and ${(usage.runnerPeak / 1e6).toFixed(0)} MB`,
      },
    ]);
  } finally {
    await service.stop();
    rmSync(root, { recursive: true });
  }
}

function timesRow(what: string, times: readonly number[]): Row {
  return { what, figure: `p50 ${median(times).toFixed(0)} ms, p95 ${quantile(times, 0.95).toFixed(0)} ms` };
}

interface Timings {
  waiting: number[];
  processing: number[];
  /** When the jobs ended, in order. */
  ends: number[];
}

/** Times of all jobs, in ms. */
async function timingsOf({ url }: Service): Promise<Timings> {
  const times: Timings = { waiting: [], processing: [], ends: [] };
  for await (const { timings, finished_at: end } of createBatchClient({ baseUrl: url }).listJobs()) {
    times.waiting.push(timings.waiting_ms);
    times.processing.push(timings.processing_ms);
    times.ends.push(Date.parse(end ?? ''));
  }
  times.ends.sort((a, b) => a - b);
  return times;
}

/** Resolves when every file of the folder is COMPLETED. */
async function feedOf({ url }: Service, root: string, id: string, count: number): Promise<void> {
  const client = createBatchClient({ baseUrl: url });
  const source = `${pathToFileURL(join(root, id)).href}/`;
  await client.createFeed({ id, source, modelId: 'orders', every: 3_600 });
  for (const deadline = Date.now() + ENDED_MS; ; await sleep(LOOK_EVERY_MS)) {
    const feed: Feed = await client.getFeed(id);
    if (feed.files.completed === count) return;
    if (feed.files.failed > 0 || feed.state !== 'ACTIVE' || feed.error !== null || Date.now() > deadline) {
      throw new Error(`the feed did not take all of ${count} files: ${JSON.stringify(feed)}`);
    }
  }
}

async function uploads(api: Api, file: Buffer, count: number): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next++ < count) {
      const { job_id } = await api.createJob('orders', file);
      const { state } = await api.ended(job_id, ENDED_MS);
      if (state !== 'SUCCESS') throw new Error(`a job ended ${state}`);
    }
  };
  await Promise.all(Array.from({ length: UPLOADS_AT_ONCE }, lane));
}

function smallFile(): Buffer {
  const { csv } = makeOrders(FILE_ROWS);
  return csv.subarray(0, csv.lastIndexOf('\n', FILE_BYTES) + 1);
}

/** Old enough to be taken at once. */
function writeFiles(folder: string, count: number): void {
  mkdirSync(folder, { recursive: true });
  const file = smallFile();
  const written = new Date(Date.now() - 60_000);
  for (let number = 0; number < count; number++) {
    const path = join(folder, `${String(number).padStart(6, '0')}.csv`);
    writeFileSync(path, file);
    utimesSync(path, written, written);
  }
}

async function perSecond(count: number, work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (count / (performance.now() - started)) * 1000;
}
