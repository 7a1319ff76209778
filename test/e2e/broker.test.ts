import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { readTopic } from '../kit/topic.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const kafka = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING });

async function withTopic(work: (topic: string) => Promise<void>): Promise<void> {
  const topic = `kit_${randomUUID()}`;
  const admin = kafka.admin();
  await admin.connect();
  try {
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
    await work(topic);
    await admin.deleteTopics({ topics: [topic] });
  } finally {
    await admin.disconnect();
  }
}

describe('the broker of the end-to-end tests', () => {
  it('gives back the records that were written, in order and byte for byte', () =>
    withTopic(async (topic) => {
      const producer = kafka.producer();
      await producer.connect();
      await producer.send({ topic, messages: [{ value: 'first' }, { key: 'k', value: Buffer.from([0, 255, 10]) }] });
      await producer.disconnect();

      expect(await readTopic(brokers, topic)).toEqual([
        { offset: 0, key: null, value: Buffer.from('first') },
        { offset: 1, key: Buffer.from('k'), value: Buffer.from([0, 255, 10]) },
      ]);
    }));

  it('shows committed transactions only, and reads past the markers at the end', () =>
    withTopic(async (topic) => {
      const producer = kafka.producer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true });
      await producer.connect();
      for (const [value, committed] of [
        ['a', true],
        ['b', false],
        ['c', true],
        ['d', false],
      ] as const) {
        const transaction = await producer.transaction();
        await transaction.send({ topic, messages: [{ value }] });
        await (committed ? transaction.commit() : transaction.abort());
      }
      await producer.disconnect();

      expect((await readTopic(brokers, topic)).map(({ value }) => value.toString())).toEqual(['a', 'c']);
    }));

  it('never makes a topic that was only asked for', async () => {
    await expect(readTopic(brokers, `missing_${randomUUID()}`)).rejects.toThrow(/does not host this topic-partition/);
  });
});
