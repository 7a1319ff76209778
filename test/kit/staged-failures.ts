import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Api } from './api.js';
import { startBroker } from './kafka-broker.js';
import { makeOrders, ORDERS_SCHEMA } from './orders.js';
import { freePort } from './ports.js';
import { startPostgres } from './postgres.js';
import { ONE_PROCESS, type Service, startProcess } from './service.js';
import { onSmallDisk } from './small-disk.js';

/** A healthy service that is going to fail. */
export interface StagedFailure {
  /** Where its processes are: what Prometheus is to scrape. */
  readonly urls: readonly string[];
  readonly api: Api;
  /** What its processes have logged. */
  log(): string;
  /** Brings the failure about. */
  fail(): Promise<void>;
  /** Does what the runbook says, and resolves when the jobs concerned have ended well. */
  mend(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the service, on a broker that others use, too. */
type Stage = (brokers: string) => Promise<StagedFailure>;

const MB = 1_000_000;
/** One row in a thousand is rejected. */
const GOOD = makeOrders(110_000, 1_000).csv;
/** About 8 MB. Its file is kept, because a row is rejected. */
const LARGE = makeOrders(200_000, 150_000).csv;
const SMALL = makeOrders(2_000).csv;

/** Every row but each tenth has a quantity that is not an integer. */
function mostlyBad(rows: number): Buffer {
  const [header = '', ...lines] = makeOrders(rows, 1).csv.toString().split('\n');
  const good = makeOrders(rows).csv.toString().split('\n').slice(1);
  // The names of the products have line breaks, in each fifth row.
  const mended = lines.map((line, i) => (i % 10 === 0 ? (good[i] ?? line) : line));
  return Buffer.from([header, ...mended].join('\n'));
}

async function withOrders(service: Service): Promise<Api> {
  const api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
  return api;
}

async function load(api: Api, file: Buffer): Promise<void> {
  await api.ended((await api.createJob('orders', file)).job_id);
}

/** With the file that is kept. */
async function purge({ url }: Api, jobId: string): Promise<void> {
  const response = await fetch(`${url}/jobs/${jobId}?purge=true&force=true`, { method: 'DELETE' });
  if (!response.ok) throw new Error(`the job was not purged: ${response.status} ${await response.text()}`);
}

/** Does something again and again, with pauses of `everyMs`, from `start` to `stop`, which waits for the last time. */
function repeated(everyMs: number, what: () => Promise<void>): { start(): void; stop(): Promise<void> } {
  const end = new AbortController();
  let running: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    while (!end.signal.aborted) {
      await sleep(everyMs, undefined, { signal: end.signal }).catch(() => undefined);
      if (!end.signal.aborted) await what();
    }
  };
  return {
    start() {
      running = run();
    },
    async stop() {
      end.abort();
      await running;
    },
  };
}

/** The broker goes while a job runs. */
const brokerAway: Stage = async () => {
  const broker = await startBroker();
  const service = await startProcess({ brokers: broker.brokers, env: ONE_PROCESS });
  const api = await withOrders(service);
  let jobId = '';
  return {
    urls: [service.url],
    api,
    log: () => service.log(),
    async fail() {
      jobId = (await api.createSlowJob('orders', LARGE)).job_id;
      await api.until(jobId, ({ totals }) => totals.rows > 0);
      await broker.kill();
    },
    async mend() {
      await broker.restart();
      await api.ended(jobId, 600_000);
    },
    async stop() {
      await service.stop();
      await broker.stop();
    },
  };
};

/** A sender changes the format of a column: 90 % of its file is rejected. */
const badFile: Stage = async (brokers) => {
  const service = await startProcess({ brokers, env: ONE_PROCESS });
  const api = await withOrders(service);
  for (let i = 0; i < 2; i++) await load(api, GOOD);
  let jobId = '';
  return {
    urls: [service.url],
    api,
    log: () => service.log(),
    async fail() {
      jobId = (await api.createJob('orders', mostlyBad(20_000))).job_id;
      await api.ended(jobId);
    },
    async mend() {
      await purge(api, jobId);
      await load(api, GOOD);
    },
    stop: () => service.stop(),
  };
};

/** Files are kept, 8 MB every 12 s, on a disk of 400 MB. */
const fullDisk: Stage = async (brokers) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'batch-small-disk-'));
  const service = await startProcess({
    brokers,
    dataDir,
    env: { ...ONE_PROCESS, MIN_FREE_BYTES: `${40 * MB}` },
    under: onSmallDisk(dataDir, 400 * MB),
  });
  const api = await withOrders(service);
  const filling = repeated(12_000, async () => {
    // Refused when it is full.
    await (await api.upload('orders', LARGE)).arrayBuffer();
  });
  return {
    urls: [service.url],
    api,
    log: () => service.log(),
    fail: async () => filling.start(),
    async mend() {
      await filling.stop();
      const jobs = (await (await fetch(`${service.url}/jobs?limit=1000`)).json()) as { job_id: string }[];
      for (const { job_id } of jobs) {
        await api.ended(job_id);
        await purge(api, job_id);
      }
    },
    async stop() {
      await filling.stop();
      await service.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

/** Runners are allowed less memory than a job takes. */
const runnersCrash: Stage = async (brokers) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'batch-data-'));
  const port = await freePort();
  const start = (maxRss: number): Promise<Service> =>
    startProcess({
      brokers,
      dataDir,
      env: { ...ONE_PROCESS, PORT: `${port}`, RUNNER_MAX_RSS_BYTES: `${maxRss}` },
    });
  let service = await start(90 * MB);
  const api = await withOrders(service);
  let jobId = '';
  return {
    urls: [service.url],
    api,
    log: () => service.log(),
    async fail() {
      jobId = (await api.createSlowJob('orders', LARGE)).job_id;
    },
    async mend() {
      await service.stop();
      service = await start(512 * MB);
      // It has FAILED if its runners were lost before they had committed anything.
      if ((await api.ended(jobId)).state === 'FAILED') await api.resume(jobId);
      const { state } = await api.ended(jobId);
      if (state !== 'PARTIAL_SUCCESS') throw new Error(`the job is ${state}`);
    },
    async stop() {
      await service.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

/** A worker is killed again and again, and started each time. */
const workerRestarts: Stage = async (brokers) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'batch-data-'));
  const postgres = await startPostgres();
  const shared = {
    STORAGE_URL: `file:${join(dataDir, 'files')}`,
    DATABASE_URL: await postgres.createDatabase(),
    KAFKA_TOPIC_PREFIX: `batch_restarts_${process.pid}`,
  };
  const service = await startProcess({ brokers, dataDir, env: { ...shared, ROLE: 'api' } });
  const METRICS_PORT = `${await freePort()}`;
  const startWorker = (): Promise<Service> =>
    startProcess({ brokers, dataDir: join(dataDir, 'worker'), env: { ...shared, ROLE: 'worker', METRICS_PORT } });
  let worker = await startWorker();
  const api = await withOrders(service);
  const logs: string[] = [];
  // Prometheus sees each of them.
  const killing = repeated(20_000, async () => {
    await worker.kill();
    logs.push(worker.log());
    worker = await startWorker();
  });
  return {
    urls: [service.url, worker.url],
    api,
    log: () => [service.log(), ...logs, worker.log()].join(''),
    fail: async () => killing.start(),
    async mend() {
      await killing.stop();
      await load(api, SMALL);
    },
    async stop() {
      await killing.stop();
      await Promise.all([service.stop(), worker.stop()]);
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

/** The database of a sink goes before a job is loaded. */
const sinkBehind: Stage = async (brokers) => {
  const postgres = await startPostgres();
  const env = { ...ONE_PROCESS, POSTGRES_SINK_URL: await postgres.createDatabase(), DEFAULT_SINKS: 'postgres' };
  const service = await startProcess({ brokers, env });
  const api = await withOrders(service);
  const isLoaded = ({ sinks }: { sinks: { state: string }[] }): boolean =>
    sinks.every(({ state }) => state === 'LOADED');
  await api.until((await api.createJob('orders', SMALL)).job_id, isLoaded);
  let jobId = '';
  return {
    urls: [service.url],
    api,
    log: () => service.log(),
    async fail() {
      await postgres.kill();
      jobId = (await api.createJob('orders', SMALL)).job_id;
      await api.ended(jobId);
    },
    async mend() {
      await postgres.restart();
      await api.until(jobId, isLoaded, 300_000);
    },
    async stop() {
      await service.stop();
      await postgres.stop();
    },
  };
};

/** By the installation that Prometheus knows them as; with the alert that is to tell of them. */
export const STAGES: Readonly<Record<string, { alert: string; stage: Stage }>> = {
  broker_away: { alert: 'KafkaUnavailable', stage: brokerAway },
  bad_file: { alert: 'RejectNorm', stage: badFile },
  full_disk: { alert: 'StorageFull', stage: fullDisk },
  runners_crash: { alert: 'RunnerCrashLoop', stage: runnersCrash },
  worker_restarts: { alert: 'InstanceRestarting', stage: workerRestarts },
  sink_behind: { alert: 'SinkLag', stage: sinkBehind },
};
