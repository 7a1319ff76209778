import { Api } from '../kit/api.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type Service, startService } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const UPLOADS = 32;
let service: Service;

beforeAll(async () => {
  service = await startService({ brokers });
});
afterAll(() => service.stop());

it('32 uploads at once all become jobs, and each delivers its own rows', async () => {
  const api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
  // They have different lengths, so that rows in the wrong topic would be seen.
  const files = Array.from({ length: UPLOADS }, (_, index) => makeOrders(200 + index));
  const jobs = await Promise.all(files.map(({ csv }) => api.createJob('orders', csv)));
  expect(new Set(jobs.map(({ job_id }) => job_id)).size).toBe(UPLOADS);
  for (const [index, orders] of files.entries()) {
    const job = await api.ended((jobs[index] as (typeof jobs)[number]).job_id);
    const rows = 200 + index;
    expect(job).toMatchObject({ state: 'SUCCESS', totals: { rows, ok: rows, errors: 0 } });
    await expectDelivered(brokers, job, orders);
  }
});
