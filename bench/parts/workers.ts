import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Api } from '../../test/kit/api.js';
import { makeOrders, ORDERS_SCHEMA } from '../../test/kit/orders.js';
import { type PostgresServer, startPostgres } from '../../test/kit/postgres.js';
import { runnerOf } from '../../test/kit/runners.js';
import { type Service, startService } from '../../test/kit/service.js';
import type { Bench } from '../bench.js';
import { atMost, type Row } from '../report.js';
import { median, quantile } from '../statistics.js';

const WORKERS = [1, 2, 3];
const UPLOADS_AT_ONCE = 8;
const SMALL_BYTES = 1_000;
const APART_MS = 200;
const TAKE_OVERS = 3;
/** For the slow reader, so that its worker can be ended in the middle. */
const LONG_ROWS = 1_500_000;
const ENDED_MS = 300_000;

/** An API and workers on a PostgreSQL and a folder, each a process: how fast, and how soon after a worker has ended. */
export async function measureWorkers(bench: Bench): Promise<void> {
  const postgres = await startPostgres();
  try {
    const rows: Row[] = [];
    for (const count of WORKERS) {
      await withCluster(bench, postgres, count, async (api) => {
        const speeds: number[] = [];
        for (let round = 0; round < bench.rounds; round++) speeds.push(await jobsPerSecond(bench, api));
        rows.push({ what: `${count} workers`, figure: `${median(speeds).toFixed(1)} jobs/s` });
      });
    }
    bench.report.table(`Jobs of 1 kB, ${UPLOADS_AT_ONCE} uploads at once, JOB_CONCURRENCY=2`, rows);
    await withCluster(bench, postgres, 2, async (api, workers, start) => {
      bench.report.table('Two workers', [
        ...(await claimLatency(bench, api)),
        await takeOver(bench, api, workers, start, 'SIGTERM', 2),
        await takeOver(bench, api, workers, start, 'SIGKILL', 40),
      ]);
    });
  } finally {
    await postgres.stop();
  }
}

type Start = () => Promise<Service>;

async function withCluster(
  { broker, folder }: Bench,
  postgres: PostgresServer,
  count: number,
  measure: (api: Api, workers: Service[], start: Start) => Promise<void>,
): Promise<void> {
  const name = `bench_${randomBytes(4).toString('hex')}`;
  const env = {
    DATABASE_URL: await postgres.createDatabase(),
    STORAGE_URL: `file:${join(folder, name)}`,
    KAFKA_TOPIC_PREFIX: name,
    METRICS_PORT: '0',
  };
  const service = await startService({ brokers: broker.brokers, env: { ...env, ROLE: 'api' } });
  const workers: Service[] = [];
  const start: Start = async () => {
    const dataDir = join(folder, `${name}-worker`);
    const worker = await startService({ brokers: broker.brokers, dataDir, env: { ...env, ROLE: 'worker' } });
    workers.push(worker);
    return worker;
  };
  try {
    for (let i = 0; i < count; i++) await start();
    const api = new Api(service.url);
    await api.createModel('orders', ORDERS_SCHEMA);
    await api.ended((await api.createJob('orders', smallFile())).job_id);
    await measure(api, workers, start);
  } finally {
    await Promise.all([service, ...workers].map((each) => each.stop()));
  }
}

function smallFile(): Buffer {
  const { csv } = makeOrders(30);
  return csv.subarray(0, csv.lastIndexOf('\n', SMALL_BYTES) + 1);
}

async function jobsPerSecond({ scale }: Bench, api: Api): Promise<number> {
  const count = 2 * scale.smallJobs;
  const file = smallFile();
  const started = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next++ < count) {
      const { job_id } = await api.createJob('orders', file);
      const { state } = await api.ended(job_id, ENDED_MS);
      if (state !== 'SUCCESS') throw new Error(`a job ended ${state}`);
    }
  };
  await Promise.all(Array.from({ length: UPLOADS_AT_ONCE }, lane));
  return (count / (performance.now() - started)) * 1000;
}

/** From the row of the job to the claim of it. */
async function claimLatency({ scale }: Bench, api: Api): Promise<Row[]> {
  const times: number[] = [];
  for (let i = 0; i < scale.smallJobs; i++) {
    await sleep(APART_MS);
    const { job_id } = await api.createJob('orders', smallFile());
    times.push((await api.ended(job_id)).timings.waiting_ms);
  }
  const p50 = median(times);
  return [
    { what: `waiting_ms, ${times.length} jobs apart, p50`, figure: `${p50} ms`, aim: atMost(p50, 30, 'ms') },
    { what: 'waiting_ms, p95', figure: `${quantile(times, 0.95)} ms` },
  ];
}

/** How long a job that has committed stands still when its worker ends. */
async function takeOver(
  { folder }: Bench,
  api: Api,
  workers: Service[],
  start: Start,
  signal: NodeJS.Signals,
  aimS: number,
): Promise<Row> {
  const path = join(folder, 'long.csv');
  writeFileSync(path, makeOrders(LONG_ROWS).csv);
  const times: number[] = [];
  for (let i = 0; i < TAKE_OVERS; i++) {
    const { job_id } = await api.createJob('orders', path, {}, { csv_reader: 'reference' });
    await api.until(job_id, ({ totals }) => totals.rows > 0);
    const worker = workers.find((each) => runnerOf(each, job_id) !== undefined);
    if (worker === undefined) throw new Error('no worker has the job');
    workers.splice(workers.indexOf(worker), 1);
    const ended = performance.now();
    const gone = worker.kill(signal);
    const successor = await startedElsewhere(workers, job_id);
    const { rows } = (await api.job(job_id)).totals;
    await api.until(job_id, ({ state, totals }) => state !== 'RUNNING' || totals.rows > rows, ENDED_MS);
    times.push((performance.now() - ended) / 1000);
    await gone;
    await successor;
    await api.cancel(job_id);
    await start();
  }
  const what = `from ${signal} of a worker until its job goes on, median of ${TAKE_OVERS}`;
  return { what, figure: `${median(times).toFixed(1)} s`, aim: atMost(median(times), aimS, 's') };
}

/** Resolves when another worker's runner has the job. */
async function startedElsewhere(workers: readonly Service[], jobId: string): Promise<void> {
  for (const deadline = Date.now() + ENDED_MS; Date.now() < deadline; await sleep(20)) {
    if (workers.some((each) => runnerOf(each, jobId) !== undefined)) return;
  }
  throw new Error('nobody took the job over');
}
