import { setTimeout as sleep } from 'node:timers/promises';
import { committedRecords } from '../../scripts/lib/topic-reader.mjs';
import { type ConsumedRecord, recordViolations } from '../asyncapi/document.js';
import { consumeByConsole } from '../kit/console-consumer.js';
import { makeJsonOrders } from '../kit/json-orders.js';
import { expectDelivered, expectPrefix, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { isAlive, runnerOf } from '../kit/runners.js';
import { readTopic } from '../kit/topic.js';
import { useService } from '../kit/use-service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const ROWS = 500_000;
/** Long enough for several transactions, so that a kill meets committed and uncommitted rows. */
const LONG = makeOrders(ROWS, 97);

const suite = useService({ models: { orders: ORDERS_SCHEMA } });
const { api } = suite;

async function killRunner(jobId: string): Promise<void> {
  const pid = runnerOf(suite.service, jobId);
  if (pid !== undefined && isAlive(pid)) process.kill(pid, 'SIGKILL');
}

describe('a clean run', () => {
  it('delivers every row of a good file, byte for byte and in order', async () => {
    const orders = makeOrders(5_000);
    const job = await api.ended((await api.createJob('orders', orders.csv)).job_id);
    expect(job).toMatchObject({
      state: 'SUCCESS',
      totals: { rows: 5_000, ok: 5_000, errors: 0 },
      file_columns: ['id', 'sku', 'qty', 'price', 'paid'],
      progress: { bytes_done: orders.csv.length, bytes_total: orders.csv.length },
      error: null,
      attempt: 1,
    });
    expect(job.end_offsets?.data).toBeGreaterThanOrEqual(5_000);
    await expectDelivered(brokers, job, orders);
  });

  it('puts rejected rows into the DLQ with place, reason and raw bytes', async () => {
    const orders = makeOrders(300, 10);
    const job = await api.ended((await api.createJob('orders', orders.csv)).job_id);
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', totals: { rows: 300, ok: 270, errors: 30 } });
    await expectDelivered(brokers, job, orders);
    const [first] = await readTopic(brokers, job.topics.dlq);
    const rejected = JSON.parse(first?.value.toString() ?? '') as Record<string, unknown>;
    const offset = orders.csv.indexOf('\n10,') + 1;
    expect(rejected).toMatchObject({
      job_id: job.job_id,
      row_number: 10,
      byte_offset: offset,
      line: orders.csv.subarray(0, offset).toString().split('\n').length,
      error: 'NOT_AN_INTEGER',
      errors: [{ column: 'qty', type: 'Int32', error: 'NOT_AN_INTEGER', observed: '3.5' }],
      raw_data: '10,"bolt, ""M10""\nlong",3.5,2.5,true',
      raw_encoding: 'utf8',
      raw_truncated: false,
    });
  });

  it('accepts a header without rows, and fails a file that is rejected as a whole', async () => {
    const empty = await api.ended((await api.createJob('orders', Buffer.from('id,sku,qty,price,paid\n'))).job_id);
    expect(empty).toMatchObject({ state: 'SUCCESS', totals: { rows: 0 }, end_offsets: { data: 0, dlq: 0 } });
    const bad = makeOrders(20, 1);
    const failed = await api.ended((await api.createJob('orders', bad.csv)).job_id);
    expect(failed).toMatchObject({
      state: 'FAILED',
      error: { code: 'ALL_ROWS_REJECTED' },
      totals: { ok: 0, errors: 20 },
    });
    await expectDelivered(brokers, failed, bad);
  });

  it('fails a file with a foreign header before it produces a row', async () => {
    const job = await api.ended((await api.createJob('orders', Buffer.from('id,name\n1,x\n'))).job_id);
    expect(job).toMatchObject({ state: 'FAILED', error: { code: 'HEADER_MISMATCH' }, totals: { rows: 0 } });
    expect(job.error?.message).toMatch(/missing columns: "sku", "qty", "price".*unexpected columns: "name"/);
    expect(await readTopic(brokers, job.topics.data)).toEqual([]);
  });

  it("is read by Kafka's own console consumer", async () => {
    const orders = makeOrders(50);
    const lines = orders.accepted.filter((row) => !row.includes('\n'));
    const csv = Buffer.from(`id,sku,qty,price,paid\n${lines.join('\n')}\n`);
    const job = await api.ended((await api.createJob('orders', csv)).job_id);
    expect(await consumeByConsole(brokers, job.topics.data, lines.length)).toEqual(lines);
  });

  it('makes one job of a repeated Idempotency-Key, also when both requests run at once', async () => {
    const orders = makeOrders(100);
    const headers = { 'idempotency-key': `once-${Date.now()}` };
    const [a, b] = await Promise.all([
      api.upload('orders', orders.csv, headers),
      api.upload('orders', orders.csv, headers),
    ]);
    const jobs = (await Promise.all([a, b].map((response) => response.json()))) as { job_id: string }[];
    expect([a.status, b.status].toSorted()).toEqual([200, 202]);
    expect(jobs[0]?.job_id).toBe(jobs[1]?.job_id);
    const again = await api.upload('orders', orders.csv, headers);
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, 'true']);
    const other = await api.upload('orders', makeOrders(101).csv, headers);
    expect([other.status, ((await other.json()) as { error: string }).error]).toEqual([409, 'IDEMPOTENCY_KEY_REUSED']);
  });
});

describe('the records of a job', () => {
  async function recordsOf(topic: string): Promise<ConsumedRecord[]> {
    const records: ConsumedRecord[] = [];
    for await (const record of committedRecords(brokers, topic)) records.push(record);
    return records;
  }
  const expectTaken = (name: string, records: ConsumedRecord[]): void => {
    expect(records.length).toBeGreaterThan(0);
    expect(records.flatMap((record) => recordViolations(name, record))).toEqual([]);
  };

  it.each([
    ['CSV', 'Line', makeOrders(50, 9), {}],
    ['CSV as JSON', 'RowObject', makeOrders(50, 9), { value_format: 'json' }],
    ['NDJSON', 'RowObject', makeJsonOrders('ndjson', 50, 9), {}],
  ] as const)('are what asyncapi/batch.yml says: %s', async (_, accepted, orders, options) => {
    const { job_id, topics } = await api.ended((await api.createJob('orders', orders.csv, {}, options)).job_id);
    expectTaken(accepted, await recordsOf(topics.data));
    expectTaken('RejectedRow', await recordsOf(topics.dlq));

    expect((await fetch(`${api.url}/jobs/${job_id}?purge=true&force=true`, { method: 'DELETE' })).status).toBe(202);
    let changes: ConsumedRecord[] = [];
    for (const deadline = Date.now() + 60_000; changes.at(-1)?.value !== null; await sleep(50)) {
      expect(Date.now()).toBeLessThan(deadline);
      const all = await recordsOf(`${suite.service.topicPrefix}.jobs`);
      changes = all.filter(({ key }) => key?.toString() === job_id);
    }
    expectTaken('Job', changes.slice(0, -1));
    expectTaken('Purged', changes.slice(-1));
  });
});

describe('a job whose runner is killed', () => {
  it('ends with every row exactly once after several kill -9', async () => {
    const { job_id } = await api.createSlowJob('orders', LONG.csv);
    const killed = new Set<number>();
    while (killed.size < 4) {
      const job = await api.until(job_id, ({ state }) => state !== 'PENDING');
      if (job.state !== 'RUNNING') break;
      const pid = runnerOf(suite.service, job_id);
      if (pid === undefined || killed.has(pid)) continue;
      await sleep(150 + 40 * killed.size); // long enough for some commits, at another place each time
      process.kill(pid, 'SIGKILL');
      killed.add(pid);
    }
    const job = await api.ended(job_id, 120_000);
    expect(killed.size).toBeGreaterThanOrEqual(3);
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', totals: { rows: ROWS, errors: LONG.rejected.length } });
    await expectDelivered(brokers, job, LONG);
  });
});

describe('a job that the fast reader takes', () => {
  it('ends with every row exactly once wherever a kill -9 meets it', async () => {
    const orders = makeOrders(200_000, 50);
    for (const delay of [0, 15, 30, 45, 60]) {
      const { job_id } = await api.createJob('orders', orders.csv);
      await api.until(job_id, ({ state }) => state !== 'PENDING');
      await sleep(delay);
      await killRunner(job_id);
      const job = await api.ended(job_id, 120_000);
      expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', totals: { rows: 200_000, errors: 4_000 } });
      await expectDelivered(brokers, job, orders);
    }
  });
});

describe('cancel and resume', () => {
  it('stops with what is committed, a prefix of the file, and goes on from there', async () => {
    const { job_id } = await api.createSlowJob('orders', LONG.csv);
    await api.until(job_id, ({ totals }) => totals.rows > 0);
    const response = await api.cancel(job_id);
    expect(response.status).toBe(202);
    const cancelled = await api.ended(job_id);
    expect(cancelled.state).toBe('CANCELLED');
    expect(cancelled.totals.rows).toBeLessThan(ROWS);
    await expectPrefix(brokers, cancelled, LONG, cancelled.totals.ok, cancelled.totals.errors);
    expect((await api.cancel(job_id)).status).toBe(200);

    expect((await api.resume(job_id)).status).toBe(202);
    const job = await api.ended(job_id, 120_000);
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', attempt: 2, topics: cancelled.topics });
    await expectDelivered(brokers, job, LONG);
    expect((await api.cancel(job_id)).status).toBe(409);
    expect((await api.resume(job_id)).status).toBe(409);
  });

  it('keeps its word when a cancel races the end of the file', async () => {
    const orders = makeOrders(2_000, 7);
    for (const delay of [0, 5, 10, 20, 30, 40, 60, 80]) {
      const { job_id } = await api.createJob('orders', orders.csv);
      await sleep(delay);
      await api.cancel(job_id);
      const job = await api.ended(job_id);
      expect(['CANCELLED', 'PARTIAL_SUCCESS']).toContain(job.state);
      expect(job.totals.rows).toBe(job.totals.ok + job.totals.errors);
      await expectPrefix(brokers, job, orders, job.totals.ok, job.totals.errors);
      if (job.state === 'PARTIAL_SUCCESS') expect(job.totals.rows).toBe(2_000);
    }
  });
});

describe('the API process', () => {
  it('takes its jobs up again after a kill -9', async () => {
    const { job_id } = await api.createSlowJob('orders', LONG.csv);
    await api.until(job_id, ({ totals }) => totals.rows > 0);
    await killRunner(job_id);
    await suite.restart('SIGKILL');
    const job = await api.ended(job_id, 120_000);
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', attempt: 1, totals: { rows: ROWS } });
    await expectDelivered(brokers, job, LONG);
  });

  it('lets runners finish their transaction on SIGTERM, and goes on after a restart', async () => {
    const { job_id } = await api.createSlowJob('orders', LONG.csv);
    await api.until(job_id, ({ totals }) => totals.rows > 0);
    await suite.restart('SIGTERM');
    const job = await api.ended(job_id, 120_000);
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', totals: { rows: ROWS } });
    await expectDelivered(brokers, job, LONG);
  });
});
