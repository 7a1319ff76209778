import { setTimeout as sleep } from 'node:timers/promises';
import { MIGRATIONS } from '../../../src/sinks/postgres/migrations.js';
import { PostgresSink } from '../../../src/sinks/postgres/postgres-sink.js';
import { hasPgbouncer, type Pgbouncer, startPgbouncer } from '../../kit/pgbouncer.js';
import { type PostgresServer, startPostgres } from '../../kit/postgres.js';
import { startPostgresProxy } from '../../kit/postgres-proxy.js';
import { blockOf, jobOf, rejectedBlockOf } from '../sample.js';

let server: PostgresServer;
let url: string;
const opened: PostgresSink[] = [];

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  url = await server.createDatabase();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((sink) => sink.close()));
});

function connect(changes: Partial<ConstructorParameters<typeof PostgresSink>[0]> = {}): PostgresSink {
  const sink = new PostgresSink({ url, ddl: 'create', lineage: true, ...changes });
  opened.push(sink);
  return sink;
}

const query = (sql: string): Promise<Record<string, unknown>[]> => server.query(sql, url);

describe('the tables', () => {
  it('are made once by several processes that start at the same time', async () => {
    const sinks = Array.from({ length: 6 }, () => connect());
    await Promise.all(sinks.map((sink, index) => sink.open(jobOf(`j${index}`))));
    expect(await query('SELECT version FROM sink_migrations')).toHaveLength(MIGRATIONS.length);
  });

  it('are asked for with their statements if SINK_DDL is off, and found once these were run', async () => {
    const sink = connect({ ddl: 'off' });
    const error = (await sink.open(jobOf('j1')).catch((thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject({ code: 'SINK_SCHEMA_CONFLICT' });
    await query(error.message.slice(error.message.indexOf('CREATE')));
    await sink.open(jobOf('j1'));
  });

  it('that lack a column are a conflict', async () => {
    const sink = connect();
    const session = await sink.open(jobOf('j1'));
    await query('ALTER TABLE ingested_data DROP COLUMN row_number');
    await expect(session.writeRows(blockOf([{ id: 1 }]))).rejects.toMatchObject({ code: 'SINK_SCHEMA_CONFLICT' });
  });
});

describe('rights', () => {
  it('of reading and writing the tables are enough', async () => {
    await connect().open(jobOf('j0'));
    const user = `loader_${Date.now()}`;
    await query(`CREATE ROLE ${user} LOGIN; REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO ${user};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ingested_data, ingested_rows, validation_errors, sink_errors,
        ingestion_jobs, sink_positions TO ${user}; GRANT SELECT ON sink_migrations TO ${user}`);
    const sink = connect({ url: url.replace('batch@', `${user}@`), ddl: 'off' });
    const session = await sink.open(jobOf('j1'));
    await session.writeRows(blockOf([{ id: 1 }, '{"note":"\\u0000"}']));
    await session.writeRejected(rejectedBlockOf('j1', 1));
    const at = '2026-11-20T09:15:00Z';
    await session.writeSummary({ state: 'SUCCEEDED', rows: 2, ok: 1, errors: 1, createdAt: at, finishedAt: at });
    await sink.remove(jobOf('j1'));
    await query(`REVOKE INSERT ON ingested_data FROM ${user}`);
    const next = await sink.open(jobOf('j2'));
    await expect(next.writeRows(blockOf([{ id: 1 }]))).rejects.toMatchObject({ code: 'SINK_FORBIDDEN' });
  });

  it('that are missing are told from a server that is away', async () => {
    await expect(connect({ url: url.replace('batch@', 'nobody@') }).check()).rejects.toMatchObject({
      code: 'SINK_FORBIDDEN',
    });
    const nowhere = connect({ url: 'postgres://batch@127.0.0.1:1/none' });
    await expect(nowhere.check()).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' });
    await connect().check();
  });
});

describe('a connection that is cut', () => {
  it('in the middle of a block leaves nothing, and the block is written by the next attempt', async () => {
    const sink = connect();
    const session = await sink.open(jobOf('j1'));
    const block = blockOf(Array.from({ length: 20_000 }, (_, id) => ({ id })));
    const failed: unknown[] = [];
    for (const delay of [20, 60, 120, 200]) {
      const writing = session.writeRows(block).catch((error: unknown) => failed.push(error));
      await sleep(delay);
      await query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      );
      await writing;
    }
    for (const error of failed) expect(error).toMatchObject({ code: 'SINK_UNAVAILABLE' });
    // A connection that was cut while nobody used it may still fail once.
    const again = await session.writeRows(block).catch(() => session.writeRows(block));
    expect(again).toEqual({ rows: 20_000, rejects: [] });
    expect(await query('SELECT FROM ingested_data')).toHaveLength(20_000);
    expect(await query('SELECT FROM ingested_rows')).toHaveLength(20_000);
    expect((await sink.open(jobOf('j1'))).position.data).toMatchObject({ next: 20_000, rows: 20_000 });
  });

  it('after COMMIT was sent leaves the block there, once', async () => {
    const proxy = await startPostgresProxy(server.port);
    const sink = connect({ url: url.replace(`:${server.port}/`, `:${proxy.port}/`) });
    const session = await sink.open(jobOf('j1'));
    const block = blockOf([{ id: 1 }, { id: 1 }, '{"note":"\\u0000"}']);
    proxy.cutAfterCommit();
    await expect(session.writeRows(block)).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' });
    expect(await query('SELECT next::int, inserted::int FROM sink_positions ORDER BY next')).toEqual([
      { next: 0, inserted: 0 },
      { next: 3, inserted: 1 },
    ]);
    const again = await session.writeRows(block);
    expect(again).toMatchObject({ rows: 2, rejects: [{ rowNumber: 3 }] });
    expect(await query('SELECT rows::int, duplicates::int FROM sink_positions WHERE next = 3')).toEqual([
      { rows: 2, duplicates: 1 },
    ]);
    await sink.close();
    await proxy.close();
  });

  it('is what calls meet that are under way when the sink is closed', async () => {
    const sink = new PostgresSink({ url, ddl: 'create', lineage: true });
    const session = await sink.open(jobOf('j1'));
    await query(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';
      CREATE TRIGGER slow BEFORE INSERT ON ingested_data EXECUTE FUNCTION slow()`);
    const writing = session.writeRows(blockOf([{ id: 1 }])).catch((error: unknown) => error);
    const SLEEPING = `SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'`;
    while ((await query(SLEEPING)).length === 0) await sleep(20);
    await sink.close();
    expect(await writing).toMatchObject({ code: 'SINK_UNAVAILABLE' });
  });
});

(hasPgbouncer ? describe : describe.skip)('behind PgBouncer in transaction mode', () => {
  let pooler: Pgbouncer;

  beforeAll(async () => {
    pooler = await startPgbouncer(server);
  });
  afterAll(() => pooler.stop());

  it('jobs are loaded side by side, and taken out', async () => {
    const sink = connect({ url: pooler.through(url) });
    const ids = ['j1', 'j2', 'j3', 'j4', 'j5', 'j6'];
    await Promise.all(
      ids.map(async (id) => {
        const session = await sink.open(jobOf(id));
        for (let from = 0; from < 5_000; from += 1_000) {
          const { rejects } = await session.writeRows(
            blockOf([...Array.from({ length: 999 }, (_, index) => ({ id: from + index })), '{"note":"\\u0000"}'], from),
          );
          expect(rejects).toHaveLength(1);
        }
        await session.writeRejected(rejectedBlockOf(id, 3));
      }),
    );
    expect(await query('SELECT FROM ingested_data')).toHaveLength(5 * 999);
    expect(await query('SELECT FROM ingested_rows')).toHaveLength(6 * 5 * 999);
    await Promise.all(ids.map((id) => sink.remove(jobOf(id))));
    expect(await query('SELECT FROM ingested_data')).toEqual([]);
  });
});
