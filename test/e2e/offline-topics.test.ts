import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { Api } from '../kit/api.js';
import { type Cluster, startCluster } from '../kit/kafka-cluster.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type Service, startService } from '../kit/service.js';

const ORDERS = makeOrders(300_000, 997);
const JOBS = 6;
/** The transaction's own time-out is 30 s, and the coordinator looks every 10 s. */
const AWAY_MS = 45_000;

let cluster: Cluster;
let service: Service;
let api: Api;

beforeAll(async () => {
  cluster = await startCluster(3);
  service = await startService({
    brokers: cluster.brokers,
    env: { JOB_CONCURRENCY: String(JOBS), KAFKA_REPLICATION_FACTOR: '1' },
  });
  api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
});

afterAll(async () => {
  await service.stop();
  await cluster.stop();
});

/** For each topic the node that leads it. */
async function leaders(topics: string[]): Promise<Map<string, number>> {
  const admin = new kafkajs.Kafka({ brokers: cluster.brokers.split(','), logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const metadata = await admin.fetchTopicMetadata({ topics });
    return new Map(metadata.topics.map(({ name, partitions }) => [name, partitions[0]?.leader ?? -1]));
  } finally {
    await admin.disconnect();
  }
}

describe('topics that are offline until their transaction times out', () => {
  it('get every row once when they come back', async () => {
    const jobs = await Promise.all(Array.from({ length: JOBS }, () => api.createSlowJob('orders', ORDERS.csv)));
    for (const { job_id } of jobs) await api.until(job_id, ({ totals }) => totals.rows > 0);
    // The node that leads most of the data topics; about two thirds of their coordinators are on the others.
    const led = [...(await leaders(jobs.map(({ topics }) => topics.data))).values()];
    const count = (id: number) => led.filter((leader) => leader === id).length;
    const [victim = 1] = [1, 2, 3].toSorted((a, b) => count(b) - count(a));
    const node = cluster.nodes.get(victim);
    await node?.kill('SIGKILL');
    await sleep(AWAY_MS);
    await node?.restart();
    for (const { job_id } of jobs) {
      const job = await api.ended(job_id, 120_000);
      expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', error: null });
      await expectDelivered(cluster.brokers, job, ORDERS);
    }
    // Without a lost marker this would have shown nothing.
    expect(service.log()).toContain('a transaction marker was lost');
  });
});
