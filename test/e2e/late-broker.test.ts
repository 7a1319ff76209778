import { Api } from '../kit/api.js';
import { type Broker, startBroker } from '../kit/kafka-broker.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { freePort } from '../kit/ports.js';
import { type Service, startService } from '../kit/service.js';

let port: number;
let service: Service;
let broker: Broker | undefined;
let api: Api;

beforeAll(async () => {
  port = await freePort();
  service = await startService({ brokers: `127.0.0.1:${port}` });
  api = new Api(service.url);
});
afterAll(async () => {
  await service.stop();
  await broker?.stop();
});

describe('a service that starts before its broker', () => {
  it('is alive, says what is missing, and does everything that needs no broker', async () => {
    const live = await fetch(`${service.url}/healthz`);
    expect([live.status, await live.json()]).toEqual([200, expect.objectContaining({ status: 'healthy' })]);
    const ready = await fetch(`${service.url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({
      status: 'error',
      info: { store: { status: 'up' }, disk: { status: 'up' } },
      error: { kafka: { status: 'down', message: expect.stringContaining(`127.0.0.1:${port}`) } },
    });
    await api.createModel('orders', ORDERS_SCHEMA);
    expect(await (await fetch(`${service.url}/models/orders`)).json()).toMatchObject({ id: 'orders', version: 1 });
    expect(await (await fetch(`${service.url}/jobs`)).json()).toEqual([]);
    expect((await fetch(`${service.url}/jobs/a1b2c3d4`)).status).toBe(404);
  });

  it('refuses uploads soon, and takes them once the broker is up', async () => {
    const orders = makeOrders(1_000, 10);
    const before = Date.now();
    const refused = await api.upload('orders', orders.csv);
    expect(Date.now() - before).toBeLessThan(10_000);
    expect([refused.status, ((await refused.json()) as { error: string }).error]).toEqual([503, 'KAFKA_UNAVAILABLE']);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);

    broker = await startBroker({ port });
    const job = await api.ended((await api.createJob('orders', orders.csv)).job_id);
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', totals: { rows: 1_000, ok: 900, errors: 100 } });
    await expectDelivered(broker.brokers, job, orders);
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
  });
});
