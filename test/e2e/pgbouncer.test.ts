import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Api } from '../kit/api.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { hasPgbouncer, type Pgbouncer, startPgbouncer } from '../kit/pgbouncer.js';
import { type PostgresServer, startPostgres } from '../kit/postgres.js';
import { type Report, readinessWhen } from '../kit/readiness.js';
import { type Service, startService } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const isReady = ({ status }: Report): boolean => status === 200;

(hasPgbouncer ? describe : describe.skip)('an API and a worker behind a PgBouncer in transaction mode', () => {
  let postgres: PostgresServer;
  let pooler: Pgbouncer;
  let folder: string;
  let direct: string;
  let services: Service[] = [];
  const api = new Api('');
  const orders = makeOrders(20_000, 7);

  async function start(more: Record<string, string>): Promise<void> {
    const env = {
      DATABASE_URL: pooler.through(direct),
      STORAGE_URL: `file:${join(folder, 'files')}`,
      KAFKA_TOPIC_PREFIX: `batch_pooler_${process.pid}`,
      METRICS_PORT: '0',
      ...more,
    };
    const starts = ['api', 'worker'].map((role) =>
      startService({ brokers, dataDir: join(folder, role), env: { ...env, ROLE: role } }),
    );
    services = await Promise.all(starts);
    api.url = services[0]?.url ?? '';
  }

  async function runJob(): Promise<void> {
    const { job_id } = await api.createJob('orders', orders.csv);
    await expectDelivered(brokers, await api.ended(job_id), orders);
  }

  beforeAll(async () => {
    postgres = await startPostgres();
    pooler = await startPgbouncer(postgres);
    direct = await postgres.createDatabase();
    folder = await mkdtemp(join(tmpdir(), 'batch-pgbouncer-'));
  }, 300_000);
  afterEach(async () => {
    await Promise.all(services.map((each) => each.stop()));
    services = [];
  });
  afterAll(async () => {
    await pooler?.stop();
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('deliver every row, and have nothing to say, with DATABASE_DIRECT_URL', async () => {
    await start({ DATABASE_DIRECT_URL: direct });
    await api.createModel('orders', ORDERS_SCHEMA);
    for (const { url } of services)
      await readinessWhen(url, (report) => isReady(report) && report.body.details['job_notifier'] === undefined);
    await runJob();
    expect(await postgres.query("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")).toHaveLength(1); // the worker
  });

  it('deliver every row without it, too, and say what would make jobs begin at once', async () => {
    await start({});
    const [, worker] = services as [Service, Service];
    const { status, body } = await readinessWhen(worker.url, ({ body: { details } }) => 'job_notifier' in details);
    expect([status, body.details['job_notifier']]).toEqual([
      200,
      { status: 'degraded', message: expect.stringContaining('set DATABASE_DIRECT_URL to the database itself') },
    ]);
    await runJob();
  });
});
