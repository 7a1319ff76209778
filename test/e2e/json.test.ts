import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { Job } from '../../src/jobs/domain/job.js';
import { makeJsonOrders } from '../kit/json-orders.js';
import { expectDelivered, expectPrefix, ORDERS_SCHEMA } from '../kit/orders.js';
import { isAlive, runnerOf } from '../kit/runners.js';
import { readTopic } from '../kit/topic.js';
import { useService } from '../kit/use-service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;

const suite = useService({ models: { orders: ORDERS_SCHEMA } });
const { api } = suite;

describe.each(['json', 'ndjson'] as const)('a %s file', (format) => {
  it('is detected from its content and delivered in order, byte for byte, bad rows in the DLQ', async () => {
    const orders = makeJsonOrders(format, 3_000, 10);
    const job = await api.ended((await api.createJob('orders', orders.csv)).job_id);
    expect(job).toMatchObject({
      state: 'PARTIAL_SUCCESS',
      format,
      file_columns: null,
      dialect: null,
      totals: { rows: 3_000, ok: 2_700, errors: 300 },
      progress: { bytes_done: orders.csv.length, bytes_total: orders.csv.length },
    });
    await expectDelivered(brokers, job, orders);
    const [first] = await readTopic(brokers, job.topics.dlq);
    const rejected = JSON.parse(first?.value.toString() ?? '') as { byte_offset: number; raw_data: string };
    expect(rejected).toMatchObject({
      job_id: job.job_id,
      row_number: 10,
      error: 'NOT_AN_INTEGER',
      errors: [{ column: 'qty', type: 'Int32', error: 'NOT_AN_INTEGER', observed: '3.5' }],
      raw_encoding: 'utf8',
      raw_truncated: false,
    });
    const { byte_offset: offset, raw_data: raw } = rejected;
    expect(orders.csv.subarray(offset, offset + Buffer.byteLength(raw)).toString()).toBe(raw);
  });

  it.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const)('is the same inside %s, at the places of the text inside', async (compression, compress) => {
    const orders = makeJsonOrders(format, 20_000, 50);
    const half = orders.csv.length >> 1;
    const file = Buffer.concat([orders.csv.subarray(0, half), orders.csv.subarray(half)].map((part) => compress(part)));
    const job = await api.ended((await api.createJob('orders', file)).job_id);
    expect(job).toMatchObject({
      state: 'PARTIAL_SUCCESS',
      format,
      file_compression: compression,
      size_bytes: file.length,
      totals: { rows: 20_000, ok: 19_600, errors: 400 },
      progress: { bytes_done: file.length, bytes_total: file.length },
    });
    await expectDelivered(brokers, job, orders);
    await expectPlaces(job, orders.csv, 400);
  });

  it('is the same in UTF-16, at the places that its rows have there', async () => {
    const orders = makeJsonOrders(format, 20_000, 50);
    const inWords = (text: string): string => text.replaceAll('bolt', 'Mütze 😀');
    const file = Buffer.from(`\uFEFF${inWords(`${orders.csv}`)}`, 'utf16le');
    const job = await api.ended((await api.createJob('orders', file)).job_id);
    expect(job).toMatchObject({
      state: 'PARTIAL_SUCCESS',
      format,
      encoding: 'utf-16le',
      totals: { rows: 20_000, ok: 19_600, errors: 400 },
      progress: { bytes_done: file.length, bytes_total: file.length },
    });
    await expectDelivered(brokers, job, { ...orders, accepted: orders.accepted.map(inWords) });
    await expectPlaces(job, file, 400, 'utf16le');
  });

  it('ends with every row exactly once wherever kill -9 meets its runner', async () => {
    const orders = makeJsonOrders(format, 400_000, 50);
    const { job_id } = await api.createJob('orders', orders.csv);
    const killed = new Set<number>();
    while (killed.size < 3) {
      const job = await api.until(job_id, ({ state }) => state !== 'PENDING');
      if (job.state !== 'RUNNING') break;
      const pid = runnerOf(suite.service, job_id);
      if (pid === undefined || killed.has(pid)) continue;
      await sleep(60 + 60 * killed.size); // some commits further each time
      if (isAlive(pid)) process.kill(pid, 'SIGKILL');
      killed.add(pid);
    }
    const job = await api.ended(job_id, 120_000);
    expect(killed.size).toBeGreaterThanOrEqual(1);
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', totals: { rows: 400_000, errors: 8_000 } });
    await expectDelivered(brokers, job, orders);
  });

  it('stops in its middle when it is cancelled, and goes on from there', async () => {
    const orders = makeJsonOrders(format, 400_000, 50);
    const { job_id } = await api.createJob('orders', orders.csv);
    await api.until(job_id, ({ totals, state }) => totals.rows > 0 || state === 'PARTIAL_SUCCESS');
    await api.cancel(job_id);
    const cancelled = await api.ended(job_id);
    await expectPrefix(brokers, cancelled, orders, cancelled.totals.ok, cancelled.totals.errors);
    if (cancelled.state !== 'CANCELLED') return; // it was faster
    expect((await api.resume(job_id)).status).toBe(202);
    const job = await api.ended(job_id, 120_000);
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', attempt: 2, totals: { rows: 400_000 } });
    await expectDelivered(brokers, job, orders);
  });
});

/** Every rejected row of the job stands in the text where it says. */
async function expectPlaces(job: Job, text: Buffer, count: number, encoding: 'utf8' | 'utf16le' = 'utf8') {
  const records = await readTopic(brokers, job.topics.dlq);
  const places = records.map(({ value }) => JSON.parse(`${value}`) as { byte_offset: number; raw_data: string });
  expect(places.length).toBe(count);
  for (const { byte_offset: offset, raw_data: raw } of places) {
    expect(text.toString(encoding, offset, offset + Buffer.byteLength(raw, encoding))).toBe(raw);
  }
}

describe('a model with arrays and objects', () => {
  const schema = {
    type: 'object',
    properties: {
      id: { type: 'integer' },
      items: {
        type: 'array',
        minItems: 1,
        items: { type: 'object', properties: { qty: { type: 'integer' } }, required: ['qty'] },
      },
    },
    required: ['id', 'items'],
  };

  it('checks nested values and names them by their path', async () => {
    await api.createModel('nested', schema);
    const rows = ['{"id":1,"items":[{"qty":1}]}', '{"id":2,"items":[{"qty":1},{},{"qty":"x"}]}', '{"id":3,"items":[]}'];
    const job = await api.ended((await api.createJob('nested', Buffer.from(rows.join('\n')))).job_id);
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', totals: { ok: 1, errors: 2 } });
    const rejected = await (await fetch(`${suite.service.url}/jobs/${job.job_id}/rejected`)).json();
    expect(rejected).toMatchObject([
      {
        line: 2,
        errors: [
          { column: 'items[1].qty', error: 'NULL_VALUE' },
          { column: 'items[2].qty', error: 'NOT_AN_INTEGER', observed: '"x"' },
        ],
      },
      { line: 3, errors: [{ column: 'items', type: 'Array', error: 'TOO_SHORT' }] },
    ]);
  });

  it('takes no CSV', async () => {
    const response = await api.upload('nested', Buffer.from('id,items\n1,2\n'));
    expect([response.status, await response.json()]).toMatchObject([
      400,
      {
        error: 'INVALID_OPTION',
        message: expect.stringMatching(/^format: .*'items' is an Array; send JSON, NDJSON or Parquet/),
      },
    ]);
  });
});

describe('the command line', () => {
  it('sends an NDJSON file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'batch-json-'));
    try {
      const orders = makeJsonOrders('ndjson', 30);
      const file = join(folder, 'orders.ndjson');
      await writeFile(file, orders.csv);
      const { stdout } = await promisify(execFile)('bin/batch', ['job', 'create', 'orders', file, '--wait'], {
        env: { ...process.env, BATCH_API_URL: suite.service.url },
      });
      const job = JSON.parse(stdout);
      expect(job).toMatchObject({ state: 'SUCCESS', format: 'ndjson', filename: 'orders.ndjson', totals: { ok: 30 } });
      await expectDelivered(brokers, job, orders);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
