import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { TopicAdmin } from '../../src/kafka/index.js';
import { Api } from '../kit/api.js';
import { controllerOf, partitionsOf, reassign } from '../kit/cluster-queries.js';
import type { Broker } from '../kit/kafka-broker.js';
import { kafkaAt } from '../kit/kafka-client.js';
import { type Cluster, startCluster } from '../kit/kafka-cluster.js';
import { namesOf, SERVICE_TOPICS } from '../kit/names.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { readiness, readinessWhen } from '../kit/readiness.js';
import { type Service, startService } from '../kit/service.js';
import { ownConfig } from '../kit/topic-config.js';

const FOREIGN = 'somebody-elses';
const AWAY = 3;
const WITHIN_MS = 60_000;
const WOKEN_AFTER_MS = 3_000;

let cluster: Cluster;
let service: Service;
let api: Api;

beforeAll(async () => {
  cluster = await startCluster(3);
  service = await startService({ brokers: cluster.brokers, env: { KAFKA_REPLICATION_FACTOR: '2' } });
  api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
});

afterAll(async () => {
  await service.stop();
  await cluster.stop();
});

async function withAdmin<T>(use: (admin: Admin) => Promise<T>): Promise<T> {
  const brokers = [...cluster.nodes].filter(([node]) => node !== AWAY).map(([, broker]) => broker.brokers);
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { retries: 1 } }).admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Makes a topic of somebody else's whose only replica is on one node, and takes that node away. */
async function takeAway(): Promise<void> {
  const foreign = { topic: FOREIGN, replicaAssignment: [{ partition: 0, replicas: [AWAY] }] };
  await withAdmin((admin) => admin.createTopics({ topics: [foreign], waitForLeaders: false }));
  await cluster.nodes.get(AWAY)?.kill('SIGKILL');
  for (const deadline = Date.now() + WITHIN_MS; !(await isOffline()); await sleep(100)) {
    if (Date.now() > deadline) throw new Error(`${FOREIGN} did not go offline`);
  }
}

async function isOffline(): Promise<boolean> {
  try {
    await withAdmin((admin) => admin.fetchTopicMetadata({ topics: [FOREIGN] }));
    return false;
  } catch (error) {
    const { type, cause } = error as { type?: string; cause?: { type?: string } };
    return (type ?? cause?.type) === 'LEADER_NOT_AVAILABLE';
  }
}

async function isPurged(jobId: string): Promise<boolean> {
  return (await fetch(`${api.url}/jobs/${jobId}`)).status === 404;
}

describe('a cluster of three nodes', () => {
  it.each([
    [3, '2'],
    [2, undefined],
  ])('with %s replicas has job topics with min.insync.replicas %s', async (replicas, expected) => {
    const kafka = kafkaAt(cluster.brokers);
    const topics = new TopicAdmin(kafka, SERVICE_TOPICS, replicas);
    const { data, dlq } = namesOf(`replica${replicas}`);
    await topics.createJobTopics({ data, dlq });
    await topics.close();
    for (const topic of [data, dlq]) {
      expect((await ownConfig(cluster.brokers, topic))['min.insync.replicas']).toBe(expected);
    }
  });

  it('gives new topics all their replicas while a node shuts down', async () => {
    const controller = await controllerOf(cluster.brokers);
    const [frozen, leaving] = [...cluster.nodes].flatMap(([id, node]) => (id === controller ? [] : [node]));
    const kafka = kafkaAt((cluster.nodes.get(controller) as Broker).brokers);
    const topics = new TopicAdmin(kafka, SERVICE_TOPICS, 3);
    await topics.ping();
    // A node may not go before all that are there have heard of it.
    await frozen?.kill('SIGSTOP');
    let isGone = false;
    const going = leaving?.kill('SIGTERM').finally(() => {
      isGone = true;
    });
    setTimeout(() => void frozen?.kill('SIGCONT'), WOKEN_AFTER_MS);
    const created: string[] = [];
    while (!isGone) {
      const { data, dlq } = namesOf(`leaving${created.length}`);
      await topics.createJobTopics({ data, dlq });
      created.push(data);
    }
    await going;
    await leaving?.restart();
    await topics.close();
    expect(created).not.toEqual([]);
    for (const topic of created) {
      expect((await partitionsOf(cluster.brokers, topic)).map(({ replicas }) => replicas.length)).toEqual([3]);
    }
  });
});

describe('a cluster whose checkpoints have one replica', () => {
  it('is ready, and it is said what that may cost', async () => {
    expect((await readiness(service.url)).body.details).not.toHaveProperty('internal_topics');
    await reassign(cluster.brokers, '__consumer_offsets', [1]);
    const other = await startService({ brokers: cluster.brokers, env: { KAFKA_REPLICATION_FACTOR: '2' } });
    const ready = await readinessWhen(other.url, ({ body }) => body.details['internal_topics'] !== undefined);
    await other.stop();
    expect(ready).toMatchObject({
      status: 200,
      body: {
        details: {
          kafka: { status: 'up', brokers: 3 },
          internal_topics: {
            status: 'degraded',
            message: expect.stringMatching(/^__consumer_offsets has .* Set offsets\.topic\.replication\.factor=3 on/),
          },
        },
      },
    });
  });
});

describe('a cluster in which a topic of somebody else has no leader', () => {
  beforeAll(takeAway);

  it('takes files, publishes their jobs and removes what they leave', async () => {
    const orders = makeOrders(1000, 97);
    const job = await api.ended((await api.createJob('orders', orders.csv)).job_id);
    await expectDelivered(cluster.brokers, job, orders);

    const ready = await fetch(`${api.url}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([200, expect.not.stringContaining('.jobs')]);

    expect((await fetch(`${api.url}/jobs/${job.job_id}?purge=true&force=true`, { method: 'DELETE' })).status).toBe(202);
    // Tombstones wait until what was sent over a connection that broke cannot land any more.
    for (const deadline = Date.now() + 2 * WITHIN_MS; !(await isPurged(job.job_id)); await sleep(200)) {
      if (Date.now() > deadline) throw new Error('the job was not removed');
    }
  });

  it('takes files after a restart', async () => {
    await service.kill('SIGTERM');
    service = await startService({ brokers: cluster.brokers, env: { KAFKA_REPLICATION_FACTOR: '2' } });
    api = new Api(service.url);
    await api.createModel('orders', ORDERS_SCHEMA);
    const orders = makeOrders(100);
    await expectDelivered(cluster.brokers, await api.ended((await api.createJob('orders', orders.csv)).job_id), orders);
  });
});
