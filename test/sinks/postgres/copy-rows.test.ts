import { Connections, copyRows } from '../../../src/sinks/postgres/connections.js';
import { PostgresSink } from '../../../src/sinks/postgres/postgres-sink.js';
import { type PostgresServer, startPostgres } from '../../kit/postgres.js';
import { blockOf, jobOf } from '../sample.js';

let server: PostgresServer;
let url: string;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  url = await server.createDatabase();
});

const NOTE_BYTES = 2 * 1024 ** 2;

/** A row of (int, text) in COPY's binary format, in memory that is the same for all. */
function* rowsOf(numbers: readonly number[]): Generator<Buffer> {
  const row = Buffer.alloc(2 + 4 + 4 + 4 + NOTE_BYTES);
  for (const number of numbers) {
    row.fill(`${number % 10}`);
    row.writeUInt16BE(2, 0);
    row.writeUInt32BE(4, 2);
    row.writeUInt32BE(number, 6);
    row.writeUInt32BE(NOTE_BYTES, 10);
    yield row;
  }
}

it('chunks arrive as they were when they were asked for, also after one that is refused', async () => {
  const connections = new Connections(url);
  await connections.transaction(async (client) => {
    await client.query('CREATE TABLE sent (number int CHECK (number <> 3), note text)');
    await client.query('SAVEPOINT before');
    const refused = copyRows(client, 'sent', rowsOf([1, 2, 3, 4, 5, 6]));
    await expect(refused).rejects.toMatchObject({ code: '23514' });
    await client.query('ROLLBACK TO SAVEPOINT before');
    await copyRows(client, 'sent', rowsOf([1, 2]));
    await copyRows(client, 'sent', rowsOf([4, 5, 6]));
  });
  await connections.close();
  const text = `SELECT number, note = repeat((number % 10)::text, ${NOTE_BYTES}) AS is_whole FROM sent ORDER BY 1`;
  expect(await server.query(text, url)).toEqual([1, 2, 4, 5, 6].map((number) => ({ number, is_whole: true })));
});

it('a COPY that cannot begin says why', async () => {
  const connections = new Connections(url);
  const copying = connections.transaction((client) => copyRows(client, 'missing', rowsOf([1, 2])));
  await expect(copying).rejects.toThrow('42P01');
  await connections.close();
});

it('pieces of a block that are larger than what a socket takes at once arrive whole', async () => {
  const sink = new PostgresSink({ url, ddl: 'create', lineage: true });
  const session = await sink.open(jobOf('j1'));
  const rows = Array.from({ length: 40 }, (_, id) => ({ id, note: `${id % 10}`.repeat(200_000) }));
  await session.writeRows(blockOf(rows));
  await session.close();
  await sink.close();
  const text = `SELECT (data->>'id')::int AS id, row_number::int FROM ingested_data
    WHERE data->>'note' = repeat(right(data->>'id', 1), 200000) ORDER BY 1`;
  expect(await server.query(text, url)).toEqual(rows.map(({ id }) => ({ id, row_number: id + 1 })));
});
