import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Api } from '../kit/api.js';
import { type Broker, startBroker } from '../kit/kafka-broker.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type Service, startService } from '../kit/service.js';

const folder = mkdtempSync(join(tmpdir(), 'batch-timeout-'));
let broker: Broker;
let service: Service;

beforeAll(async () => {
  const properties = join(folder, 'broker.properties');
  writeFileSync(properties, 'transaction.max.timeout.ms=10000\n');
  broker = await startBroker({ properties });
  service = await startService({ brokers: broker.brokers });
});

afterAll(async () => {
  await service.stop();
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('a broker that allows transactions of ten seconds', () => {
  it('gets the rows', async () => {
    const orders = makeOrders(1_000, 7);
    const api = new Api(service.url);
    await api.createModel('orders', ORDERS_SCHEMA);
    const job = await api.ended((await api.createJob('orders', orders.csv)).job_id);
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', error: null });
    await expectDelivered(broker.brokers, job, orders);
  });
});
