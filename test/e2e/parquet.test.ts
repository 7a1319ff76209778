import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../../src/jobs/domain/job.js';
import { fixture } from '../formats/parquet/read-file.js';
import { makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { isAlive, runnerOf } from '../kit/runners.js';
import { readTopic } from '../kit/topic.js';
import { useService } from '../kit/use-service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const MANY_ROWS = 600_000;

const suite = useService({
  models: { any: { type: 'object' }, orders: ORDERS_SCHEMA, ids: { id: 'UInt32', half: 'Decimal(12,1)' } },
});
const { api } = suite;

async function valuesOf(job: Job): Promise<string[]> {
  return (await readTopic(brokers, job.topics.data)).map(({ value }) => value.toString());
}

async function endOf(model: string, name: string): Promise<Job> {
  return api.ended((await api.createJob(model, fixture(name))).job_id);
}

describe('a Parquet file', () => {
  it('is delivered as JSON objects in its order', async () => {
    const job = await endOf('any', 'row-groups.parquet');
    const rows = readFileSync(fixture('row-groups.jsonl'), 'utf8').split('\n').slice(0, -1);
    expect(job).toMatchObject({
      state: 'SUCCESS',
      format: 'parquet',
      dialect: null,
      file_columns: ['id', 'name', 'price', 'note', 'tags'],
      totals: { rows: rows.length, ok: rows.length, errors: 0 },
      progress: { bytes_done: job.size_bytes, bytes_total: job.size_bytes },
    });
    expect(await valuesOf(job)).toEqual(rows);
  });

  it('has its bad rows in the DLQ, with their number and JSON', async () => {
    await api.createModel('strict', { type: 'object', properties: { id: { type: 'integer', maximum: 3 } } });
    const job = await endOf('strict', 'rejects.parquet');
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', totals: { rows: 6, ok: 1, errors: 5 } });
    const [first] = (await readTopic(brokers, job.topics.dlq)).map(({ value }) => JSON.parse(value.toString()));
    expect(first).toMatchObject({
      row_number: 2,
      line: null,
      byte_offset: null,
      error: 'OUT_OF_RANGE',
      raw_encoding: 'utf8',
      raw_truncated: false,
    });
    expect(JSON.parse(first.raw_data)).toMatchObject({ id: 2147483648, code: 'ab' });
  });

  it('has its lists, structs and maps checked by the arrays and objects of a model', async () => {
    const item = {
      type: 'object',
      properties: { sku: { type: 'string' }, qty: { type: 'integer', maximum: 100 } },
      required: ['sku'],
    };
    const attrs = { type: 'object', properties: { color: { type: 'string' } }, required: ['color'] };
    const properties = { items: { type: 'array', items: item, maxItems: 4 }, attrs };
    await api.createModel('nested', { type: 'object', properties });
    const job = await endOf('nested', 'nested-rejects.parquet');
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', totals: { rows: 14, ok: 5, errors: 9 } });
    const rejected = (await readTopic(brokers, job.topics.dlq)).map(({ value }) => JSON.parse(value.toString()));
    expect(rejected.map(({ row_number, errors: [{ column, error }] }) => [row_number, column, error])).toEqual([
      [4, 'items[1]', 'NULL_VALUE'],
      [5, 'items[0].sku', 'NULL_VALUE'],
      [6, 'items[1].ratio', 'NOT_A_NUMBER'],
      [7, 'items', 'TOO_LONG'],
      [8, 'attrs.color', 'NULL_VALUE'],
      [9, 'attrs.color', 'NULL_VALUE'],
      [11, 'attrs.color', 'DUPLICATE_KEY'],
      [12, 'extra[1][1]', 'NOT_A_NUMBER'],
      [14, 'by_day.2024-01-02', 'DUPLICATE_KEY'],
    ]);
    const values = await valuesOf(job);
    expect(values.slice(1, 3)).toEqual([
      '{"items":null,"attrs":null,"by_day":null,"extra":[[1],null,[]]}',
      '{"items":[],"attrs":{"color":"red"},"by_day":{},"extra":[]}',
    ]);
  });

  it('whose types inside do not fit fails with the places', async () => {
    const items = {
      type: 'array',
      items: { type: 'object', properties: { sku: { type: 'boolean' }, qty: { type: 'array' } } },
    };
    await api.createModel('unfit', { type: 'object', properties: { items, attrs: { type: 'array' } } });
    expect(await endOf('unfit', 'nested-rejects.parquet')).toMatchObject({
      state: 'FAILED',
      error: {
        code: 'HEADER_MISMATCH',
        message: 'columns of another type: "items[].qty" is INT32, not Array, "attrs" is MAP, not Array',
      },
    });
  });

  it('whose columns do not fit the model fails with all differences, and without a row', async () => {
    const job = await endOf('orders', 'row-groups.parquet');
    expect(job).toMatchObject({ state: 'FAILED', error: { code: 'HEADER_MISMATCH' }, totals: { rows: 0 } });
    expect(job.error?.message).toContain('missing columns: "sku", "qty"');
  });

  it('ends with every row exactly once after kill -9', async () => {
    const { job_id } = await api.createJob('ids', fixture('many.parquet'));
    const killed = new Set<number>();
    while (killed.size < 4) {
      const job = await api.until(job_id, ({ state }) => state !== 'PENDING');
      if (job.state !== 'RUNNING') break;
      const pid = runnerOf(suite.service, job_id);
      if (pid === undefined || killed.has(pid)) {
        await sleep(5);
        continue;
      }
      await sleep(150 + 50 * killed.size);
      if (!isAlive(pid)) break; // it had finished
      process.kill(pid, 'SIGKILL');
      killed.add(pid);
    }
    const job = await api.ended(job_id, 120_000);
    expect(killed.size).toBeGreaterThanOrEqual(2);
    expect(job).toMatchObject({ state: 'SUCCESS', totals: { rows: MANY_ROWS, ok: MANY_ROWS } });
    const values = await valuesOf(job);
    const wrong = values.findIndex((value, i) => value !== `{"id":${i},"half":${(i / 2).toFixed(1)}}`);
    expect([values.length, wrong]).toEqual([MANY_ROWS, -1]);
  });

  it('leaves no runner that read it behind', async () => {
    const { job_id } = await endOf('any', 'codec-zstd.parquet');
    const pid = runnerOf(suite.service, job_id) as number;
    const next = await api.ended((await api.createJob('any', Buffer.from('a\n1\n'))).job_id);
    expect(runnerOf(suite.service, next.job_id)).not.toBe(pid);
  });

  it('that is a bomb fails by itself: the service and the job beside it do not notice', async () => {
    const orders = makeOrders(100_000);
    const beside = await api.createSlowJob('orders', orders.csv);
    const bomb = await endOf('any', 'bomb-dictionary.parquet');
    expect(bomb).toMatchObject({ state: 'FAILED', error: { code: 'FILE_TOO_COMPLEX' }, totals: { rows: 0 } });
    expect((await fetch(`${suite.service.url}/healthz`)).status).toBe(200);
    expect(await api.ended(beside.job_id)).toMatchObject({ state: 'SUCCESS', totals: { rows: 100_000, ok: 100_000 } });
    // The decoder's own ceiling held: no runner had to be killed.
    expect(suite.service.log().includes('of memory, above RUNNER_MAX_RSS_BYTES')).toBe(false);
  });

  it('of one value that no record holds has it rejected', async () => {
    const job = await endOf('any', 'bomb-value.parquet');
    expect(job).toMatchObject({
      state: 'FAILED',
      error: { code: 'ALL_ROWS_REJECTED' },
      totals: { rows: 1, errors: 1 },
    });
    const [row] = (await readTopic(brokers, job.topics.dlq)).map(({ value }) => JSON.parse(value.toString()));
    expect(row).toMatchObject({ error: 'ROW_TOO_LARGE', raw_truncated: true });
  });

  it('that is cut off fails as corrupt', async () => {
    const whole = readFileSync(fixture('row-groups.parquet'));
    const job = await api.ended((await api.createJob('any', whole.subarray(0, -1))).job_id);
    expect(job).toMatchObject({ state: 'FAILED', error: { code: 'FILE_CORRUPT' } });
  });
});
