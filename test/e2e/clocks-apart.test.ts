import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TopicReader } from '../../src/kafka/topic-reader.js';
import { Api } from '../kit/api.js';
import { type Broker, startBroker } from '../kit/kafka-broker.js';
import { kafkaAt } from '../kit/kafka-client.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { startService } from '../kit/service.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WITHIN_MS = 120_000;
const ORDERS = makeOrders(1_000, 97);

let folder: string;
let broker: Broker;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batch-clocks-'));
  const properties = join(folder, 'broker.properties');
  await writeFile(properties, 'log.retention.check.interval.ms=500\nlog.initial.task.delay.ms=500\n');
  broker = await startBroker({ properties });
});

afterAll(async () => {
  await broker.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Resolves when retention has deleted a record of this age, which was written now: by then it has seen older topics. */
async function retentionRun(ageMs: number): Promise<void> {
  const kafka = kafkaAt(broker.brokers);
  const topic = `aged-${Date.now()}`;
  const configEntries = [{ name: 'retention.ms', value: String(7 * DAY_MS) }];
  const admin = kafka.admin();
  await admin.connect();
  // kafkajs' own wait for leaders fails if the broker does not know the topic yet.
  await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }], waitForLeaders: false });
  for (const deadline = Date.now() + WITHIN_MS; ; await sleep(100)) {
    const isKnown = await admin.fetchTopicOffsets(topic).then(
      () => true,
      () => false,
    );
    if (isKnown) break;
    if (Date.now() > deadline) throw new Error(`${topic} has no leader`);
  }
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic, messages: [{ value: 'old', timestamp: String(Date.now() - ageMs) }] });
  await producer.disconnect();
  for (const deadline = Date.now() + WITHIN_MS; ; await sleep(100)) {
    const [partition] = await admin.fetchTopicOffsets(topic);
    if (partition?.low === '1') break;
    if (Date.now() > deadline) throw new Error('retention does not run');
  }
  await admin.disconnect();
}

describe('a service whose clock is not the brokers', () => {
  it.each([
    ['2 hours ahead', 2 * HOUR_MS],
    ['40 days behind', -40 * DAY_MS],
  ])('%s has its rows dated by them, and kept', async (_, offMs) => {
    const startedAt = Date.now();
    const hook = `const now = Date.now; Date.now = () => now() + ${offMs};`;
    const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(hook)}` };
    const service = await startService({ brokers: broker.brokers, env });
    try {
      const api = new Api(service.url);
      await api.createModel('orders', ORDERS_SCHEMA);
      const job = await api.ended((await api.createJob('orders', ORDERS.csv)).job_id);
      expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', error: null });
      expect(Math.abs(Date.parse(job.finished_at ?? '') - offMs - Date.now())).toBeLessThan(HOUR_MS);
      await retentionRun(40 * DAY_MS);
      await retentionRun(40 * DAY_MS);
      await expectDelivered(broker.brokers, job, ORDERS);
      const rejected = (await (await fetch(`${service.url}/jobs/${job.job_id}/rejected`)).json()) as object[];
      expect(rejected).toHaveLength(ORDERS.rejected.length);
      const reader = await TopicReader.open(kafkaAt(broker.brokers), job.topics.data);
      for await (const { timestamp } of reader?.records(0) ?? []) {
        expect(timestamp).toBeGreaterThanOrEqual(startedAt);
        expect(timestamp).toBeLessThanOrEqual(Date.now());
      }
      reader?.close();
    } finally {
      await service.stop();
    }
  });
});
