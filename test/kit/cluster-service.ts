import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { type Service, type ServiceOptions, startProcess } from './service.js';

/** By DATA_DIR: a service that is started again finds what it had. */
const databases = new Map<string, string>();
const WORKERS = 2;

/**
 * The service as separate processes, an API and workers, on a PostgreSQL and a folder of files: in its place for tests that
 * use it through HTTP and Kafka. One worker if the test says how many jobs run at a time.
 */
export async function startClusterService(options: ServiceOptions, postgresUrl: string): Promise<Service> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'batch-data-')));
  const shared = {
    STORAGE_URL: `file:${join(dataDir, 'spool')}`,
    DATABASE_URL: await databaseOf(dataDir, postgresUrl),
    ...options.env,
  };
  const api = await startProcess({ ...options, dataDir, env: { ...shared, ROLE: 'api' } });
  const { topicPrefix: KAFKA_TOPIC_PREFIX } = api;
  const count = 'JOB_CONCURRENCY' in shared ? 1 : WORKERS;
  const startWorker = (): Promise<Service> =>
    startProcess({
      ...options,
      dataDir: join(dataDir, 'worker'),
      env: { ...shared, KAFKA_TOPIC_PREFIX, ROLE: 'worker', METRICS_PORT: '0' },
    });
  let workers: Service[];
  try {
    workers = await Promise.all(Array.from({ length: count }, startWorker));
  } catch (error) {
    await api.stop();
    throw error;
  }
  const all = [api, ...workers];
  return {
    ...api,
    pids: all.map(({ pid }) => pid),
    log: () => inOrder(all.map((each) => each.log())),
    async kill(signal) {
      await Promise.all(all.map((each) => each.kill(signal)));
    },
    async stop() {
      await Promise.all(all.map((each) => each.stop()));
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** The lines of several logs by their times, as one process would have written them. */
function inOrder(logs: readonly string[]): string {
  const lines = logs.flatMap((log) => {
    let time = '';
    return log.split(/(?<=\n)/).map((line) => {
      time = /"time":"([^"]+)"/.exec(line)?.[1] ?? time;
      return { time, line };
    });
  });
  return lines
    .toSorted((a, b) => (a.time < b.time ? -1 : Number(a.time > b.time)))
    .map(({ line }) => line)
    .join('');
}

async function databaseOf(dataDir: string, postgresUrl: string): Promise<string> {
  const known = databases.get(dataDir);
  if (known !== undefined) return known;
  const name = `e2e_${randomBytes(6).toString('hex')}`;
  const client = new Client({ connectionString: postgresUrl });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  const url = new URL(postgresUrl);
  url.pathname = `/${name}`;
  databases.set(dataDir, url.href);
  return url.href;
}
