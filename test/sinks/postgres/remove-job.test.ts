import { Client } from 'pg';
import { PostgresSink } from '../../../src/sinks/postgres/postgres-sink.js';
import { SinkOvertaken } from '../../../src/sinks/sink.js';
import { type PostgresServer, startPostgres } from '../../kit/postgres.js';
import { blockOf, jobOf, rejectedBlockOf } from '../sample.js';

let server: PostgresServer;
let url: string;
let sink: PostgresSink;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  url = await server.createDatabase();
  sink = new PostgresSink({ url, ddl: 'create', lineage: true });
});
afterEach(() => sink.close());

const query = (sql: string): Promise<Record<string, unknown>[]> => server.query(sql, url);
const DATA = `SELECT data->'id' AS id, first_job_id AS job, row_number::int AS row FROM ingested_data ORDER BY data->'id'`;

const rows = (...ids: number[]): object[] => ids.map((id) => ({ id }));

async function load(jobId: string, ids: number[], changes: Parameters<typeof jobOf>[1] = {}): Promise<void> {
  const session = await sink.open(jobOf(jobId, changes));
  await session.writeRows(blockOf(rows(...ids)));
}

/** Resolves when a statement of the database waits for a lock. */
async function lockWait(): Promise<void> {
  const WAITING = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  while ((await query(WAITING)).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('rows of a job that is taken out', () => {
  it('are gone, with all that is known of its loads', async () => {
    const session = await sink.open(jobOf('j1'));
    await session.writeRows(blockOf([...rows(1, 2, 1), '{"note":"\\u0000"}']));
    await session.writeRejected(rejectedBlockOf('j1', 2));
    await sink.remove(jobOf('j1'));
    for (const table of ['ingested_data', 'ingested_rows', 'validation_errors', 'sink_errors', 'sink_positions']) {
      expect([table, await query(`SELECT FROM ${table}`)]).toEqual([table, []]);
    }
    expect(await query('SELECT state, removed_load FROM ingestion_jobs')).toEqual([
      { state: 'REMOVED', removed_load: 1 },
    ]);
  });

  it('stay if another job delivers them, which is named from then on', async () => {
    await load('j1', [1, 2, 3]);
    await load('j2', [5, 2, 3]);
    await sink.remove(jobOf('j1'));
    expect(await query(DATA)).toEqual([
      { id: 2, job: 'j2', row: 2 },
      { id: 3, job: 'j2', row: 3 },
      { id: 5, job: 'j2', row: 1 },
    ]);
    await sink.remove(jobOf('j2'));
    expect(await query(DATA)).toEqual([]);
  });

  it('go in several transactions if they are many', async () => {
    await load(
      'j1',
      Array.from({ length: 25_000 }, (_, id) => id % 24_000),
    );
    await load('j2', [23_999]);
    await sink.remove(jobOf('j1'));
    expect(await query(DATA)).toEqual([{ id: 23_999, job: 'j2', row: 1 }]);
  });

  it('can be loaded again, with the next load', async () => {
    await load('j1', [1, 2]);
    await sink.remove(jobOf('j1'));
    await sink.remove(jobOf('j1'));
    await load('j1', [1, 2], { load: 2 });
    expect(await query(DATA)).toHaveLength(2);
    // A remover of the load before, which has stood still.
    await sink.remove(jobOf('j1'));
    expect(await query(DATA)).toHaveLength(2);
  });

  it('are not written any more by a session that is still open, or opened late', async () => {
    const session = await sink.open(jobOf('j1'));
    await session.writeRows(blockOf(rows(1)));
    await sink.remove(jobOf('j1'));
    await expect(session.writeRows(blockOf(rows(2), 1))).rejects.toThrow(SinkOvertaken);
    await expect(session.writeRejected(rejectedBlockOf('j1', 1))).rejects.toThrow(SinkOvertaken);
    await expect(sink.open(jobOf('j1'))).rejects.toThrow(SinkOvertaken);
    expect(await query(DATA)).toEqual([]);
  });

  it('are refused before any was loaded, too', async () => {
    await sink.remove(jobOf('j1'));
    await expect(sink.open(jobOf('j1'))).rejects.toThrow(SinkOvertaken);
    await load('j1', [1], { load: 2 });
  });

  it('are not known without lineage', async () => {
    const without = new PostgresSink({ url, ddl: 'create', lineage: false });
    const session = await without.open(jobOf('j1'));
    await session.writeRows(blockOf(rows(1)));
    expect(await query('SELECT FROM ingested_rows')).toEqual([]);
    await expect(without.remove(jobOf('j1'))).rejects.toMatchObject({ code: 'SINK_NOT_REVERSIBLE' });
    await without.close();
    await expect(sink.remove(jobOf('j1'))).rejects.toMatchObject({ code: 'SINK_NOT_REVERSIBLE' });
  });
});

describe('a transaction of a load that stands still while the job is taken out', () => {
  it('is rolled back if it wakes up later', async () => {
    await load('j1', [1]);
    const frozen = new Client({ connectionString: url });
    await frozen.connect();
    // All that a block does before it locks the position, and the rows themselves.
    await frozen.query(`BEGIN; CREATE TEMPORARY TABLE batch_rows (row_number bigint) ON COMMIT DROP`);
    await sink.remove(jobOf('j1'));
    const { rows: positions } = await frozen.query(`SELECT FROM sink_positions WHERE job_id = 'j1' FOR UPDATE`);
    expect(positions).toEqual([]);
    await frozen.end();
  });

  it('is waited for if it has locked the position already', async () => {
    await load('j1', [1]);
    const frozen = new Client({ connectionString: url });
    await frozen.connect();
    await frozen.query(
      `BEGIN; SELECT FROM sink_positions WHERE job_id = 'j1' AND stream = 'data' FOR UPDATE;
       INSERT INTO ingested_data (content_hash, model_id, data, first_job_id, row_number)
         VALUES ('\\x01', 'orders', '{"id":2}', 'j1', 2);
       INSERT INTO ingested_rows (job_id, row_number, content_hash) VALUES ('j1', 2, '\\x01');
       UPDATE sink_positions SET next = 2 WHERE job_id = 'j1' AND stream = 'data' AND next = 1`,
    );
    const removed = sink.remove(jobOf('j1'));
    await lockWait();
    await frozen.query('COMMIT');
    await removed;
    expect(await query(DATA)).toEqual([]);
    await frozen.end();
  });

  it('is ended by the server after a while', async () => {
    await load('j1', [1]);
    const frozen = new Client({ connectionString: url });
    frozen.on('error', () => undefined);
    await frozen.connect();
    await frozen.query(
      `BEGIN; SET LOCAL idle_in_transaction_session_timeout = 300;
       SELECT FROM sink_positions WHERE job_id = 'j1' FOR UPDATE`,
    );
    await sink.remove(jobOf('j1'));
    expect(await query(DATA)).toEqual([]);
    await frozen.end();
  });
});

describe('two jobs of a model at the same time', () => {
  it('bring the same rows in other orders without a deadlock, and all of them are there once', async () => {
    const ids = Array.from({ length: 3_000 }, (_, id) => id);
    const reversed = [...ids].reverse();
    const sessions = await Promise.all(
      ['j1', 'j2', 'j3', 'j4'].map((id) => sink.open(jobOf(id, { onConflict: 'update' }))),
    );
    for (let round = 0; round < 3; round++) {
      const order = (index: number): number[] => (index % 2 === 0 ? ids : reversed);
      await Promise.all(
        sessions.map((session, index) => session.writeRows(blockOf(rows(...order(index)), round * 3_000))),
      );
    }
    const [counts] = await query('SELECT sum(inserted)::int AS inserted, sum(rows)::int AS rows FROM sink_positions');
    expect(counts).toEqual({ inserted: 3_000, rows: 36_000 });
    const [{ deadlocks }] = (await query(
      'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
    )) as [{ deadlocks: number }];
    expect(deadlocks).toBe(0);
  });

  it('keep a row that one brings while the other is taken out', async () => {
    const ids = Array.from({ length: 2_000 }, (_, id) => id);
    await load('j0', ids);
    for (let round = 1; round <= 8; round++) {
      await Promise.all([sink.remove(jobOf(`j${round - 1}`)), load(`j${round}`, ids)]);
      const [{ missing }] = (await query(
        `SELECT count(*)::int AS missing FROM ingested_rows WHERE content_hash NOT IN (SELECT content_hash FROM ingested_data)`,
      )) as [{ missing: number }];
      expect(missing).toBe(0);
      expect(await query(DATA)).toHaveLength(2_000);
    }
  });
});
