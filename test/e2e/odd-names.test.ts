import { fixture } from '../formats/parquet/read-file.js';
import { readTopic } from '../kit/topic.js';
import { useService } from '../kit/use-service.js';

/** Columns whose names every object, or every function, has already. */
const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const SCHEMA = { constructor: 'Int32', prototype: 'Bool', toString: 'String', hasOwnProperty: 'Nullable(Date)' };
const CSV = 'hasOwnProperty,constructor,prototype,toString\n2026-11-20,1,true,a\n,x,maybe,b\nnever,2,false,c\n';
const JSON_ROWS = [
  '{"hasOwnProperty":"2026-11-20","constructor":1,"prototype":true,"toString":"a"}',
  '{"hasOwnProperty":null,"constructor":"x","prototype":"maybe","toString":"b"}',
  '{"hasOwnProperty":"never","constructor":2,"prototype":false,"toString":"c"}',
];

const suite = useService({ models: { odd: SCHEMA } });
const { api } = suite;

async function ingest(model: string, file: string | Buffer, options: Record<string, string> = {}) {
  const job = await api.ended((await api.createJob(model, file, {}, options)).job_id);
  const [accepted, rejected] = [await readTopic(brokers, job.topics.data), await readTopic(brokers, job.topics.dlq)];
  return {
    job,
    accepted: accepted.map(({ value }) => value.toString()),
    errors: rejected.map(({ value }) =>
      (JSON.parse(value.toString()) as { errors: { column: string }[] }).errors.map(({ column }) => column),
    ),
  };
}

const ERRORS = [['constructor', 'prototype'], ['hasOwnProperty']];

it.each(['auto', 'reference'])('are checked in CSV by the %s reader', async (csv_reader) => {
  const raw = await ingest('odd', Buffer.from(CSV), { csv_reader });
  expect(raw).toMatchObject({ accepted: ['2026-11-20,1,true,a'], errors: ERRORS });
  const json = await ingest('odd', Buffer.from(CSV), { csv_reader, value_format: 'json' });
  expect(json).toMatchObject({ accepted: JSON_ROWS.slice(0, 1), errors: ERRORS });
  const normalize = JSON.stringify({ toString: ['uppercase'], constructor: ['trim'] });
  const changed = await ingest('odd', Buffer.from(CSV), { csv_reader, value_format: 'json', normalize });
  expect(changed.accepted).toEqual([JSON_ROWS[0]?.replace('"a"', '"A"')]);
});

it.each([
  ['NDJSON', JSON_ROWS.join('\n')],
  ['JSON', `[${JSON_ROWS.join(',')}]`],
])('are checked in %s', async (_format, text) => {
  for (const value_format of ['raw', 'json']) {
    const { accepted, errors } = await ingest('odd', Buffer.from(text), { value_format });
    expect(accepted).toEqual(JSON_ROWS.slice(0, 1));
    expect(errors.map((columns) => columns.toSorted())).toEqual(ERRORS);
  }
});

it('are checked in Parquet', async () => {
  await api.createModel('parquet', {
    constructor: 'Int64',
    prototype: 'Nullable(String)',
    toString: 'Nullable(Float64)',
  });
  const rename = JSON.stringify({ id: 'constructor', name: 'prototype', price: 'toString' });
  const { job, accepted } = await ingest('parquet', fixture('row-groups.parquet'), { rename });
  expect(job).toMatchObject({ state: 'SUCCESS' });
  expect(accepted[0]).toMatch(/^\{"constructor":\d+,"prototype":.+,"toString":/);
  await api.createModel('bools', { constructor: 'Bool' });
  const renamed = { rename: JSON.stringify({ id: 'constructor' }) };
  expect((await ingest('bools', fixture('row-groups.parquet'), renamed)).job.error?.code).toBe('HEADER_MISMATCH');
});
