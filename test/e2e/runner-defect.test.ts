import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Api } from '../kit/api.js';
import { type Broker, startBroker } from '../kit/kafka-broker.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type Service, startService } from '../kit/service.js';

const folder = mkdtempSync(join(tmpdir(), 'batch-defect-'));
let broker: Broker;
let service: Service;

beforeAll(async () => {
  broker = await startBroker();
  service = await startService({
    brokers: broker.brokers,
    env: { BROKEN_RUNNERS: folder, NODE_OPTIONS: `--require=${resolve('test/kit/broken-runner.cjs')}` },
  });
});

afterAll(async () => {
  await service.stop();
  await broker.stop();
  rmSync(folder, { recursive: true });
});

it('a defect in a runner ends that runner with the error in the log, and the job goes on in another', async () => {
  const api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
  writeFileSync(join(folder, 'defect-at-header'), '');
  const orders = makeOrders(200);
  const job = await api.ended((await api.createJob('orders', orders.csv)).job_id);
  expect(job).toMatchObject({ state: 'SUCCESS', error: null });
  expect(readdirSync(folder)).toEqual([]);
  await expectDelivered(broker.brokers, job, orders);
  const [line, ...others] = service
    .log()
    .split('\n')
    .filter((each) => each.includes('planted'));
  expect(JSON.parse(line!)).toMatchObject({ level: 'fatal', job_id: job.job_id, err: { type: 'TypeError' } });
  expect(others).toEqual([]);
});
