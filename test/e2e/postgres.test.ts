import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Api } from '../kit/api.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type PostgresServer, startPostgres } from '../kit/postgres.js';
import { readinessWhen } from '../kit/readiness.js';
import { runService } from '../kit/run-service.js';
import { type Service, startService } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;

describe('a service with its database in PostgreSQL', () => {
  let postgres: PostgresServer;
  let dataDir: string;
  let env: { DATABASE_URL: string };
  let service: Service;
  const api = new Api('');

  async function start(): Promise<void> {
    service = await startService({ brokers, dataDir, env });
    api.url = service.url;
  }

  beforeAll(async () => {
    postgres = await startPostgres();
    env = { DATABASE_URL: await postgres.createDatabase() };
    dataDir = await mkdtemp(join(tmpdir(), 'batch-data-'));
    await start();
    await api.createModel('orders', ORDERS_SCHEMA);
  }, 300_000);
  afterAll(async () => {
    await service.stop();
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  const problemOf = async (response: Response) => {
    const { error } = (await response.json()) as { error: string };
    return [response.status, error, response.headers.get('retry-after')];
  };

  it('delivers every row, shows those that were rejected, and knows its jobs after a restart', async () => {
    const orders = makeOrders(20_000, 7);
    const { job_id } = await api.createJob('orders', orders.csv);
    const job = await api.ended(job_id);
    expect(job.state).toBe('PARTIAL_SUCCESS');
    await expectDelivered(brokers, job, orders);
    const rejected = (await (await fetch(`${api.url}/jobs/${job_id}/rejected`)).json()) as unknown[];
    expect(rejected.length).toBeGreaterThan(0);
    await service.kill('SIGTERM');
    await start();
    // An event that is published anew has the next revision.
    expect(await api.job(job_id)).toEqual({ ...job, revision: expect.any(Number) });
    expect(await api.ended((await api.createJob('orders', orders.csv)).job_id)).toMatchObject({ totals: job.totals });
  });

  it('ends a job whose service was killed', async () => {
    const orders = makeOrders(200_000);
    const { job_id } = await api.createJob('orders', orders.csv);
    await api.until(job_id, ({ totals }) => totals.rows > 0);
    await service.kill();
    await start(); // the lease of the one before has to end
    const job = await api.ended(job_id, 120_000);
    expect(job.state).toBe('SUCCESS');
    await expectDelivered(brokers, job, orders);
  });

  it('lets no other service have its folder', async () => {
    const settings = { PORT: '0', KAFKA_BROKERS: brokers, KAFKA_TOPIC_PREFIX: service.topicPrefix };
    for (const url of [{ DATABASE_URL: '' }, { DATABASE_URL: await postgres.createDatabase() }]) {
      const second = await runService({ ...settings, ...url, DATA_DIR: dataDir });
      expect([second.status, second.stderr]).toEqual([
        1,
        expect.stringMatching(/^Another process uses the data folder.*\n$/),
      ]);
    }
  });

  it('says so while the database is away, goes on with its jobs, and stores how they ended', async () => {
    const orders = makeOrders(200_000);
    const { job_id } = await api.createJob('orders', orders.csv);
    await api.until(job_id, ({ totals }) => totals.rows > 0);
    await postgres.kill();
    expect(await problemOf(await fetch(`${api.url}/jobs/${job_id}`))).toEqual([503, 'STORE_UNAVAILABLE', '5']);
    expect(await problemOf(await api.upload('orders', orders.csv))).toEqual([503, 'STORE_UNAVAILABLE', '5']);
    const { body } = await readinessWhen(api.url, ({ status }) => status === 503);
    expect(body.details['store']).toMatchObject({ status: 'down' });
    await postgres.restart();
    await readinessWhen(api.url, ({ status }) => status === 200);
    const job = await api.ended(job_id);
    expect(job.state).toBe('SUCCESS');
    await expectDelivered(brokers, job, orders);
    expect(service.ending()).toBeNull();
  });

  it('does not start without it, and says which setting to look at', async () => {
    const { status, stderr } = await runService({
      PORT: '0',
      KAFKA_BROKERS: brokers,
      DATA_DIR: join(dataDir, 'other'),
      DATABASE_URL: 'postgres://batch:secret@127.0.0.1:1/none',
    });
    expect([status, stderr]).toEqual([
      1,
      'The database does not answer as expected: connect ECONNREFUSED 127.0.0.1:1. Check DATABASE_URL.\n',
    ]);
  });
});
