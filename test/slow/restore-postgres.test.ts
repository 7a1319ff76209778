import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Api } from '../kit/api.js';
import { type Broker, startBroker } from '../kit/kafka-broker.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type PostgresServer, startPostgres } from '../kit/postgres.js';
import { runService } from '../kit/run-service.js';
import { type Service, startService } from '../kit/service.js';

const ORDERS = makeOrders(100_000);
const FEW = makeOrders(100, 7);

/** pg_dump refuses a server that is newer than itself: both come from one installation, and there may be none. */
const bin = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' }).stdout?.trim() ?? '';
const hasDump = ['initdb', 'postgres', 'pg_dump', 'pg_restore'].every((program) => existsSync(join(bin, program)));

(hasDump ? describe : describe.skip)('a backup by pg_dump', () => {
  let postgres: PostgresServer;
  let broker: Broker;
  let service: Service;
  const folder = mkdtempSync(join(tmpdir(), 'batch-restore-'));
  const api = new Api('');

  beforeAll(async () => {
    [postgres, broker] = await Promise.all([startPostgres({ bin }), startBroker()]);
  });
  afterAll(async () => {
    await service?.stop();
    await Promise.all([postgres.stop(), broker.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  it('is restored: jobs go on from what Kafka holds, and files stay', async () => {
    const url = await postgres.createDatabase();
    const start = async (DATABASE_URL: string): Promise<void> => {
      const env = {
        ROLE: 'all',
        DATABASE_URL,
        STORAGE_URL: `file:${join(folder, 'files')}`,
        KAFKA_TOPIC_PREFIX: 'batch_dump',
      };
      service = await startService({ brokers: broker.brokers, dataDir: join(folder, 'data'), env });
      api.url = service.url;
    };
    await start(url);
    await api.createModel('orders', ORDERS_SCHEMA);
    const done = await api.ended((await api.createJob('orders', FEW.csv)).job_id);
    const { job_id: underWay } = await api.createSlowJob('orders', ORDERS.csv);
    await api.until(underWay, ({ totals }) => totals.rows > 0);
    const dump = join(folder, 'batch.dump');
    execFileSync(join(bin, 'pg_dump'), ['--format=custom', `--file=${dump}`, url]);
    const ended = await api.ended(underWay);
    const later = await api.ended((await api.createJob('orders', FEW.csv)).job_id);
    await service.kill('SIGTERM');

    const restored = await postgres.createDatabase();
    execFileSync(join(bin, 'pg_restore'), ['--no-owner', `--dbname=${restored}`, dump]);
    const { status, stdout } = await runService({ DATABASE_URL: restored, DATA_DIR: join(folder, 'data') }, [
      'restore',
    ]);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^Restored: 2 jobs, .*; 1 unfinished ones/)]);
    await start(restored);
    expect(await api.job(done.job_id)).toMatchObject({ state: done.state, end_offsets: done.end_offsets });
    const again = await api.ended(underWay, 120_000);
    expect(again).toMatchObject({ totals: ended.totals, end_offsets: ended.end_offsets });
    await expectDelivered(broker.brokers, again, ORDERS);
    expect((await fetch(`${api.url}/jobs/${later.job_id}`)).status).toBe(404);
    await expectDelivered(broker.brokers, later, FEW);
  });
});
