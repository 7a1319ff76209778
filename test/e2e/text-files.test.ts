import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { readTopic } from '../kit/topic.js';
import { useService } from '../kit/use-service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;

const suite = useService({ models: { orders: ORDERS_SCHEMA } });
const { api } = suite;

describe('a text file', () => {
  it.each(['auto', 'reference'])(
    'in UTF-16 is delivered in UTF-8, with the offsets that it has itself (%s)',
    async (csv_reader) => {
      const orders = makeOrders(20_000, 50);
      const text = `\uFEFF${orders.csv.toString().replaceAll('bolt', 'Mütze 😀')}`;
      const file = Buffer.from(text, 'utf16le');
      const job = await api.ended((await api.createJob('orders', file, {}, { csv_reader })).job_id);
      expect(job).toMatchObject({
        state: 'PARTIAL_SUCCESS',
        encoding: 'utf-16le',
        totals: { rows: 20_000, errors: 400 },
        progress: { bytes_done: file.length, bytes_total: file.length },
      });
      const accepted = orders.accepted.map((row) => row.replaceAll('bolt', 'Mütze 😀'));
      await expectDelivered(brokers, job, { ...orders, accepted });
      const last = (await readTopic(brokers, job.topics.dlq)).at(-1);
      const { byte_offset, raw_data } = JSON.parse(`${last?.value}`) as { byte_offset: number; raw_data: string };
      expect(byte_offset).toBe(2 * text.indexOf(raw_data));
    },
  );

  it.each<[string, string, (id: number, qty: string) => string]>([
    ['csv', 'auto', (id, qty) => `${id},\0,${qty},1.5,\n`],
    ['csv', 'reference', (id, qty) => `${id},\0,${qty},1.5,\n`],
    ['ndjson', '', (id, qty) => `{"id":${id},"sku":"${qty}","qty":1,"price":1.5}\n`],
    ['json', '', (id, qty) => `,{"id":${id},"sku":"${qty}","qty":1,"price":1.5}`],
  ])('of %s may have NUL bytes in the same rows wherever they stand (%s)', async (format, csv_reader, row) => {
    // The first row stands in the beginning that is read for detection, the last far behind it.
    const at = [0, 9_999];
    const rows = Array.from({ length: 10_000 }, (_, id) => row(id, at.includes(id) ? '1\0' : '1')).join('');
    const text = { csv: `id,sku,qty,price,paid\n${rows}`, ndjson: rows, json: `[${rows.slice(1)}]` }[format];
    const options = { format, ...(csv_reader !== '' && { csv_reader }) };
    const job = await api.ended((await api.createJob('orders', Buffer.from(`${text}`), {}, options)).job_id);
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', totals: { rows: 10_000, errors: 2 } });
    const error = format === 'csv' ? 'NOT_AN_INTEGER' : 'MALFORMED_JSON';
    expect((await readTopic(brokers, job.topics.dlq)).map(({ value }) => JSON.parse(`${value}`))).toMatchObject(
      at.map((index) => ({ row_number: index + 1, error })),
    );
  });

  it('of semicolons is told from its first rows', async () => {
    const file = Buffer.from('id;sku;qty;price;paid\n1;"a;b,c";2;1.5;true\n2;c;x;1;\n');
    const job = await api.ended((await api.createJob('orders', file, {}, { delimiter: 'auto' })).job_id);
    expect(job).toMatchObject({
      state: 'PARTIAL_SUCCESS',
      dialect: { delimiter: ';' },
      file_columns: ['id', 'sku', 'qty', 'price', 'paid'],
    });
    expect((await readTopic(brokers, job.topics.data)).map(({ value }) => `${value}`)).toEqual([
      '1;"a;b,c";2;1.5;true',
    ]);
  });

  it.each([
    ['auto', 'kernel'],
    ['reference', 'reference'],
  ])('in another dialect is delivered (%s)', async (csv_reader, reader) => {
    const rows = Array.from({ length: 5_000 }, (_, id) => `# "${id}\n ${id} |"a\\"b\\|"| 2|1.5|\n`);
    const file = Buffer.from(`Report\nid|sku|qty|price|paid\n${rows.join('')}5|"a""b"|2|1.5|\n`);
    const dialect = { delimiter: '|', escape: '\\', comment: '#', skip_lines: '1', trim: 'true' };
    const options = { ...dialect, value_format: 'json', csv_reader };
    const job = await api.ended((await api.createJob('orders', file, {}, options)).job_id);
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', totals: { rows: 5_001, errors: 1 } });
    expect((await readTopic(brokers, job.topics.data)).map(({ value }) => `${value}`)).toEqual(
      rows.map((_, id) => `{"id":${id},"sku":"a\\"b|","qty":2,"price":1.5,"paid":null}`),
    );
    const [rejected] = await readTopic(brokers, job.topics.dlq);
    expect(JSON.parse(`${rejected?.value}`)).toMatchObject({ error: 'STRAY_QUOTE', line: 10_003, row_number: 5_001 });
    const started = suite.service
      .log()
      .split('\n')
      .find((line) => line.includes(job.job_id) && line.includes('Started processing file'));
    expect(JSON.parse(started ?? '')).toMatchObject({ reader });
  });
});
