import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Job } from '../../src/jobs/domain/job.js';
import { Api } from '../kit/api.js';
import { type Broker, startBroker } from '../kit/kafka-broker.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type OwnedProcess, spawnOwned } from '../kit/owned-process.js';
import { freePort, listens } from '../kit/ports.js';
import { type PostgresServer, startPostgres } from '../kit/postgres.js';
import { readinessWhen } from '../kit/readiness.js';
import { type Service, startProcess } from '../kit/service.js';

const ORDERS = makeOrders(2_000, 97);
const CLIENTS = 3;
/** The next release's migration: it only adds, as the first step of each change does. */
const NEXT_RELEASE = `ALTER TABLE jobs ADD COLUMN later text;
  INSERT INTO kysely_migration VALUES ('9999_later', '2027-01-01T00:00:00.000Z')`;

const folder = mkdtempSync(join(tmpdir(), 'batch-rolling-'));
let postgres: PostgresServer;
let broker: Broker;
let balancer: OwnedProcess;
let url: string;
const services: Service[] = [];
const starts: (() => Promise<Service>)[] = [];

beforeAll(async () => {
  [postgres, broker] = await Promise.all([startPostgres(), startBroker()]);
  const DATABASE_URL = await postgres.createDatabase();
  const shared = { DATABASE_URL, STORAGE_URL: `file:${join(folder, 'files')}`, KAFKA_TOPIC_PREFIX: 'batch_rolling' };
  const ports = [await freePort(), await freePort()];
  const ofRole = (role: string, name: string, more: Record<string, string>) => () =>
    startProcess({ brokers: broker.brokers, dataDir: join(folder, name), env: { ...shared, ROLE: role, ...more } });
  starts.push(
    ...ports.map((port) => ofRole('api', `api-${port}`, { PORT: `${port}` })),
    ...['one', 'two'].map((name) => ofRole('worker', name, { METRICS_PORT: '0', JOB_CONCURRENCY: '1' })),
  );
  for (const start of starts) services.push(await start());
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  const apis = ports.map((each) => `http://127.0.0.1:${each}`);
  balancer = spawnOwned(process.execPath, [resolve('scripts/lib/balancer.mjs'), `127.0.0.1:${port}`, ...apis]);
  await balancer.until('it listened', 30_000, () => listens(port));
  await readinessWhen(url, ({ status }) => status === 200);
  await new Api(url).createModel('orders', ORDERS_SCHEMA);
  await postgres.query(NEXT_RELEASE, DATABASE_URL);
});
afterAll(async () => {
  await balancer?.kill('SIGKILL');
  await Promise.all(services.map((each) => each.stop()));
  await Promise.all([postgres.stop(), broker.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

it('a rolling deploy onto the tables of the next release fails no request, and loses no row', async () => {
  const failures: string[] = [];
  const jobs: string[] = [];
  let isOver = false;
  let requests = 0;
  /** One after the other, none of them repeated. */
  const client = async (): Promise<void> => {
    const api = new Api(url);
    while (!isOver) {
      requests += 2;
      try {
        const { job_id } = await api.createJob('orders', ORDERS.csv);
        jobs.push(job_id);
        await api.job(job_id);
      } catch (error) {
        const { message, cause } = error as Error;
        failures.push(`${message}: ${String((cause as Error | undefined)?.message)}`);
      }
    }
  };
  const clients = Array.from({ length: CLIENTS }, client);
  for (const [index, start] of starts.entries()) {
    const before = jobs.length;
    await services[index]?.kill('SIGTERM');
    services[index] = await start();
    // What comes after it has come back goes to it, too.
    for (const deadline = Date.now() + 60_000; jobs.length < before + 2 * CLIENTS && failures.length === 0; ) {
      expect(Date.now()).toBeLessThan(deadline);
      await new Promise((done) => setTimeout(done, 100));
    }
  }
  isOver = true;
  await Promise.all(clients);
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(2 * starts.length * CLIENTS);
  const api = new Api(url);
  for (const id of jobs) {
    const job: Job = await api.ended(id, 300_000);
    expect([job.state, job.attempt]).toEqual(['PARTIAL_SUCCESS', 1]);
  }
  for (const id of [jobs[0], jobs.at(-1)]) await expectDelivered(broker.brokers, await api.job(id as string), ORDERS);
}, 600_000);
