import { readFileSync } from 'node:fs';
import kafkajs from 'kafkajs';
import { fixture } from '../formats/parquet/read-file.js';
import { consumeByConsole } from '../kit/console-consumer.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { isAlive, runnerOf } from '../kit/runners.js';
import { readTopic } from '../kit/topic.js';
import { useService } from '../kit/use-service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;

const suite = useService({ models: { orders: ORDERS_SCHEMA } });
const { api } = suite;

async function valuesOf(topic: string): Promise<string[]> {
  return (await readTopic(brokers, topic)).map(({ value }) => value.toString());
}

const MAILS = { type: 'object', properties: { mail: { type: 'string', format: 'email' } }, required: ['mail'] };

function normalized(normalize: Record<string, string[]>): Record<string, string> {
  return { normalize: JSON.stringify(normalize), value_format: 'json' };
}

describe('null_values', () => {
  it.each(['auto', 'reference'])('say what is null, to the %s reader', async (csv_reader) => {
    const file = Buffer.from(
      'id,sku,qty,price,paid\n1,a,1,1,NULL\n2,"N/A",2,2,"\\N"\n3,N/A,3,3,\n4,d,NULL,4,true\n5,e,5,5,""\n',
    );
    const { job_id } = await api.createJob('orders', file, {}, { null_values: 'NULL,N/A,\\N', csv_reader });
    const job = await api.ended(job_id);
    expect(job.options).toMatchObject({ null_values: ['NULL', 'N/A', '\\N'], csv_reader });
    expect(await valuesOf(job.topics.data)).toEqual(['1,a,1,1,NULL', '2,"N/A",2,2,"\\N"']);
    const rejected = (await valuesOf(job.topics.dlq)).map((value) => JSON.parse(value) as Record<string, unknown>);
    expect(rejected.map(({ row_number, error }) => [row_number, error])).toEqual([
      [3, 'NULL_VALUE'],
      [4, 'NULL_VALUE'],
      [5, 'NOT_A_BOOLEAN'],
    ]);
  });
});

describe('on_broken', () => {
  const file = Buffer.from(
    `id,sku,qty,price,paid\n1,a,1,1,\n2,"5\\" x",2,2,\n${'3,b,3,3,\n'.repeat(50)}4,"c"d,4,4,\n5,"e`,
  );

  it.each(['auto', 'reference'])(
    'continue: the job says how many records broke, to the %s reader',
    async (csv_reader) => {
      const job = await api.ended((await api.createJob('orders', file, {}, { csv_reader })).job_id);
      expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', totals: { ok: 51, errors: 3 } });
      expect(job.warnings).toEqual([
        {
          code: 'BROKEN_QUOTES',
          message: expect.stringMatching(/^3 records broke .* escape=/),
          count: 3,
          first_rows: [2, 53, 54],
        },
      ]);
    },
  );

  it.each(['auto', 'reference'])('stop: the job fails at the first one, by the %s reader', async (csv_reader) => {
    const { job_id } = await api.createJob('orders', file, {}, { csv_reader, on_broken: 'stop' });
    const job = await api.ended(job_id);
    expect(job).toMatchObject({ state: 'FAILED', warnings: [], error: { code: 'BROKEN_RECORD' } });
    expect(job.error?.message).toContain('row 2 (line 3)');
    expect(job.totals.rows).toBeLessThan(2);
    expect((await valuesOf(job.topics.data)).length).toBe(job.totals.ok);
    expect(await valuesOf(job.topics.dlq)).toEqual([]);
  });
});

describe('ignore_header_case', () => {
  it.each(['auto', 'reference'])('finds columns in another case, by the %s reader', async (csv_reader) => {
    const file = Buffer.from('ID;Sku;QTY;price;PAID\n1;a;2;0.5;true\nx;b;y;1;\n');
    const options = { ignore_header_case: 'true', delimiter: 'auto', value_format: 'json', csv_reader };
    const job = await api.ended((await api.createJob('orders', file, {}, options)).job_id);
    expect(job).toMatchObject({
      file_columns: ['ID', 'Sku', 'QTY', 'price', 'PAID'],
      dialect: { delimiter: ';' },
      options: { ignore_header_case: true },
    });
    expect(await valuesOf(job.topics.data)).toEqual(['{"id":1,"sku":"a","qty":2,"price":0.5,"paid":true}']);
    const [rejected] = (await valuesOf(job.topics.dlq)).map((value) => JSON.parse(value) as Record<string, unknown>);
    expect(rejected).toMatchObject({ errors: [{ column: 'id' }, { column: 'qty' }], raw_data: 'x;b;y;1;' });
  });
});

describe('rename', () => {
  it.each(['auto', 'reference'])('of other names are found, by the %s reader', async (csv_reader) => {
    const file = Buffer.from('Order ID,sku,"Qty, pcs",price,paid\n1,a,2,0.5,true\nx,b,y,1,\n');
    const rename = { 'Order ID': 'id', 'Qty, pcs': 'qty' };
    const options = { rename: JSON.stringify(rename), csv_reader };
    const job = await api.ended((await api.createJob('orders', file, {}, options)).job_id);
    expect(job).toMatchObject({ file_columns: ['Order ID', 'sku', 'Qty, pcs', 'price', 'paid'], options: { rename } });
    expect(await valuesOf(job.topics.data)).toEqual(['1,a,2,0.5,true']);
    const [rejected] = (await valuesOf(job.topics.dlq)).map((value) => JSON.parse(value) as Record<string, unknown>);
    expect(rejected).toMatchObject({ errors: [{ column: 'id' }, { column: 'qty' }], raw_data: 'x,b,y,1,' });
    const json = { ...options, value_format: 'json' };
    const second = await api.ended((await api.createJob('orders', file, {}, json)).job_id);
    expect(await valuesOf(second.topics.data)).toEqual(['{"id":1,"sku":"a","qty":2,"price":0.5,"paid":true}']);
  });

  it('of other names are found in JSON and Parquet', async () => {
    const rename = JSON.stringify({ 'Order ID': 'id' });
    const options = { rename, value_format: 'json' };
    const row = { 'Order ID': 1, sku: 'a', qty: 2, price: 0.5, paid: true };
    const job = await api.ended((await api.createJob('orders', Buffer.from(JSON.stringify(row)), {}, options)).job_id);
    expect(await valuesOf(job.topics.data)).toEqual(['{"id":1,"sku":"a","qty":2,"price":0.5,"paid":true}']);
    await api.createModel('numbered', { number: 'Int64' });
    const parquet = { rename: JSON.stringify({ id: 'number' }) };
    const other = await api.ended((await api.createJob('numbered', fixture('row-groups.parquet'), {}, parquet)).job_id);
    expect(other).toMatchObject({ state: 'SUCCESS', file_columns: ['id', 'name', 'price', 'note', 'tags'] });
    expect((await valuesOf(other.topics.data))[0]).toMatch(/^\{"number":\d+,"name":/);
  });

  it('that the file lacks fail the job', async () => {
    const options = { rename: JSON.stringify({ 'Order ID': 'id' }) };
    const file = Buffer.from('id,sku,qty,price,paid\n');
    const job = await api.ended((await api.createJob('orders', file, {}, options)).job_id);
    expect(job.error).toMatchObject({
      code: 'HEADER_MISMATCH',
      message: 'the file lacks columns that the job renames: "Order ID"',
    });
  });
});

describe('normalize', () => {
  it.each(['auto', 'reference'])('changes values before they are checked, with %s', async (csv_reader) => {
    await api.createModel(`mails-${csv_reader}`, MAILS);
    const file = Buffer.from('Mail,day\n A@B.c ,20240131\n AB ,1.2.24\n');
    const normalize = { mail: ['trim', 'lowercase'], day: ['iso_date'] };
    const rename = { Mail: 'mail' };
    const texts = { normalize: JSON.stringify(normalize), rename: JSON.stringify(rename) };
    const options = { ...texts, value_format: 'json', csv_reader };
    const job = await api.ended((await api.createJob(`mails-${csv_reader}`, file, {}, options)).job_id);
    expect(job).toMatchObject({
      state: 'PARTIAL_SUCCESS',
      options: { normalize, rename },
      file_columns: ['Mail', 'day'],
    });
    expect(await valuesOf(job.topics.data)).toEqual(['{"mail":"a@b.c","day":"2024-01-31"}']);
    const [rejected] = (await valuesOf(job.topics.dlq)).map((value) => JSON.parse(value) as Record<string, unknown>);
    expect(rejected).toMatchObject({ errors: [{ column: 'mail', observed: ' AB ' }], raw_data: ' AB ,1.2.24' });
  });

  it.each([
    ['ndjson', '{"Mail":" A@B.c ","day":"20240131"}\n{"Mail":" AB ","day":1}\n'],
    ['json', '[\n{"Mail":" A@B.c ","day":"20240131"},{"Mail":" AB ","day":1}\n]\n'],
  ])('changes the strings of %s', async (format, text) => {
    await api.createModel(`mails-${format}`, MAILS);
    const options = { ...normalized({ mail: ['trim', 'lowercase'], day: ['iso_date'] }), rename: '{"Mail":"mail"}' };
    const job = await api.ended((await api.createJob(`mails-${format}`, Buffer.from(text), {}, options)).job_id);
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', format, options: { normalize: { day: ['iso_date'] } } });
    expect(await valuesOf(job.topics.data)).toEqual(['{"mail":"a@b.c","day":"2024-01-31"}']);
    const [rejected] = (await valuesOf(job.topics.dlq)).map((value) => JSON.parse(value) as Record<string, unknown>);
    expect(rejected).toMatchObject({
      errors: [{ column: 'mail', observed: ' AB ' }],
      raw_data: '{"Mail":" AB ","day":1}',
    });
  });

  it('changes the texts of Parquet', async () => {
    const schema = { a: 'String', b: 'Nullable(Date)', e: 'Nullable(UUID)' };
    await api.createModel('untidy', schema);
    const file = readFileSync(fixture('untidy-texts.parquet'));
    const upload = async (normalize: Record<string, string[]>) =>
      api.ended((await api.createJob('untidy', file, {}, normalized(normalize))).job_id);
    const tidy = await upload({ a: ['trim', 'lowercase'], b: ['trim', 'iso_date'], e: ['trim'] });
    const untidy = await upload({ a: ['trim', 'lowercase'] });
    expect(tidy).toMatchObject({ state: 'PARTIAL_SUCCESS', format: 'parquet', totals: { rows: 300 } });
    expect(tidy.totals.ok).toBeGreaterThan(untidy.totals.ok);
    const values = (await valuesOf(tidy.topics.data)).map((value) => JSON.parse(value) as Record<string, string>);
    expect(values.filter(({ a }) => a !== a?.trim().toLowerCase())).toEqual([]);
    expect(await upload({ nowhere: ['trim'] })).toMatchObject({
      error: {
        code: 'HEADER_MISMATCH',
        message: 'neither the file nor the model has columns that the job normalizes: "nowhere"',
      },
    });
  });

  it('is refused if it could have no effect', async () => {
    const schema = { type: 'object', properties: { tags: { type: 'array' } }, additionalProperties: false };
    await api.createModel('tagged', schema);
    const create = (normalize: Record<string, string[]>): Promise<unknown> =>
      api.createJob('tagged', Buffer.from('{}'), {}, normalized(normalize));
    await expect(create({ tags: ['trim'] })).rejects.toThrow(
      "column 'tags' is an Array; only text columns can be normalized",
    );
    await expect(create({ tag: ['trim'] })).rejects.toThrow('and allows no additional columns');
  });
});

describe('value_format=json', () => {
  it.each(['auto', 'reference'])('makes an object of every accepted row, by the %s reader', async (csv_reader) => {
    const orders = makeOrders(20_000, 50);
    const options = { value_format: 'json', csv_reader };
    const job = await api.ended((await api.createJob('orders', orders.csv, {}, options)).job_id);
    expect(job).toMatchObject({
      state: 'PARTIAL_SUCCESS',
      totals: { ok: 19_600, errors: 400 },
      options: { value_format: 'json' },
    });
    const rows = Array.from({ length: 20_000 }, (_, index) => index + 1).filter((row) => row % 50 !== 0);
    expect((await valuesOf(job.topics.data)).map((value) => JSON.parse(value) as unknown)).toEqual(
      rows.map((row) => ({
        id: row,
        sku: row % 5 === 0 ? `bolt, "M${row % 12}"\nlong` : `sku-${row * 7919}`,
        qty: (row * 31) % 1000,
        price: (row % 977) / 4,
        paid: row % 3 === 0 ? null : true,
      })),
    );
    const [rejected] = (await valuesOf(job.topics.dlq)).map((value) => JSON.parse(value) as Record<string, unknown>);
    expect(rejected).toMatchObject({ row_number: 50, raw_data: '50,"bolt, ""M2""\nlong",3.5,12.5,true' });
  });

  it('keeps every digit', async () => {
    await api.createModel('exact', { n: 'UInt64', price: 'Decimal(20,4)', x: 'Float64', at: 'DateTime' });
    const file = Buffer.from('x,n,price,at,note\n+.50,018446744073709551615,+0012345678901234.5600,1672531200,é\n');
    const job = await api.ended((await api.createJob('exact', file, {}, { value_format: 'json' })).job_id);
    expect(await valuesOf(job.topics.data)).toEqual([
      '{"x":0.50,"n":18446744073709551615,"price":12345678901234.5600,"at":1672531200,"note":"é"}',
    ]);
  });
});

describe.each(['gzip', 'zstd'] as const)('compression=%s', (compression) => {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  const type = compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.ZSTD;
  const original = CompressionCodecs[type];
  let decompressed = 0;

  // Counts the batches that came compressed.
  beforeEach(() => {
    decompressed = 0;
    const codec = original() as { decompress(bytes: Buffer): Promise<Buffer> };
    CompressionCodecs[type] = () => ({
      decompress: (bytes: Buffer) => {
        decompressed += 1;
        return codec.decompress(bytes);
      },
    });
  });
  afterEach(() => {
    CompressionCodecs[type] = original;
  });

  it.each(['auto', 'reference'])('changes nothing about the rows (%s reader)', async (csv_reader) => {
    const orders = makeOrders(60_000, 20);
    const options = { compression, csv_reader };
    const job = await api.ended((await api.createJob('orders', orders.csv, {}, options)).job_id);
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', totals: { errors: 3_000 }, options: { compression } });
    await expectDelivered(brokers, job, orders);
    expect(decompressed).toBeGreaterThanOrEqual(4);
    const rejected = await fetch(`${suite.service.url}/jobs/${job.job_id}/rejected?limit=1000`);
    expect(((await rejected.json()) as { row_number: number }[]).map((row) => row.row_number)).toEqual(
      orders.rejected.slice(0, 1000),
    );
  });

  it('keeps every row once when the runner is killed', async () => {
    const orders = makeOrders(150_000, 97);
    const { job_id } = await api.createJob('orders', orders.csv, {}, { compression, csv_reader: 'reference' });
    await api.until(job_id, ({ totals }) => totals.rows > 0);
    const pid = runnerOf(suite.service, job_id);
    if (pid !== undefined && isAlive(pid)) process.kill(pid, 'SIGKILL');
    const job = await api.ended(job_id);
    expect(job.state).toBe('PARTIAL_SUCCESS');
    await expectDelivered(brokers, job, orders);
  });

  it("is read by Kafka's own console consumer", async () => {
    const rows = Array.from({ length: 2_000 }, (_, index) => `${index},sku,${index},0.5,true`);
    const file = Buffer.from(`id,sku,qty,price,paid\n${rows.join('\n')}\n`);
    const job = await api.ended((await api.createJob('orders', file, {}, { compression })).job_id);
    expect(await consumeByConsole(brokers, job.topics.data, rows.length)).toEqual(rows);
  });
});
