import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Column } from '../../../src/models/schema/index.js';
import { ClickHouseSink } from '../../../src/sinks/clickhouse/clickhouse-sink.js';
import { Connection } from '../../../src/sinks/clickhouse/connection.js';
import { dataTable } from '../../../src/sinks/clickhouse/tables.js';
import type { SinkJob } from '../../../src/sinks/sink.js';
import { describeSink } from '../../conformance/sink.js';
import { type ClickHouseServer, startClickHouse } from '../../kit/clickhouse.js';
import { withClickHouse } from '../../kit/with-clickhouse.js';
import { blockOf, column, jobOf, ORDERS, rejectedBlockOf } from '../sample.js';

let server: ClickHouseServer;
let url: string;
let sink: ClickHouseSink;
const others: ClickHouseSink[] = [];

beforeAll(async () => {
  server = await startClickHouse();
  url = await server.createDatabase();
  sink = open();
}, 400_000);

afterAll(async () => {
  await Promise.all(others.map((each) => each.close()));
  await server.stop();
});

afterEach(async () => server.heal());

function open(ddl: 'create' | 'migrate' | 'off' = 'create'): ClickHouseSink {
  const opened = new ClickHouseSink({ url, ddl, lineage: true });
  others.push(opened);
  return opened;
}

function newJob(changes: Partial<SinkJob> = {}): SinkJob {
  return jobOf(randomBytes(4).toString('hex'), { modelId: `m_${randomBytes(4).toString('hex')}`, ...changes });
}

async function rowsOf({ jobId, modelId }: SinkJob): Promise<number[]> {
  const rows = await server.query<{ _row: string }>(
    `SELECT _row FROM ${dataTable(modelId)} WHERE _job = '${jobId}' ORDER BY _row, _offset`,
    url,
  );
  return rows.map(({ _row }) => Number(_row));
}

async function count(from: string): Promise<number> {
  const [row] = await server.query<{ rows: string }>(`SELECT count() AS rows FROM ${from}`, url);
  return Number(row?.rows);
}

const rows = (from: number, n: number): object[] =>
  Array.from({ length: n }, (_, index) => ({ id: from + index, amount: 1.5, note: null }));
const numbers = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);

withClickHouse('the conformance suite', () => {
  describeSink('ClickHouse', () => ({
    sink,
    rowsOf,
    errorsOf: ({ jobId }) => count(`rejected_rows WHERE job_id = '${jobId}'`),
  }));
});

withClickHouse('values', () => {
  const typed: [type: string, json: string, shown: string][] = [
    ['Int8', '-128', '-128'],
    ['Int64', '9223372036854775807', '9223372036854775807'],
    ['Int64', '-9223372036854775808', '-9223372036854775808'],
    ['UInt64', '18446744073709551615', '18446744073709551615'],
    ['UInt8', '255', '255'],
    ['Float64', '0.1', '0.1'],
    ['Float64', '-1.7976931348623157e308', '-1.7976931348623157e308'],
    ['Float64', '5e-324', '5e-324'],
    ['Float32', '3.4028234e38', '3.4028235e38'],
    ['Decimal(76,38)', `${'9'.repeat(38)}.${'9'.repeat(38)}`, `${'9'.repeat(38)}.${'9'.repeat(38)}`],
    ['Decimal(76,38)', `-${'9'.repeat(38)}.${'9'.repeat(38)}`, `-${'9'.repeat(38)}.${'9'.repeat(38)}`],
    ['Decimal(10,2)', '"1.50"', '1.5'],
    ['Decimal(10,2)', '-0.01', '-0.01'],
    ['Date', '"1900-01-01"', '1900-01-01'],
    ['Date', '"2299-12-31"', '2299-12-31'],
    ['DateTime', '"2026-11-20T10:15:00+01:00"', '2026-11-20 09:15:00.000000'],
    ['DateTime', '"2026-11-20 09:15:00.123456"', '2026-11-20 09:15:00.123456'],
    ['DateTime', '1763630100', '2025-11-20 09:15:00.000000'],
    ['DateTime', '"2299-12-31T23:59:59Z"', '2299-12-31 23:59:59.000000'],
    ['DateTime64(9)', '"2026-11-20T09:15:00.123456789Z"', '2026-11-20 09:15:00.123456789'],
    ['DateTime64(0)', '"1969-12-31T23:59:59Z"', '1969-12-31 23:59:59'],
    ['UUID', '"12345678-9ABC-def0-1234-56789abcdef0"', '12345678-9abc-def0-1234-56789abcdef0'],
    ['Bool', 'true', 'true'],
    ['String', '""', ''],
    ['String', '"\\u00e9 \\ud83d\\ude00 \\"quoted\\" \\\\ \\n\\u0000"', 'é 😀 "quoted" \\ \n\0'],
    ['String', '"é€😀"', 'é€😀'],
    ['Array', '[1, {"a": "b"}]', '[1, {"a": "b"}]'],
  ];

  it.each(typed)('of type %s: %s', async (type, json, shown) => {
    const job = newJob({ columns: [column('value', type)] });
    const session = await sink.open(job);
    expect(await session.writeRows(blockOf([`{"value":${json}}`, '{"value":null}', '{}']))).toEqual({
      rows: 3,
      rejects: [],
    });
    const found = await server.query<{ v: string | null }>(
      `SELECT toString(value) AS v FROM ${dataTable(job.modelId)} ORDER BY _row`,
      url,
    );
    expect(found.map(({ v }) => v)).toEqual([shown, null, null]);
  });

  it.each([
    ['Date', '"1899-12-31"', 'OUT_OF_RANGE'],
    ['Date', '"0001-01-01"', 'OUT_OF_RANGE'],
    ['Date', '"9999-12-31"', 'OUT_OF_RANGE'],
    ['DateTime', '"2300-01-01T00:00:00Z"', 'OUT_OF_RANGE'],
    ['DateTime', '-2208988801', 'OUT_OF_RANGE'],
    ['DateTime', '"2026-11-20T09:15:00.1234567Z"', 'OUT_OF_RANGE'],
    ['DateTime64(9)', '"2262-04-12T00:00:00Z"', 'OUT_OF_RANGE'],
    ['String', '"\\ud800"', 'UNSUPPORTED_VALUE'],
  ])('that ClickHouse cannot hold are rejected, not changed: %s %s', async (type, json, code) => {
    const job = newJob({ columns: [column('value', type), column('id', 'Int32')] });
    const session = await sink.open(job);
    const { rows: written, rejects } = await session.writeRows(
      blockOf([`{"value":${json},"id":1}`, '{"value":null,"id":2}']),
    );
    expect([written, rejects.map(({ rowNumber, column: name, error }) => [rowNumber, name, error])]).toEqual([
      1,
      [[1, 'value', code]],
    ]);
    expect(await rowsOf(job)).toEqual([2]);
    expect(await count(`sink_errors WHERE job_id = '${job.jobId}'`)).toBe(1);
    const again = await sink.open(job);
    expect(again.position.data).toEqual({ next: 2, rows: 1, rejected: 1, lastRow: 2 });
    expect(await again.readRejects(-1, 1000)).toEqual(rejects);
  });

  it('of members that the model does not know are kept as they are', async () => {
    const job = newJob();
    await (await sink.open(job)).writeRows(blockOf(['{"id":1,"more":"a\\"b","nested":{"x":[1]}}', '{"id":2}']));
    const found = await server.query<{ _extra: string }>(
      `SELECT _extra FROM ${dataTable(job.modelId)} ORDER BY _row`,
      url,
    );
    expect(found.map(({ _extra }) => _extra)).toEqual(['{"more":"a\\"b","nested":{"x":[1]}}', '']);
  });
});

withClickHouse('a block', () => {
  it('is one part, however many rows and bytes it has', async () => {
    const job = newJob();
    const session = await sink.open(job);
    await session.writeRows(blockOf(rows(0, 65_536)));
    const long = Array.from({ length: 64 }, (_, id) => ({ id, amount: 1, note: 'x'.repeat(512 * 1024) }));
    await session.writeRows(blockOf(long, 65_536));
    const parts = await server.query<{ level: number; rows: string }>(
      `SELECT name, level, rows FROM system.parts WHERE database = currentDatabase() AND table = '${dataTable(job.modelId)}' AND level = 0 ORDER BY name`,
      url,
    );
    expect(parts.map(({ rows: n }) => Number(n))).toEqual([65_536, 64]);
  });

  it('is written once more after an answer that was lost, and is there once', async () => {
    const job = newJob();
    const session = await sink.open(job);
    await server.fault({ kind: 'drop', table: dataTable(job.modelId) });
    await expect(session.writeRows(blockOf(rows(0, 30)))).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' });
    await session.writeRows(blockOf(rows(0, 30)));
    expect(await rowsOf(job)).toEqual(numbers(30));
  });

  it('of which half has arrived leaves nothing', async () => {
    const job = newJob();
    const session = await sink.open(job);
    await server.fault({ kind: 'half', table: dataTable(job.modelId) });
    await expect(session.writeRows(blockOf(rows(0, 3000)))).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' });
    expect(await rowsOf(job)).toEqual([]);
    await session.writeRows(blockOf(rows(0, 3000)));
    expect(await count(dataTable(job.modelId))).toBe(3000);
  });

  it('waits while parts are merged more slowly than they come', async () => {
    const job = newJob();
    const session = await sink.open(job);
    await server.fault({
      kind: 'answer',
      code: 252,
      name: 'Too many parts (TOO_MANY_PARTS)',
      status: 500,
      table: dataTable(job.modelId),
    });
    const refused = session.writeRows(blockOf(rows(0, 3)));
    await expect(refused).rejects.toMatchObject({
      code: 'SINK_UNAVAILABLE',
      message: expect.stringContaining('TOO_MANY_PARTS'),
    });
    await session.writeRows(blockOf(rows(0, 3)));
    expect(await rowsOf(job)).toEqual(numbers(3));
  });

  it('survives that the server is killed, behind the same token', async () => {
    const job = newJob();
    const session = await sink.open(job);
    await session.writeRows(blockOf(rows(0, 40)));
    await server.restart();
    await expect(sink.check()).resolves.toBeUndefined();
    await session.writeRows(blockOf(rows(0, 40)));
    const again = await sink.open(job);
    expect(again.position.data.next).toBe(40);
    expect(await rowsOf(job)).toEqual(numbers(40));
  });

  it('is written whole, though not all that it becomes can be held at once', async () => {
    const job = newJob({ columns: [column('id', 'Int64'), column('day', 'Date'), column('note', 'String')] });
    const session = await sink.open(job);
    const all = Array.from({ length: 48 }, (_, index) =>
      JSON.stringify({
        id: index,
        day: index === 44 ? '9999-12-31' : '2026-01-01',
        note: `${index}`.repeat(512 * 1024),
      }),
    );
    const sent: number[] = [];
    // Two MiB a piece as they are, three encoded ones more than are held.
    const pieces = Array.from({ length: 12 }, (_, index) => blockOf(all.slice(4 * index, 4 * index + 4), 4 * index));
    const block = { ...blockOf(all), pieces: pieces.flatMap((each) => each.pieces) };
    await session.prepare(block);
    const { rows: written, rejects } = await session.writeRows(block, () => sent.push(1));
    expect([written, rejects.map(({ rowNumber }) => rowNumber), sent]).toEqual([47, [45], [1]]);
    expect(await rowsOf(job)).toEqual(numbers(48).filter((number) => number !== 45));
    const [{ sum } = {}] = await server.query<{ sum: string }>(
      `SELECT sum(length(note)) AS sum FROM ${dataTable(job.modelId)}`,
      url,
    );
    expect(Number(sum)).toBe(512 * 1024 * (10 + 2 * 37));
  });

  it('whose errors have arrived and whose rows have not is written again as a whole', async () => {
    const job = newJob({ columns: [column('day', 'Date')] });
    const session = await sink.open(job);
    await session.writeRows(blockOf(['{"day":"2026-01-01"}']));
    const block = blockOf(['{"day":"2026-01-02"}', '{"day":"9999-12-31"}'], 1);
    await server.fault({ kind: 'half', table: dataTable(job.modelId) });
    await expect(session.writeRows(block)).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' });
    const again = await sink.open(job);
    expect(again.position.data).toEqual({ next: 1, rows: 1, rejected: 0, lastRow: 1 });
    expect((await again.writeRows(block)).rejects).toHaveLength(1);
    expect(await count(`sink_errors WHERE job_id = '${job.jobId}'`)).toBe(1);
    expect((await sink.open(job)).position.data).toEqual({ next: 3, rows: 2, rejected: 1, lastRow: 3 });
  });

  it('with more rejects than the job allows is not written', async () => {
    const job = newJob({ columns: [column('day', 'Date')], maxErrors: 2 });
    const session = await sink.open(job);
    const bad = Array.from({ length: 10 }, () => '{"day":"9999-12-31"}');
    const { rows: written, rejects } = await session.writeRows(blockOf(['{"day":"2026-01-02"}', ...bad]));
    expect([written, rejects.length]).toEqual([0, 3]);
    expect(await rowsOf(job)).toEqual([]);
  });
});

withClickHouse('tokens', () => {
  it('are what keeps a block from being written twice: without them it is', async () => {
    const job = newJob();
    await sink.open(job);
    const connection = new Connection(url);
    const table = dataTable(job.modelId);
    const insert = (token: string) =>
      connection.insert(`${table} (_job, _row)`, 'JSONEachRow', [Buffer.from('{"_job":"x","_row":1}\n')], token);
    await insert('a');
    await insert('a');
    expect(await count(table)).toBe(1);
    await insert('b');
    expect(await count(table)).toBe(2);
    await connection.close();
  });

  it('would lose rows if a block were cut otherwise when it is repeated: the cut looks at the rows alone', async () => {
    // The second insert has the first one's token and ten rows more, which nobody would ever see.
    const job = newJob();
    const session = await sink.open(job);
    await session.writeRows(blockOf(rows(0, 20)));
    await session.writeRows(blockOf(rows(0, 30)));
    expect(await rowsOf(job)).toEqual(numbers(20));
  });

  it('hold for the load: one that arrives late, after the rows were taken out, has no effect', async () => {
    const job = newJob();
    const table = dataTable(job.modelId);
    const late = open();
    const session = await late.open(job);
    await session.writeRows(blockOf(rows(0, 10)));
    await server.fault({ kind: 'hold', table });
    const held = session.writeRows(blockOf(rows(10, 10), 10)).catch(() => undefined);
    while ((await server.state()).held === 0) await sleep(10);
    await sink.remove(job);
    await server.release();
    await held;
    expect(await count(table)).toBe(0);
    const again = { ...job, load: 2 };
    const next = await sink.open(again);
    await next.writeRows(blockOf(rows(0, 10)));
    await next.writeRows(blockOf(rows(10, 10), 10));
    expect(await rowsOf(again)).toEqual(numbers(20));
  });

  it('are used up in time if the late insert arrives between', async () => {
    const job = newJob();
    const session = await sink.open(job);
    await session.writeRows(blockOf(rows(0, 10)));
    // Not seen by the removal when it first asks where the load stands.
    const removing = sink.remove(job);
    await session.writeRows(blockOf(rows(10, 10), 10)).catch(() => undefined);
    await removing;
    expect(await count(dataTable(job.modelId))).toBe(0);
  });

  it('that are known though somebody has deleted the rows do not go unnoticed, however often it is tried', async () => {
    const job = newJob();
    const blocks = [blockOf(rows(0, 10)), blockOf(rows(10, 10), 10)] as const;
    const at = '2026-11-20T09:15:00.000Z';
    const summary = { state: 'PARTIAL_SUCCESS', rows: 22, ok: 20, errors: 2, createdAt: at, finishedAt: at };
    const first = await sink.open(job);
    for (const block of blocks) await first.writeRows(block);
    await first.writeRejected(rejectedBlockOf(job.jobId, 2));
    await first.writeSummary(summary);
    await server.query(`DELETE FROM ${dataTable(job.modelId)} WHERE _offset >= 10`, url);
    for (let attempt = 0; attempt < 2; attempt++) {
      const second = await sink.open(job);
      expect(second.position.data).toMatchObject({ next: 10 });
      await second.writeRows(blocks[1]);
      await expect(second.writeSummary(summary)).rejects.toMatchObject({ code: 'SINK_STATE_LOST' });
    }
    await server.query(`DELETE FROM ${dataTable(job.modelId)} WHERE _offset < 5`, url);
    await expect((await sink.open(job)).writeSummary(summary)).rejects.toMatchObject({ code: 'SINK_STATE_LOST' });
  });

  it('are kept when a merge finds that all rows of a part are deleted', async () => {
    const job = newJob();
    const table = dataTable(job.modelId);
    const late = open();
    const session = await late.open(job);
    await session.writeRows(blockOf(rows(0, 10)));
    await sink.remove(job);
    await server.query(`OPTIMIZE TABLE ${table} FINAL`, url);
    await sleep(2_000);
    await session.writeRows(blockOf(rows(10, 10), 10));
    expect(await count(table)).toBe(0);
  });

  it('hold whatever the profile of the user says', async () => {
    const job = newJob();
    const session = await sink.open(job);
    // The front has one session for all: what is set here is what a profile would have set.
    await server.query("SET deduplicate_insert = 'disable'", url);
    try {
      for (let i = 0; i < 2; i++) await session.writeRows(blockOf(rows(0, 10)));
    } finally {
      await server.query('SET deduplicate_insert = DEFAULT', url);
    }
    expect(await count(dataTable(job.modelId))).toBe(10);
  });

  it('of rejected rows hold, too', async () => {
    const job = newJob();
    const session = await sink.open(job);
    await session.writeRejected(rejectedBlockOf(job.jobId, 2));
    await server.fault({ kind: 'hold', table: 'rejected_rows' });
    const held = session.writeRejected(rejectedBlockOf(job.jobId, 2, 2)).catch(() => undefined);
    while ((await server.state()).held === 0) await sleep(10);
    await sink.remove(job);
    await server.release();
    await held;
    expect(await count(`rejected_rows WHERE job_id = '${job.jobId}'`)).toBe(0);
  });
});

withClickHouse('tables', () => {
  const evolve = (modelId: string, columns: Column[], ddl: 'create' | 'migrate' | 'off' = 'create') =>
    open(ddl).open(newJob({ modelId, columns }));

  it('get a column for what a later version of the model has', async () => {
    const modelId = `evolving-${randomBytes(3).toString('hex')}`;
    await (await evolve(modelId, ORDERS)).writeRows(blockOf(rows(0, 2)));
    const session = await evolve(modelId, [...ORDERS, { ...column('more', 'Int32'), nullable: false }]);
    await session.writeRows(blockOf(['{"id":9,"more":7}']));
    const found = await server.query(`SELECT id, more FROM ${dataTable(modelId)} ORDER BY id`, url);
    expect(found).toEqual([
      { id: '0', more: null },
      { id: '1', more: null },
      { id: '9', more: 7 },
    ]);
  });

  it('are widened with SINK_DDL=migrate, and otherwise the statement is told', async () => {
    const modelId = `widening_${randomBytes(3).toString('hex')}`;
    await (await evolve(modelId, [{ ...column('n', 'Int32'), nullable: false }])).writeRows(blockOf(['{"n":1}']));
    const wide = [column('n', 'Int64')];
    const statement = `ALTER TABLE \`${dataTable(modelId)}\` MODIFY COLUMN \`n\` Nullable(Int64)`;
    await expect(evolve(modelId, wide)).rejects.toMatchObject({
      code: 'SINK_SCHEMA_CONFLICT',
      message: expect.stringContaining(statement),
    });
    await (await evolve(modelId, wide, 'migrate')).writeRows(blockOf(['{"n":9223372036854775807}', '{}']));
    expect(await server.query(`SELECT n FROM ${dataTable(modelId)} ORDER BY n`, url)).toEqual([
      { n: '1' },
      { n: '9223372036854775807' },
      { n: null },
    ]);
    // An older job goes on with what the table has by now.
    await (await evolve(modelId, [column('n', 'Int32')])).writeRows(blockOf(['{"n":5}']));
    expect(await count(`${dataTable(modelId)} WHERE n = 5`)).toBe(1);
  });

  it('that change under a load are read again', async () => {
    const job = newJob({ columns: [column('n', 'Int32')] });
    const session = await sink.open(job);
    await session.writeRows(blockOf(['{"n":1}']));
    const prepared = blockOf(['{"n":2}'], 1);
    await session.prepare(prepared);
    await server.query(`ALTER TABLE ${dataTable(job.modelId)} MODIFY COLUMN n Nullable(Int64)`, url);
    await session.writeRows(prepared);
    await session.writeRows(blockOf(['{"n":3}'], 2));
    expect(await rowsOf(job)).toEqual([1, 2, 3]);
  });

  it('are told about, and not made, with SINK_DDL=off', async () => {
    const job = newJob();
    await expect(open('off').open(job)).rejects.toMatchObject({
      code: 'SINK_SCHEMA_CONFLICT',
      message: expect.stringContaining(`CREATE TABLE IF NOT EXISTS \`${dataTable(job.modelId)}\``),
    });
  });

  it.each([
    [
      'a type that does not fit',
      `CREATE TABLE T (_job String, _load UInt32, _block UInt64, _row UInt64, _offset UInt64, id String, amount Nullable(Decimal(10,2)), note Nullable(String), _extra String) ENGINE = MergeTree ORDER BY _job SETTINGS non_replicated_deduplication_window = 100, remove_empty_parts = 0`,
      'the column id',
    ],
    [
      'parts by day',
      `CREATE TABLE T (_job String) ENGINE = MergeTree PARTITION BY _job ORDER BY _job SETTINGS non_replicated_deduplication_window = 100, remove_empty_parts = 0`,
      'partitioned',
    ],
    ['no tokens', `CREATE TABLE T (_job String) ENGINE = MergeTree ORDER BY _job`, 'MODIFY SETTING'],
    [
      'tokens that go with deleted rows',
      `CREATE TABLE T (_job String) ENGINE = MergeTree ORDER BY _job SETTINGS non_replicated_deduplication_window = 100`,
      'MODIFY SETTING remove_empty_parts = 0',
    ],
    [
      'a TTL',
      `CREATE TABLE T (_job String, at DateTime) ENGINE = MergeTree ORDER BY _job TTL at + INTERVAL 1 DAY SETTINGS non_replicated_deduplication_window = 100, remove_empty_parts = 0`,
      'REMOVE TTL',
    ],
    [
      'a projection',
      `CREATE TABLE T (_job String, PROJECTION p (SELECT _job, count() GROUP BY _job)) ENGINE = MergeTree ORDER BY _job SETTINGS non_replicated_deduplication_window = 100, remove_empty_parts = 0`,
      'lightweight_mutation_projection_mode',
    ],
    ['another engine', `CREATE TABLE T (_job String) ENGINE = Memory`, 'Memory'],
    [
      'another model',
      `CREATE TABLE T (_job String) ENGINE = MergeTree ORDER BY _job SETTINGS non_replicated_deduplication_window = 100, remove_empty_parts = 0 COMMENT 'Batch model other-one'`,
      "'other-one'",
    ],
  ])('are a conflict with %s', async (_, statement, words) => {
    const job = newJob();
    await server.query(statement.replace('TABLE T', `TABLE ${dataTable(job.modelId)}`), url);
    await expect(sink.open(job)).rejects.toMatchObject({
      code: 'SINK_SCHEMA_CONFLICT',
      message: expect.stringContaining(words),
    });
  });

  it('have columns for themselves, which no model may have', async () => {
    const job = newJob({ columns: [column('_offset', 'Int64')] });
    await expect(sink.open(job)).rejects.toMatchObject({ code: 'SINK_SCHEMA_CONFLICT' });
  });
});

withClickHouse('a server that refuses', () => {
  it('the password is told from one that does not answer', async () => {
    await server.fault({ kind: 'down', times: 1 });
    await expect(sink.check()).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' });
    const nowhere = new ClickHouseSink({ url: 'http://127.0.0.1:9/default', ddl: 'create', lineage: true });
    await expect(nowhere.check()).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' });
    await nowhere.close();
    const guarded = await startClickHouse({ login: { user: 'batch', password: 'secret' } });
    const wrong = new ClickHouseSink({
      url: `http://batch:wrong@127.0.0.1:${guarded.port}/default`,
      ddl: 'create',
      lineage: true,
    });
    try {
      await expect(wrong.check()).rejects.toMatchObject({ code: 'SINK_FORBIDDEN' });
      await expect(wrong.check()).rejects.not.toMatchObject({ message: expect.stringContaining('wrong') });
    } finally {
      await wrong.close();
      await guarded.stop();
    }
  });
});
