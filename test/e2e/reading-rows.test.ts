import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { useService } from '../kit/use-service.js';

/** The program of docs/reading-rows.md, as it stands there. */
const PAGE = readFileSync(new URL('../../docs/reading-rows.md', import.meta.url), 'utf8');
const PROGRAM = /```js\n(.+?)```/s.exec(PAGE)?.[1] ?? '';
const brokers = process.env['E2E_KAFKA_BROKERS'] as string;

const suite = useService({ models: { orders: ORDERS_SCHEMA } });
const { api } = suite;

async function read(jobId: string): Promise<string> {
  const env = { ...process.env, BATCH_API_URL: suite.service.url, KAFKA_BROKERS: brokers };
  const args = ['--input-type=module', '--eval', PROGRAM, jobId];
  return (await promisify(execFile)(process.execPath, args, { env, maxBuffer: 1024 ** 3 })).stdout;
}

it.each([
  ['some rows', 1_000, 4],
  ['rows of many transactions', 200_000, 50],
])('the example of a reader gets %s, once, and ends', async (_what, count, every) => {
  const orders = makeOrders(count, every);
  const job = await api.ended((await api.createJob('orders', orders.csv)).job_id);
  expect(job.state).toBe('PARTIAL_SUCCESS');
  // Compared as a whole: what differs is too long to be shown.
  expect((await read(job.job_id)) === `${orders.accepted.join('\n')}\n`).toBe(true);
});

it('the example of a reader ends at once where no row was accepted', async () => {
  const { job_id, end_offsets } = await api.ended((await api.createJob('orders', makeOrders(0).csv)).job_id);
  expect([end_offsets, await read(job_id)]).toEqual([{ data: 0, dlq: 0 }, '']);
});
