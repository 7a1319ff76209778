import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expectDelivered, expectPrefix, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { runnerOf } from '../kit/runners.js';
import { useService } from '../kit/use-service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const ORDERS = makeOrders(300_000, 101);
const MAX_DECOMPRESSED = 30_000_000;

const suite = useService({
  models: { orders: ORDERS_SCHEMA },
  env: { MAX_DECOMPRESSED_BYTES: String(MAX_DECOMPRESSED) },
});
const { api } = suite;

describe.each([
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
] as const)('a %s file', (format, compress) => {
  it('is delivered row by row, and shown as the file that it is', async () => {
    const file = Buffer.concat(
      [ORDERS.csv.subarray(0, 1_000_001), ORDERS.csv.subarray(1_000_001)].map((part) => compress(part)),
    );
    const job = await api.ended((await api.createJob('orders', file)).job_id);
    expect(job).toMatchObject({
      state: 'PARTIAL_SUCCESS',
      format: 'csv',
      file_compression: format,
      size_bytes: file.length,
      progress: { bytes_done: file.length, bytes_total: file.length },
      totals: { rows: 300_000, errors: ORDERS.rejected.length },
    });
    await expectDelivered(brokers, job, ORDERS);
  });

  it('ends with every row exactly once after kill -9', async () => {
    const { job_id } = await api.createSlowJob('orders', compress(ORDERS.csv));
    const killed = new Set<number>();
    while (killed.size < 3) {
      const job = await api.until(job_id, ({ state }) => state !== 'PENDING');
      if (job.state !== 'RUNNING') break;
      const pid = runnerOf(suite.service, job_id);
      if (pid === undefined || killed.has(pid)) continue;
      await sleep(150 + 40 * killed.size);
      process.kill(pid, 'SIGKILL');
      killed.add(pid);
    }
    const job = await api.ended(job_id, 120_000);
    expect(killed.size).toBeGreaterThanOrEqual(2);
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', totals: { rows: 300_000 } });
    await expectDelivered(brokers, job, ORDERS);
  });

  it('that is cut off fails, and says what is committed', async () => {
    const file = compress(ORDERS.csv);
    const job = await api.ended((await api.createSlowJob('orders', file.subarray(0, -100))).job_id);
    expect(job).toMatchObject({ state: 'FAILED', error: { code: 'FILE_CORRUPT' } });
    const { rows, ok, errors } = job.totals;
    const stated = rows === 0 ? 'no row is committed' : `its first ${rows} rows are committed`;
    expect(job.error?.message).toMatch(`the ${format} data is damaged or cut off`);
    expect(job.error?.message).toMatch(stated);
    await expectPrefix(brokers, job, ORDERS, ok, errors);
    expect((await api.resume(job.job_id)).status).toBe(409);
  });

  it('that is a bomb fails within its bounds, and the service goes on', async () => {
    const bomb = compress(
      Buffer.concat([Buffer.from('id,sku,qty,price,paid\n'), Buffer.alloc(200_000_000, '1,a,1,1,\n')]),
    );
    expect(bomb.length).toBeLessThan(1_000_000);
    const job = await api.ended((await api.createJob('orders', bomb)).job_id);
    expect(job).toMatchObject({ state: 'FAILED', error: { code: 'FILE_TOO_COMPLEX' } });
    expect(job.error?.message).toMatch(`${MAX_DECOMPRESSED} bytes`);
    expect(job.totals.rows).toBeLessThanOrEqual(MAX_DECOMPRESSED / 9);
    const next = makeOrders(100);
    const after = await api.ended((await api.createJob('orders', compress(next.csv))).job_id);
    expect(after.state).toBe('SUCCESS');
  });
});
