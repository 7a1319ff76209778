import { Kafka, logLevel } from 'kafkajs';
import { pino } from 'pino';
import { JobWriter } from '../../src/jobs/coordination/job-writer.js';
import { systemClock } from '../../src/jobs/domain/clock.js';
import type { Job } from '../../src/jobs/domain/job.js';
import type { StoredJob } from '../../src/jobs/domain/stored-job.js';
import type { JobEvent } from '../../src/jobs/events/job-event.js';
import { connectJobEvents } from '../../src/jobs/events/producer.js';
import { JobEventPublisher } from '../../src/jobs/events/publisher.js';
import { JobStore } from '../../src/jobs/store/job-store.js';
import { createKafka, FencedProducer, TopicAdmin } from '../../src/kafka/index.js';
import { Metrics } from '../../src/observability/metrics/index.js';
import { aJob, openStore, type StoreFixture } from '../jobs/support/store-fixture.js';
import { type Broker, startBroker } from '../kit/kafka-broker.js';
import { kafkaConfig } from '../kit/kafka-client.js';
import { SERVICE_TOPICS } from '../kit/names.js';
import { readTopic } from '../kit/topic.js';

const TOPIC = SERVICE_TOPICS.jobs;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let broker: Broker;
let fixture: StoreFixture;
let store: JobStore;
let topics: TopicAdmin;
let publisher: JobEventPublisher;
let writer: JobWriter;

beforeAll(async () => {
  broker = await startBroker();
});
afterAll(() => broker.stop());

beforeEach(async () => {
  fixture = await openStore();
  store = new JobStore(fixture.db, systemClock);
  const kafka = kafkaConfig(broker.brokers);
  topics = new TopicAdmin(createKafka(kafka), SERVICE_TOPICS, 1);
  publisher = new JobEventPublisher({
    metrics: new Metrics({ version: 'test', role: 'all' }),
    store,
    topic: TOPIC,
    ensureTopic: () => topics.ensureJobsTopic(),
    connect: () => connectJobEvents(kafka, TOPIC),
    leader: { epoch: 1, confirm: () => Promise.resolve(1) },
    othersWrite: false,
    clock: systemClock,
    log: pino({ level: 'silent' }),
  });
  publisher.start();
  writer = new JobWriter(store, publisher, systemClock);
});
afterEach(async () => {
  await publisher.stop(3000);
  await topics.close();
  await fixture.close();
});

async function insert(filename = 'orders.csv'): Promise<StoredJob> {
  const job = aJob({ filename });
  await store.create(job, 'this process');
  return writer.activate(job.jobId, 'this process');
}

/** The job's events in the topic, once the last one is as it should be. */
async function eventsUpTo(jobId: string, state: Job['state']): Promise<Job[]> {
  for (let tries = 0; tries < 300; tries++) {
    const records = await readTopic(broker.brokers, TOPIC).catch(() => []);
    const jobs = records
      .filter(({ key }) => key?.toString() === jobId)
      .map(({ value }) => JSON.parse(value.toString()) as Job);
    if (jobs.at(-1)?.state === state) return jobs;
    await sleep(200);
  }
  throw new Error(`${jobId} was never published as ${state}`);
}

describe('batch.jobs', () => {
  it('holds every change of a job under its id, in the order of revisions', async () => {
    const pending = await insert();
    const running = await writer.change(pending, { state: 'RUNNING', fileColumns: ['id', 'größe'] });
    const cancelling = await writer.change(running, { state: 'CANCELLING' });
    await writer.change(cancelling, { state: 'CANCELLED', checkpointVerified: true });
    const jobs = await eventsUpTo(pending.jobId, 'CANCELLED');
    // The first connection may fail where the topic is just being made, so the numbers may have grown meanwhile.
    expect(jobs.map(({ state }) => state)).toEqual(['PENDING', 'RUNNING', 'CANCELLING', 'CANCELLED']);
    const revisions = jobs.map(({ revision }) => revision);
    expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
    expect(jobs.at(-1)).toMatchObject({
      job_id: pending.jobId,
      file_columns: ['id', 'größe'],
      end_offsets: { data: 0 },
    });
  });

  it('is one compacted partition', async () => {
    await eventsUpTo((await insert()).jobId, 'PENDING');
    const admin = new Kafka({ brokers: [broker.brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const { topics: described } = await admin.fetchTopicMetadata({ topics: [TOPIC] });
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: TOPIC, configNames: ['cleanup.policy'] }],
    });
    await admin.disconnect();
    expect(described[0]?.partitions).toHaveLength(1);
    expect(resources[0]?.configEntries[0]).toMatchObject({ configName: 'cleanup.policy', configValue: 'compact' });
  });

  it('gets what changed while the broker was killed, and numbers only ever grow', async () => {
    const pending = await insert();
    await eventsUpTo(pending.jobId, 'PENDING');
    await broker.kill();
    const running = await writer.change(pending, { state: 'RUNNING' });
    await sleep(500);
    await writer.change(running, { state: 'CANCELLING' });
    const other = await insert();
    await broker.restart();

    const jobs = await eventsUpTo(pending.jobId, 'CANCELLING');
    const revisions = jobs.map(({ revision }) => revision);
    expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
    expect(revisions.at(-1)).toBe((await store.get(pending.jobId))?.revision);
    expect(await eventsUpTo(other.jobId, 'PENDING')).not.toEqual([]);
    for (const deadline = Date.now() + 60_000; (await store.unpublished(10)).length > 0; await sleep(50))
      expect(Date.now()).toBeLessThan(deadline);
  });

  it('takes a hundred jobs with wide headers, and one whose header alone is too large', async () => {
    const columns = Array.from({ length: 20 }, (_, at) => `${at}${'x'.repeat(1500)}`);
    const pending: StoredJob[] = [];
    for (let at = 0; at < 100; at++) pending.push(await insert());
    for (const [at, job] of pending.entries()) {
      await writer.change(job, { state: 'RUNNING', fileColumns: at === 50 ? ['y'.repeat(1_100_000)] : columns });
    }
    for (const at of [0, 99]) {
      const jobs = await eventsUpTo(pending[at]!.jobId, 'RUNNING');
      expect(jobs.at(-1)?.file_columns).toEqual(columns);
    }
    const reduced = await eventsUpTo(pending[50]!.jobId, 'RUNNING');
    expect(reduced.at(-1)).toMatchObject({ file_columns: null, truncated: ['file_columns', 'metadata'] });
    expect(publisher.trouble()).toBeNull();
  });

  it('goes on with a topic of small records: what fits in, reduced, or not at all', async () => {
    const admin = new Kafka({ brokers: [broker.brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const limit = async (bytes: string): Promise<void> => {
      const configEntries = [
        { name: 'cleanup.policy', value: 'compact' },
        { name: 'max.message.bytes', value: bytes },
      ];
      await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: TOPIC, configEntries }] });
    };
    await limit('2000');
    try {
      const small = await insert();
      const wide = await writer.change(await insert(), { state: 'RUNNING', fileColumns: ['x'.repeat(3000)] });
      const refused = await insert('z'.repeat(3000));
      const last = await insert();
      expect((await eventsUpTo(wide.jobId, 'RUNNING')).at(-1)).toHaveProperty('truncated');
      expect(await eventsUpTo(small.jobId, 'PENDING')).not.toEqual([]);
      expect(await eventsUpTo(last.jobId, 'PENDING')).not.toEqual([]);
      expect(publisher.trouble()).toContain(refused.jobId);
    } finally {
      await limit('1048588');
      await admin.disconnect();
    }
  });
});

describe('two publishers of one topic', () => {
  const kafka = () => kafkaConfig(broker.brokers);
  const event = (revision: number): JobEvent => {
    const value = JSON.stringify({ revision });
    return { job: { job_id: 'a1b2c3d4', revision } as Job, value, bytes: value.length, headers: {} };
  };
  const revisions = async (): Promise<number[]> =>
    (await readTopic(broker.brokers, TOPIC))
      .filter(({ key }) => key?.toString() === 'a1b2c3d4')
      .map(({ value }) => (JSON.parse(value.toString()) as { revision: number }).revision);

  it('keep the order: what the first one sends once the second is connected does not arrive', async () => {
    await publisher.stop(3000);
    const first = await connectJobEvents(kafka(), TOPIC);
    await first.send([event(1)]);
    const second = await connectJobEvents(kafka(), TOPIC);
    await expect(first.send([event(2)])).rejects.toThrow(/epoch/i); // it stood still before it sent
    await second.send([event(3), event(4)]);
    await expect(first.send([event(5)])).rejects.toThrow();
    await first.close();
    await second.close();
    expect(await revisions()).toEqual([1, 3, 4]);
  });

  it('would not without the record that a publisher writes first', async () => {
    const open = () => FencedProducer.open(createKafka(kafka()), TOPIC, 'batch.fence');
    const first = await open();
    await first.send([{ key: 'b', value: '1' }]);
    const second = await open();
    await first.send([{ key: 'b', value: '2' }]); // the partition has not heard of the new epoch
    await second.send([{ key: 'b', value: '3' }]);
    await expect(first.send([{ key: 'b', value: '4' }])).rejects.toThrow(/epoch/i);
    first.close();
    second.close();
  });
});
