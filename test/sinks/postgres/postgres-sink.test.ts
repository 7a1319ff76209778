import { PostgresSink } from '../../../src/sinks/postgres/postgres-sink.js';
import { SinkOvertaken } from '../../../src/sinks/sink.js';
import { describeSink } from '../../conformance/sink.js';
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
const DATA = `SELECT data, first_job_id, row_number::int, updated_at > created_at AS changed FROM ingested_data ORDER BY data->>'id', data->>'note'`;
const COUNTS = `SELECT next::int, rows::int, rejected::int, inserted::int, updated::int, duplicates::int FROM sink_positions WHERE stream = 'data' ORDER BY job_id`;

const A = { id: 1, amount: 1.5, note: 'a' };
const B = { id: 2, amount: 2, note: 'b' };
const C = { id: 3, amount: 3, note: 'c' };

async function load(jobId: string, rows: object[], changes: Parameters<typeof jobOf>[1] = {}): Promise<void> {
  const session = await sink.open(jobOf(jobId, changes));
  await session.writeRows(blockOf(rows));
  await session.close();
}

describeSink('PostgreSQL', () => ({
  sink,
  rowsOf: async ({ jobId }) => {
    const rows = await query(`SELECT row_number::int FROM ingested_rows WHERE job_id = '${jobId}' ORDER BY row_number`);
    return rows.map(({ row_number }) => row_number as number);
  },
  errorsOf: async ({ jobId }) => {
    const [row] = await query(`SELECT count(*)::int AS n FROM validation_errors WHERE job_id = '${jobId}'`);
    return row?.['n'] as number;
  },
}));

describe('what a block becomes', () => {
  it('is each different row once, with the first job and row that brought it', async () => {
    await load('j1', [A, B, { id: '1', amount: '1.50', note: 'a' }]);
    await load('j2', [B, C]);
    expect(await query(DATA)).toEqual([
      { data: A, first_job_id: 'j1', row_number: 1, changed: false },
      { data: B, first_job_id: 'j1', row_number: 2, changed: false },
      { data: C, first_job_id: 'j2', row_number: 2, changed: false },
    ]);
    expect(await query(COUNTS)).toEqual([
      { next: 3, rows: 3, rejected: 0, inserted: 2, updated: 0, duplicates: 1 },
      { next: 2, rows: 2, rejected: 0, inserted: 1, updated: 0, duplicates: 1 },
    ]);
  });

  it('touches rows that were there with on_conflict=update', async () => {
    await load('j1', [A]);
    await load('j2', [A, A, B], { onConflict: 'update' });
    expect(await query(DATA)).toMatchObject([{ data: A, first_job_id: 'j1', changed: true }, { changed: false }]);
    expect(await query(COUNTS)).toMatchObject([{}, { inserted: 1, updated: 1, duplicates: 1 }]);
  });

  it('keeps numbers exact', async () => {
    await load('j1', ['{"id":9007199254740992}', '{"id":9007199254740993}'] as never);
    const rows = await query(`SELECT data->>'id' AS id FROM ingested_data ORDER BY 1`);
    expect(rows).toEqual([{ id: '9007199254740992' }, { id: '9007199254740993' }]);
  });

  it('is linked to the rows of the job', async () => {
    await load('j1', [A, B, A]);
    const links = await query(
      `SELECT row_number::int, data->>'id' AS id FROM ingested_rows JOIN ingested_data USING (content_hash) ORDER BY 1`.replace(
        'row_number::int',
        'ingested_rows.row_number::int',
      ),
    );
    expect(links.map(({ id }) => id)).toEqual(['1', '2', '1']);
  });
});

describe('a block that is written again', () => {
  it('changes nothing if the session has written it', async () => {
    const session = await sink.open(jobOf('j1'));
    const first = await session.writeRows(blockOf([A, B, '{"note":"\\u0000"}']));
    expect(first.rejects).toHaveLength(1);
    expect(await session.writeRows(blockOf([A, B, '{"note":"\\u0000"}']))).toEqual(first);
    expect(await query(COUNTS)).toMatchObject([{ next: 3, rows: 2, rejected: 1, inserted: 2 }]);
  });

  it('is left to the session that has written it', async () => {
    const [one, two] = [await sink.open(jobOf('j1')), await sink.open(jobOf('j1'))];
    await one.writeRows(blockOf([A, B]));
    await expect(two.writeRows(blockOf([A, B]))).rejects.toThrow(SinkOvertaken);
    expect(await query(COUNTS)).toMatchObject([{ next: 2, rows: 2 }]);
  });

  it('is written once by two sessions at the same time', async () => {
    const sessions = await Promise.all([sink.open(jobOf('j1')), sink.open(jobOf('j1'))]);
    const results = await Promise.allSettled(sessions.map((session) => session.writeRows(blockOf([A, B]))));
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: expect.any(SinkOvertaken) });
  });

  it('is not asked for by a session that is opened later', async () => {
    await load('j1', [A, B]);
    expect((await sink.open(jobOf('j1'))).position).toMatchObject({
      data: { next: 2, lastRow: 2, rows: 2, rejected: 0 },
      dlq: { next: 0 },
    });
  });
});

describe('rejected rows', () => {
  it('are one row for each error', async () => {
    const session = await sink.open(jobOf('j1'));
    await session.writeRejected(rejectedBlockOf('j1', 2));
    await session.writeRejected(rejectedBlockOf('j1', 2));
    const rows = await query(
      'SELECT row_number::int, error_index, error, observed, raw_data FROM validation_errors ORDER BY 1, 2',
    );
    expect(rows).toHaveLength(4);
    expect(rows[0]).toEqual({
      row_number: 1,
      error_index: 0,
      error: 'NOT_AN_INTEGER',
      observed: 'x\u{fffd}',
      raw_data: 'x,abc\u{fffd}',
    });
    expect((await sink.open(jobOf('j1'))).position.dlq).toMatchObject({ next: 2, rows: 2 });
  });
});

describe('rows that are refused', () => {
  it('are told from the others before they are sent, if no PostgreSQL takes them', async () => {
    const session = await sink.open(jobOf('j1'));
    const rows = [A, '{"id":2,"note":"a\\u0000b"}', '{"id":3,"note":"\\ud800"}', '{"id":4,"extra":1e200000}'];
    const { rejects } = await session.writeRows(blockOf(rows));
    expect(rejects).toMatchObject([
      { offset: 1, rowNumber: 2, column: 'note', type: 'String', error: 'UNSUPPORTED_VALUE', observed: 'a\u{fffd}b' },
      { offset: 2, rowNumber: 3, column: 'note', type: 'String', error: 'UNSUPPORTED_VALUE' },
      { offset: 3, rowNumber: 4, column: 'extra', type: null, error: 'OUT_OF_RANGE' },
    ]);
    expect(await session.readRejects(-1, 1000)).toEqual(rejects);
  });

  it('are found among the others, if a constraint of this database refuses them', async () => {
    const session = await sink.open(jobOf('j1'));
    await query(`ALTER TABLE ingested_data ADD CONSTRAINT small CHECK ((data->>'id')::int % 7 <> 0)`);
    const rows = Array.from({ length: 50 }, (_, index) => ({ id: index % 40, note: 'x' }));
    const { rows: taken, rejects } = await session.writeRows(blockOf(rows));
    expect(rejects.map(({ rowNumber }) => (rowNumber - 1) % 40)).toEqual([0, 7, 14, 21, 28, 35, 0, 7]);
    expect(rejects[0]).toMatchObject({
      error: 'REFUSED_BY_SINK',
      message: '23514: new row for relation "ingested_data" violates check constraint "small"',
      raw: '{"id":0,"note":"x"}',
    });
    expect(taken).toBe(42);
    const [{ count }] = (await query('SELECT count(*)::int FROM ingested_data')) as [{ count: number }];
    expect(count).toBe(34);
    expect(await query('SELECT FROM ingested_rows')).toHaveLength(42);
    expect((await sink.open(jobOf('j1'))).position.data).toMatchObject({ next: 50, rows: 42, rejected: 8 });
  });

  it('say nothing of their values', async () => {
    const session = await sink.open(jobOf('j1'));
    await query(`CREATE INDEX ON ingested_data (((data->>'note')::int))`);
    const { rejects } = await session.writeRows(
      blockOf([
        { id: 1, note: '7' },
        { id: 2, note: 'secret: "x" in "y"' },
      ]),
    );
    expect(rejects).toMatchObject([{ message: '22P02: invalid input syntax for type integer' }]);
  });

  it('are those that an index has no room for, and those that a trigger refuses, in whatever words', async () => {
    const session = await sink.open(jobOf('j1'));
    await query(`CREATE INDEX ON ingested_data ((data->>'note'));
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN IF NEW.data->>''note'' = ''secret-7'' THEN RAISE EXCEPTION ''note % is not allowed'', NEW.data->>''note''; END IF; RETURN NEW; END';
      CREATE TRIGGER refuse BEFORE INSERT ON ingested_data FOR EACH ROW EXECUTE FUNCTION refuse()`);
    const long = Array.from({ length: 4_000 }, (_, i) => `${i * 7919}`).join();
    const { rows, rejects } = await session.writeRows(
      blockOf([{ id: 1 }, { id: 2, note: long }, { id: 3, note: 'secret-7' }]),
    );
    expect(rows).toBe(1);
    expect(rejects.map(({ rowNumber, message }) => [rowNumber, message.slice(0, 6).trim()])).toEqual([
      [2, '54000:'],
      [3, 'P0001'],
    ]);
  });

  it('end the load if they are too many', async () => {
    const session = await sink.open(jobOf('j1', { maxErrors: 3 }));
    await query('ALTER TABLE ingested_data ADD CONSTRAINT never CHECK (false)');
    const rows = Array.from({ length: 1000 }, (_, id) => ({ id }));
    // Nothing is written, and whoever asked hears of them.
    const { rows: written, rejects } = await session.writeRows(blockOf(rows));
    expect([written, rejects.length]).toEqual([0, 4]);
    const unencodable = Array.from({ length: 10 }, () => '{"note":"\\u0000"}');
    const again = await session.writeRows(blockOf([...unencodable, { id: 1 }]));
    expect([again.rows, again.rejects.length]).toEqual([0, 4]);
    expect(await query(COUNTS)).toMatchObject([{ next: 0, rows: 0 }]);
  });
});

describe('a load that goes on', () => {
  it('is refused if its position is lost', async () => {
    await load('j1', [A]);
    await query('DELETE FROM sink_positions');
    await expect(sink.open(jobOf('j1'))).rejects.toMatchObject({ code: 'SINK_STATE_LOST' });
  });

  it('is refused if its position is lost meanwhile', async () => {
    const session = await sink.open(jobOf('j1'));
    await query('DELETE FROM sink_positions');
    await expect(session.writeRows(blockOf([A]))).rejects.toMatchObject({ code: 'SINK_STATE_LOST' });
    expect(await query('SELECT FROM ingested_data')).toEqual([]);
  });

  it('stores what is known of the job', async () => {
    const session = await sink.open(jobOf('j1'));
    await session.writeRows(blockOf([A, A]));
    const createdAt = '2026-11-20T09:15:00.000Z';
    await session.writeSummary({ state: 'SUCCEEDED', rows: 3, ok: 2, errors: 1, createdAt, finishedAt: createdAt });
    const jobs = await query(
      'SELECT state, rows_total::int, loaded::int, inserted::int, duplicates::int, filename FROM ingestion_jobs',
    );
    expect(jobs).toEqual([
      { state: 'SUCCEEDED', rows_total: 3, loaded: 2, inserted: 1, duplicates: 1, filename: 'orders.csv' },
    ]);
  });
});
