import { readFileSync } from 'node:fs';
import type { Job } from '../../src/jobs/domain/job.js';
import { fixture } from '../formats/parquet/read-file.js';
import { Api } from '../kit/api.js';
import { type ClickHouseServer, startClickHouse } from '../kit/clickhouse.js';
import { type PostgresServer, startPostgres } from '../kit/postgres.js';
import { ONE_PROCESS, type Service, startService } from '../kit/service.js';
import { withClickHouse } from '../kit/with-clickhouse.js';

/** A row of a file: each value as the file spells it, strings without their quotes. */
type Row = Record<string, string | null>;

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;

const NUMBERS = {
  bool: 'Bool',
  ...Object.fromEntries(
    [8, 16, 32, 64].flatMap((bits) => [
      [`int${bits}`, `Int${bits}`],
      [`uint${bits}`, `UInt${bits}`],
    ]),
  ),
  ...{ double: 'Float64', float: 'Float32', half: 'Float64' },
};
const DECIMALS = {
  ...{ int32: 'Decimal(9,2)', int64: 'Decimal(18,4)', fixed: 'Decimal(38,10)' },
  ...{ whole: 'Decimal(38,0)', tiny: 'Decimal(38,38)', wide: 'Decimal(76,26)' },
};
const TIMES = {
  date: 'Date',
  ...Object.fromEntries(['ms', 'us', 'ns'].map((unit) => [`time_${unit}`, 'String'])),
  ...Object.fromEntries(
    ['', '_utc', '_zone'].flatMap((zone) =>
      [3, 6, 9].map((digits, index) => [`timestamp_${['ms', 'us', 'ns'][index]}${zone}`, `DateTime64(${digits})`]),
    ),
  ),
};
const TEXTS = {
  ...Object.fromEntries(
    ['string', 'large', 'view', 'category', 'binary', 'fixed', 'json'].map((name) => [name, 'String']),
  ),
  uuid: 'UUID',
};

/** The ranges of ClickHouse's types: Date32, and DateTime64 by its digits. */
const FIRST = Date.UTC(1900, 0, 1);
const LAST = Date.UTC(2300, 0, 1);
const LAST_NANOS = Date.UTC(2262, 3, 11, 23, 47, 16);

let clickhouse: ClickHouseServer;
let postgres: PostgresServer;
let service: Service;
let api: Api;
let clickhouseUrl: string;
let postgresUrl: string;

/** Every row of a fixture, from the JSON that says what is in its Parquet file. */
function rowsOf(name: string): Row[] {
  const lines = readFileSync(fixture(`${name}.jsonl`), 'utf8')
    .split('\n')
    .slice(0, -1);
  // As numbers they would lose digits.
  const exact = (_key: string, value: unknown, context: { source?: string }): unknown =>
    typeof value === 'number' || typeof value === 'boolean' ? context.source : value;
  return lines.map((line) => JSON.parse(line, exact as (key: string, value: unknown) => unknown) as Row);
}

/** The same rows as CSV, in which an empty text has quotes and a null has none. */
function csvOf(rows: Row[]): Buffer {
  const names = Object.keys(rows[0] ?? {});
  const lines = rows.map((row) =>
    names.map((name) => (row[name] == null ? '' : `"${row[name].replaceAll('"', '""')}"`)).join(','),
  );
  return Buffer.from([names.join(','), ...lines, ''].join('\n'));
}

/** One text for each value, however it is spelled. */
function normal(type: string, text: string | null): string | null {
  if (text === null) return null;
  if (/^U?Int/.test(type)) return BigInt(text).toString();
  if (type === 'Float64') return String(Number(text) + 0);
  if (type === 'Float32') return String(Math.fround(Number(text)) + 0);
  if (type.startsWith('Decimal')) return decimal(text);
  if (type.startsWith('DateTime'))
    return text
      .replace(' ', 'T')
      .replace(/(\.\d*?)0*(Z|\+00:00)?$/, '$1')
      .replace(/\.$|Z$/, '');
  return text;
}

function decimal(text: string): string {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(text) ?? [];
  return whole === '' && fraction === '' ? '0' : `${sign}${whole || '0'}.${fraction}`;
}

function fitsClickHouse(schema: Record<string, string>, row: Row): boolean {
  return Object.entries(schema).every(([name, type]) => {
    const text = row[name];
    if (text == null || !type.startsWith('Date')) return true;
    const ms = Date.parse(type === 'Date' ? text : `${text.slice(0, 19)}Z`);
    return ms >= FIRST && ms < (type === 'DateTime64(9)' ? LAST_NANOS : LAST);
  });
}

function fitsPostgres(_schema: Record<string, string>, row: Row): boolean {
  return !Object.values(row).some((text) => text?.includes('\0'));
}

withClickHouse('every value of every format', () => {
  beforeAll(async () => {
    [clickhouse, postgres] = await Promise.all([startClickHouse(), startPostgres()]);
    [clickhouseUrl, postgresUrl] = await Promise.all([clickhouse.createDatabase(), postgres.createDatabase()]);
    const env = { ...ONE_PROCESS, CLICKHOUSE_URL: clickhouseUrl, POSTGRES_SINK_URL: postgresUrl };
    service = await startService({ brokers, env });
    api = new Api(service.url);
  }, 400_000);

  afterAll(async () => {
    await service.stop();
    await Promise.all([clickhouse.stop(), postgres.stop()]);
  });

  async function load(model: string, file: Buffer | string, options: Record<string, string> = {}): Promise<Job> {
    const { job_id } = await api.createJob(model, file, {}, { sinks: 'clickhouse,postgres', ...options });
    const job = await api.until(job_id, ({ sinks }) => sinks.every(({ state }) => state === 'LOADED'));
    expect(job).toMatchObject({ state: 'SUCCESS', totals: { errors: 0 } });
    return job;
  }

  it.each([
    ['numbers', NUMBERS],
    ['decimals', DECIMALS],
    ['times', TIMES],
    ['texts', TEXTS],
  ])('is what the file says, in both databases, and has one hash: %s', async (name, schema: Record<string, string>) => {
    const columns = Object.entries(schema);
    const names = columns.map(([column]) => column);
    await api.createModel(name, Object.fromEntries(columns.map(([column, type]) => [column, `Nullable(${type})`])));
    const rows = rowsOf(name);
    const lines = readFileSync(fixture(`${name}.jsonl`));
    const files: [Buffer | string, Record<string, string>?][] = [
      [fixture(`${name}.parquet`)],
      [lines],
      [Buffer.from(`[${lines.toString().trimEnd().replaceAll('\n', ',')}]`)],
      [csvOf(rows), { format: 'csv' }],
      [csvOf(rows), { format: 'csv', value_format: 'json' }],
    ];
    const expected = (fits: typeof fitsClickHouse): unknown[] =>
      rows.flatMap((row, index) =>
        fits(schema, row) ? [[index + 1, ...columns.map(([column, type]) => normal(type, row[column] ?? null))]] : [],
      );
    const found = (sets: Record<string, string | null>[]): unknown[] =>
      sets.map((row) => [Number(row['number']), ...columns.map(([column, type]) => normal(type, row[column] ?? null))]);
    for (const [file, options] of files) {
      const { job_id: id, format, sinks } = await load(name, file, options);
      const where = `${name} as ${format} ${JSON.stringify(options ?? {})}`;
      const inClickHouse = await clickhouse.query<Record<string, string | null>>(
        `SELECT _row AS number, ${names.map((column) => `toString(\`${column}\`) AS \`${column}\``).join(', ')}
         FROM data_${name} WHERE _job = '${id}' ORDER BY _row`,
        clickhouseUrl,
      );
      expect([where, ...found(inClickHouse)]).toEqual([where, ...expected(fitsClickHouse)]);
      const inPostgres = (await postgres.query(
        `SELECT ingested_rows.row_number AS number, ${names.map((column) => `data->>'${column}' AS "${column}"`).join(', ')}
         FROM ingested_rows JOIN ingested_data USING (content_hash) WHERE job_id = '${id}' ORDER BY 1`,
        postgresUrl,
      )) as Record<string, string | null>[];
      expect([where, ...found(inPostgres)]).toEqual([where, ...expected(fitsPostgres)]);
      expect(sinks.map(({ rows: loaded, rejected }) => loaded + rejected)).toEqual([rows.length, rows.length]);
    }
    // A row has one hash, whatever file it came in.
    const hashes = await postgres.query(
      `SELECT row_number, count(DISTINCT content_hash)::int AS hashes, count(*)::int AS links FROM ingested_rows
       JOIN ingestion_jobs USING (job_id) WHERE model_id = '${name}' GROUP BY 1 HAVING count(DISTINCT content_hash) > 1 OR count(*) <> ${files.length}`,
      postgresUrl,
    );
    expect(hashes).toEqual([]);
  });

  it('is by ISO 8601 in both databases if its column has a format', async () => {
    const schema = { day: "Date('YYYYMMDD')", noon: "DateTime('YYYYMMDD')", s: "DateTime('epoch_s')" };
    await api.createModel('formats', { ...schema, ms: "Nullable(DateTime('epoch_ms'))", us: "DateTime('epoch_us')" });
    const rows = [
      ['20261120', '20240229', '1763630100', '1763630100123', '1763630100123456'],
      ['19000101', '22991231', '-1', '-1', '-86400000001'],
      ['19691231', '19700101', '0', null, '0'],
    ];
    const names = ['day', 'noon', 's', 'ms', 'us'];
    const csv = Buffer.from(`${names.join(',')}\n${rows.map((row) => `${row.join(',')}\n`).join('')}`);
    const ndjson = rows.map((row) => `{${names.map((name, index) => `"${name}":${row[index]}`).join(',')}}\n`).join('');
    const expected = [
      [
        '2026-11-20',
        '2024-02-29 00:00:00',
        '2025-11-20 09:15:00',
        '2025-11-20 09:15:00.123',
        '2025-11-20 09:15:00.123456',
      ],
      [
        '1900-01-01',
        '2299-12-31 00:00:00',
        '1969-12-31 23:59:59',
        '1969-12-31 23:59:59.999',
        '1969-12-30 23:59:59.999999',
      ],
      ['1969-12-31', '1970-01-01 00:00:00', '1970-01-01 00:00:00', null, '1970-01-01 00:00:00'],
    ].map((row) => row.map((text) => normal('DateTime', text)));
    const files: [Buffer, Record<string, string>?][] = [[csv], [csv, { value_format: 'json' }], [Buffer.from(ndjson)]];
    for (const [file, options] of files) {
      const { job_id: id } = await load('formats', file, options);
      const inClickHouse = await clickhouse.query<Record<string, string | null>>(
        `SELECT ${names.map((name) => `toString(${name}) AS ${name}`).join(', ')} FROM data_formats WHERE _job = '${id}' ORDER BY _row`,
        clickhouseUrl,
      );
      const inPostgres = (await postgres.query(
        `SELECT ${names.map((name) => `data->>'${name}' AS ${name}`).join(', ')}
         FROM ingested_rows JOIN ingested_data USING (content_hash) WHERE job_id = '${id}' ORDER BY ingested_rows.row_number`,
        postgresUrl,
      )) as Record<string, string | null>[];
      for (const found of [inClickHouse, inPostgres]) {
        expect(found.map((row) => names.map((name) => normal('DateTime', row[name] ?? null)))).toEqual(expected);
      }
    }
  });
});
