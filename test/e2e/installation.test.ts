import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka, ProducerConfig } from 'kafkajs';
import { appendRecord } from '../../src/kafka/append-record.js';
import { claimPrefix, PrefixTaken, serviceTopics, TopicAdmin } from '../../src/kafka/index.js';
import { Api } from '../kit/api.js';
import { type Broker, startBroker } from '../kit/kafka-broker.js';
import { kafkaAt } from '../kit/kafka-client.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { runService } from '../kit/run-service.js';
import { ONE_PROCESS, type Service, startService } from '../kit/service.js';
import { readTopic, type TopicRecord } from '../kit/topic.js';

const ORDERS = makeOrders(100, 10);
const WITHIN_MS = 60_000;

let broker: Broker;
let kafka: Kafka;
let folder: string;
const services: Service[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batch-installation-'));
  broker = await startBroker();
  kafka = kafkaAt(broker.brokers);
});
afterAll(async () => {
  for (const service of services) await service.stop();
  await broker.stop();
  await rm(folder, { recursive: true, force: true });
});

function settings(data: string, env: Record<string, string> = {}): Record<string, string> {
  return { DATA_DIR: join(folder, data), KAFKA_TOPIC_PREFIX: 'shared', ...ONE_PROCESS, ...env };
}

async function start(data: string, env: Record<string, string> = {}): Promise<Service> {
  const { DATA_DIR: dataDir = '', ...rest } = settings(data, env);
  const service = await startService({ brokers: broker.brokers, dataDir, env: rest });
  services.push(service);
  return service;
}

async function run(data: string): Promise<{ status: number | null; stderr: string }> {
  return runService({ PORT: '0', MIN_FREE_BYTES: '0', KAFKA_BROKERS: broker.brokers, ...settings(data) });
}

/** The id under which a service has claimed its prefix: soon after it listens, or before. */
async function idOf(service: Service): Promise<string> {
  for (const deadline = Date.now() + WITHIN_MS; Date.now() < deadline; await sleep(20)) {
    const id = /"installation_id":"([0-9a-f]{16})"/.exec(service.log())?.[1];
    if (id !== undefined) return id;
  }
  throw new Error(`no claim:\n${service.log()}`);
}

async function ingest(service: Service): Promise<string[]> {
  const api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
  const job = await api.ended((await api.createJob('orders', ORDERS.csv)).job_id);
  await expectDelivered(broker.brokers, job, ORDERS);
  return [job.topics.data, job.topics.dlq];
}

describe('services on one broker', () => {
  let first: Service;
  let second: string;

  it('claim their prefix, and find it theirs at the next start', async () => {
    first = await start('first');
    const id = await idOf(first);
    const topics = await ingest(first);
    expect(topics.map((topic) => topic.slice(0, 7))).toEqual(['shared_', 'shared_']);
    await first.kill('SIGTERM');
    first = await start('first');
    expect(await idOf(first)).toBe(id);
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    expect(await lastClaim('shared.jobs')).toMatchObject({ installation_id: id, adopted_from: null });
  });

  it('work side by side under two prefixes, also if one begins with the other', async () => {
    const other = await start('other', { KAFKA_TOPIC_PREFIX: 'shared_eu' });
    const topics = await ingest(other);
    expect(topics.every((topic) => topic.startsWith('shared_eu_'))).toBe(true);
    expect(await idOf(other)).not.toBe(await idOf(first));
    await other.stop();
  });

  it('are refused under the prefix of another one, with both ids and the two ways on', async () => {
    const { status, stderr } = await run('second');
    expect(status).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(`belongs to installation ${await idOf(first)}`);
    expect(stderr).toMatch(/KAFKA_TOPIC_PREFIX to another prefix.*KAFKA_ADOPT_PREFIX=true/);
    second = /identified by its database\) is ([0-9a-f]{16})/.exec(stderr)?.[1] ?? 'none';
    expect(await lastClaim('shared.jobs')).toMatchObject({ installation_id: await idOf(first) });
  });

  it('adopt a prefix for good by one start, and the former owner is refused', async () => {
    const adopting = await start('second', { KAFKA_ADOPT_PREFIX: 'true' });
    expect(await idOf(adopting)).toBe(second);
    expect(await lastClaim('shared.jobs')).toMatchObject({ installation_id: second, adopted_from: await idOf(first) });
    await adopting.kill('SIGTERM');
    await first.kill('SIGTERM');
    const { status, stderr } = await run('first');
    expect([status, stderr]).toEqual([1, expect.stringContaining(`belongs to installation ${second}`)]);
    expect(await idOf(await start('second'))).toBe(second);
  });

  it('leave when their broker, which came late, has the prefix of another one', async () => {
    await broker.kill();
    const late = await start('third');
    const api = new Api(late.url);
    expect((await api.upload('orders', ORDERS.csv)).status).toBe(503);
    await broker.restart();
    for (const deadline = Date.now() + WITHIN_MS; late.ending() === null; ) {
      if (Date.now() > deadline) throw new Error(`it stayed: ${late.log()}`);
      const answer = await api.upload('orders', ORDERS.csv).catch(() => null);
      expect(answer?.status).not.toBe(202);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(late.ending()).toBe('1');
    expect(late.log()).toContain(`belongs to installation ${second}`);
    expect(await lastClaim('shared.jobs')).toMatchObject({ installation_id: second });
  });
});

describe('the claim of a prefix', () => {
  const own = { id: 'own', claimOffset: null };

  /** A topic of jobs with a record of each of these keys. */
  async function topicWith(name: string, keys: string[]): Promise<string> {
    const { jobs } = serviceTopics(name);
    const topics = new TopicAdmin(kafka, serviceTopics(name), 1);
    await topics.ensureJobsTopic();
    await topics.close();
    const producer = kafka.producer({ retry: { retries: 8 } });
    await producer.connect();
    await producer.send({ topic: jobs, messages: keys.map((key) => ({ key, value: '{}' })) });
    await producer.disconnect();
    return jobs;
  }

  it('is made silently in a topic that has jobs but no claim', async () => {
    const topic = await topicWith('older', ['a1b2c3d4']);
    expect(await claimPrefix(kafka, topic, own, false)).toEqual({ offset: 1, adoptedFrom: null });
  });

  it('is read from the former one on, or from the beginning if that is not there', async () => {
    const topic = await topicWith('again', ['a1b2c3d4']);
    await claimPrefix(kafka, topic, { id: 'another', claimOffset: null }, false);
    for (const claimOffset of [null, 0, 1, 7]) {
      await expect(claimPrefix(kafka, topic, { id: 'own', claimOffset }, false)).rejects.toThrow(PrefixTaken);
    }
    expect(await claimPrefix(kafka, topic, { id: 'another', claimOffset: 1 }, false)).toMatchObject({ offset: 2 });
  });

  it('is taken for a claim of somebody else if it cannot be read', async () => {
    const topic = await topicWith('unreadable', ['_installation']);
    await expect(claimPrefix(kafka, topic, own, false)).rejects.toThrow('unknown');
    expect(await claimPrefix(kafka, topic, own, true)).toEqual({ offset: 1, adoptedFrom: 'unknown' });
  });

  it('is adopted also from one that claims anew meanwhile', async () => {
    const topic = await topicWith('renewed', ['a1b2c3d4']);
    const one = { id: 'one', claimOffset: 1 };
    await claimPrefix(kafka, topic, { ...one, claimOffset: null }, false);
    // Between the look at the topic and the writing.
    const interrupted = Object.create(kafka, {
      ...Object.getOwnPropertyDescriptors(kafka),
      producer: {
        value: (config: ProducerConfig) => {
          const producer = kafka.producer(config);
          const connect = async (): Promise<void> => {
            await claimPrefix(kafka, topic, one, false);
            await producer.connect();
          };
          return { ...producer, connect };
        },
      },
    }) as Kafka;
    const adopted = await claimPrefix(interrupted, topic, { id: 'two', claimOffset: null }, true);
    expect(adopted).toEqual({ offset: 3, adoptedFrom: 'one' });
    await expect(claimPrefix(kafka, topic, one, false)).rejects.toThrow('installation two');
  });

  it('is that of the first of several, also before they know it', async () => {
    const topic = await topicWith('undecided', ['a1b2c3d4']);
    for (const id of ['one', 'two']) {
      const value = JSON.stringify({ installation_id: id, adopted_from: null, claimed_at: '2026-01-01T00:00:00Z' });
      await appendRecord(kafka, topic, { key: '_installation', value });
    }
    const three = { id: 'three', claimOffset: null };
    await expect(claimPrefix(kafka, topic, three, false)).rejects.toMatchObject({ owner: 'one' });
    expect(await claimPrefix(kafka, topic, three, true)).toEqual({ offset: 3, adoptedFrom: 'one' });
    await expect(claimPrefix(kafka, topic, { id: 'one', claimOffset: 1 }, false)).rejects.toMatchObject({
      owner: 'three',
    });
  });

  it('has one winner of several at once, and the topic ends with its name', async () => {
    for (let round = 0; round < 5; round++) {
      const topic = await topicWith(`race${round}`, ['a1b2c3d4']);
      const ids = ['one', 'two', 'three', 'four'];
      const results = await Promise.allSettled(
        ids.map((id) => claimPrefix(kafka, topic, { id, claimOffset: null }, false)),
      );
      const winners = ids.filter((_, at) => results[at]?.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      expect(await lastClaim(topic)).toMatchObject({ installation_id: winners[0] });
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ owner: winners[0] });
      }
    }
  });
});

async function lastClaim(topic: string): Promise<unknown> {
  const isClaim = ({ key }: TopicRecord): boolean => key?.toString() === '_installation';
  const last = (await readTopic(broker.brokers, topic)).findLast(isClaim);
  return JSON.parse(String(last?.value));
}
