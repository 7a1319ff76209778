import type { Job } from '../../src/jobs/domain/job.js';
import { expectEqual } from './expect-equal.js';
import { readTopic } from './topic.js';

export const ORDERS_SCHEMA = { id: 'UInt64', sku: 'String', qty: 'Int32', price: 'Float64', paid: 'Nullable(Bool)' };

/** A file of rows whose right decision is known from how they were made, not from our reader. */
export interface Orders {
  csv: Buffer;
  /** Values of the data topic, in order. */
  accepted: string[];
  /** Row numbers in the DLQ, in order. */
  rejected: number[];
}

const HEADER = 'id,sku,qty,price,paid\n';

/** Every `badEvery`-th row has a quantity that is not an integer; every fifth has a quoted field with commas and quotes. */
export function makeOrders(rows: number, badEvery = 0): Orders {
  const lines: string[] = [];
  const orders: Orders = { csv: Buffer.alloc(0), accepted: [], rejected: [] };
  for (let row = 1; row <= rows; row++) {
    const isBad = badEvery > 0 && row % badEvery === 0;
    const sku = row % 5 === 0 ? `"bolt, ""M${row % 12}""\nlong"` : `sku-${row * 7919}`;
    const line = `${row},${sku},${isBad ? '3.5' : (row * 31) % 1000},${(row % 977) / 4},${row % 3 === 0 ? '' : 'true'}`;
    lines.push(line);
    if (isBad) orders.rejected.push(row);
    else orders.accepted.push(line);
  }
  orders.csv = Buffer.from(`${HEADER}${lines.join('\n')}\n`);
  return orders;
}

/** Fails with the first difference: a lost, doubled, changed or reordered row in either topic. */
export async function expectDelivered(brokers: string, job: Job, orders: Orders): Promise<void> {
  await expectPrefix(brokers, job, orders, orders.accepted.length, orders.rejected.length);
}

/** The topics hold exactly the first `ok` accepted and the first `errors` rejected rows. */
export async function expectPrefix(
  brokers: string,
  job: Job,
  orders: Orders,
  ok: number,
  errors: number,
): Promise<void> {
  const data = await readTopic(brokers, job.topics.data);
  const values = data.map(({ value }) => value.toString());
  const at = values.findIndex((value, index) => value !== orders.accepted[index]);
  if (at >= 0) throw new Error(`${job.topics.data}: record ${at} is ${values[at]}, not ${orders.accepted[at]}`);
  expect(values.length).toBe(ok);
  const dlq = await readTopic(brokers, job.topics.dlq);
  const rows = dlq.map(({ value }) => (JSON.parse(value.toString()) as { row_number: number }).row_number);
  expectEqual(rows, orders.rejected.slice(0, errors));
  if (job.end_offsets !== null) {
    expect(job.end_offsets).toEqual({
      data: data.length === 0 ? 0 : (data.at(-1)?.offset ?? 0) + 1,
      dlq: dlq.length === 0 ? 0 : (dlq.at(-1)?.offset ?? 0) + 1,
    });
  }
}
