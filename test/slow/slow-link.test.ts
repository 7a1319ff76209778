import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Api } from '../kit/api.js';
import { type Broker, startBroker } from '../kit/kafka-broker.js';
import { alterConfigs } from '../kit/kafka-configs.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type Service, startService } from '../kit/service.js';

const BYTES_PER_SECOND = 200_000;
/** 10 MB: more than a transaction's 30 s let through. */
const ORDERS = makeOrders(300_000, 97);
const WITHIN_MS = 300_000;

let folder: string;
let broker: Broker;
let service: Service;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batch-slow-link-'));
  const properties = join(folder, 'broker.properties');
  // A quota that counts from the first second on.
  await writeFile(properties, 'quota.window.num=2\n');
  broker = await startBroker({ properties });
  service = await startService({ brokers: broker.brokers });
  const everybody = ['--entity-type', 'clients', '--entity-default'];
  await alterConfigs(broker.brokers, everybody, ['--add-config', `producer_byte_rate=${BYTES_PER_SECOND}`]);
});

afterAll(async () => {
  await service.stop();
  await broker.stop();
  await rm(folder, { recursive: true, force: true });
});

it(
  'no transaction of a job takes longer than the broker allows, however slow it is',
  async () => {
    const api = new Api(service.url);
    await api.createModel('orders', ORDERS_SCHEMA);
    const job = await api.ended((await api.createJob('orders', ORDERS.csv)).job_id, WITHIN_MS);
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', error: null });
    expect(service.log()).not.toContain('kafka call failed');
    await expectDelivered(broker.brokers, job, ORDERS);
  },
  2 * WITHIN_MS,
);
