import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { firstCommittedBy, hasRecordsOf } from '../../src/kafka/batch-headers.js';
import { topicBounds } from '../../src/kafka/committed-records.js';
import { destroyCluster, openCluster } from '../../src/kafka/kafkajs-internals.js';

const TOPIC = `headers_${randomUUID()}`;
const kafka = new Kafka({ brokers: [process.env['E2E_KAFKA_BROKERS'] as string], logLevel: logLevel.NOTHING });
const cluster = openCluster(kafka);
const values = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ value: `${index} ${'x'.repeat(900)}` }));
const OURS = kafka.producer({ transactionalId: randomUUID(), maxInFlightRequests: 1, idempotent: true });
const PLAIN = kafka.producer();

async function transaction(messages: { value: string }[], end: 'commit' | 'abort'): Promise<void> {
  const open = await OURS.transaction();
  // A batch has 1 MiB at most.
  for (let at = 0; at < messages.length; at += 500) {
    await open.send({ topic: TOPIC, messages: messages.slice(at, at + 500) });
  }
  await open[end]();
}

/** Offsets: 0–1999 aborted, 2000 its marker, 2001–4000 aborted, 4001 marker, 4002–4006 committed, 4007 marker, 4008 plain. */
beforeAll(async () => {
  const admin = kafka.admin();
  await Promise.all([admin.connect(), OURS.connect(), PLAIN.connect(), cluster.connect()]);
  await admin.createTopics({
    topics: [{ topic: TOPIC, numPartitions: 1, replicationFactor: 1 }],
    waitForLeaders: true,
  });
  await admin.disconnect();
  await transaction(values(2000), 'abort');
  await transaction(values(2000), 'abort');
  await transaction(values(5), 'commit');
  await cluster.addMultipleTargetTopics([TOPIC]);
  // A commit is acknowledged before its marker is there.
  while ((await topicBounds(cluster, TOPIC)).end < 4008) await sleep(20);
  await PLAIN.send({ topic: TOPIC, messages: values(1) });
});

afterAll(async () => {
  destroyCluster(cluster, new Error('done'));
  await Promise.all([OURS.disconnect(), PLAIN.disconnect()]);
});

describe('looking at a topic by the headers of its batches', () => {
  it('passes over what was aborted, in more than one answer', async () => {
    expect(await firstCommittedBy(cluster, TOPIC, 0, 4002)).toBeNull();
    expect(await firstCommittedBy(cluster, TOPIC, 1500, 2500)).toBeNull();
    const producerId = await firstCommittedBy(cluster, TOPIC, 0, 4009);
    expect(producerId).toBeGreaterThanOrEqual(0n);
    expect(await firstCommittedBy(cluster, TOPIC, 4004, 4005)).toBe(producerId);
  });

  it('sees neither markers nor what lies outside', async () => {
    expect(await firstCommittedBy(cluster, TOPIC, 4007, 4008)).toBeNull();
    expect(await firstCommittedBy(cluster, TOPIC, 4009, 4009)).toBeNull();
  });

  it('knows records without a producer id, and those of one producer whether they are committed or not', async () => {
    const ours = (await firstCommittedBy(cluster, TOPIC, 4002, 4009)) as bigint;
    expect(await firstCommittedBy(cluster, TOPIC, 4008, 4009)).not.toBe(ours);
    for (const [from, to, expected] of [
      [10, 11, true],
      [2000, 2001, false],
      [4002, 4003, true],
      [4007, 4009, false],
    ] as const) {
      expect([from, await hasRecordsOf(cluster, TOPIC, ours, from, to)]).toEqual([from, expected]);
    }
  });
});
