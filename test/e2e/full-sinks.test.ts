import { rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import type { Job } from '../../src/jobs/domain/job.js';
import { Api } from '../kit/api.js';
import { type ClickHouseServer, startClickHouse } from '../kit/clickhouse.js';
import { makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type PostgresServer, startPostgres } from '../kit/postgres.js';
import { ONE_PROCESS, type Service, startService } from '../kit/service.js';
import { canMount } from '../kit/small-disk.js';
import { withClickHouse } from '../kit/with-clickhouse.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const ROOM_BYTES = 400_000_000;
const ROWS = 250_000;

(canMount ? withClickHouse : describe.skip)('a sink whose disk is full', () => {
  let clickhouse: ClickHouseServer;
  let postgres: PostgresServer;
  let service: Service;
  let api: Api;
  let urls: { clickhouse: string; postgres: string };

  beforeAll(async () => {
    const roomBytes = ROOM_BYTES;
    [clickhouse, postgres] = await Promise.all([startClickHouse({ roomBytes }), startPostgres({ roomBytes })]);
    urls = { clickhouse: await clickhouse.createDatabase(), postgres: await postgres.createDatabase() };
    const env = { ...ONE_PROCESS, CLICKHOUSE_URL: urls.clickhouse, POSTGRES_SINK_URL: urls.postgres };
    service = await startService({ brokers, env });
    api = new Api(service.url);
    await api.createModel('orders', ORDERS_SCHEMA);
  }, 400_000);
  afterAll(async () => {
    await service.stop();
    await Promise.all([clickhouse.stop(), postgres.stop()]);
  });

  /** Takes what is left of a disk, all but `left` bytes. */
  function fill(ballast: string, left: number): void {
    const chunk = Buffer.alloc(100_000, 1);
    try {
      for (;;) writeFileSync(ballast, chunk, { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
    const { size } = statSync(ballast);
    truncateSync(ballast, size - left);
  }

  it.each([
    ['clickhouse', 'data_orders', '_job', (): string => clickhouse.ballast, 1_500_000, /243|NOT_ENOUGH_SPACE/],
    ['postgres', 'ingested_rows', 'job_id', (): string => postgres.ballast, 40_000_000, /53100/],
  ] as const)(
    'is tried again until there is room, and has each row once: %s',
    async (name, table, column, ballastOf, left, words) => {
      const ballast = ballastOf();
      fill(ballast, left);
      const { job_id: id } = await api.createJob('orders', makeOrders(ROWS).csv, {}, { sinks: name });
      const stuck = await api.until(id, ({ sinks }) => sinks[0]?.state === 'RETRYING', 120_000);
      expect(stuck.sinks[0]?.error).toMatchObject({ code: 'SINK_UNAVAILABLE', message: expect.stringMatching(words) });
      rmSync(ballast);
      const isLoaded = ({ sinks }: Job): boolean => sinks[0]?.state === 'LOADED';
      expect((await api.until(id, isLoaded, 180_000)).sinks).toMatchObject([{ rows: ROWS, rejected: 0, lag: 0 }]);
      const rows = name === 'clickhouse' ? '_row' : 'row_number';
      const sql = `SELECT count(*) AS n, count(DISTINCT ${rows}) AS u, max(${rows}) AS m FROM ${table} WHERE ${column} = '${id}'`;
      const [found] =
        name === 'clickhouse' ? await clickhouse.query(sql, urls.clickhouse) : await postgres.query(sql, urls.postgres);
      expect(Object.values(found ?? {}).map(Number)).toEqual([ROWS, ROWS, ROWS]);
    },
    400_000,
  );
});
