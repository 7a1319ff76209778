import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { Kafka, logLevel } from 'kafkajs';

const BATCH_ROWS = 1_000;

/**
 * What a TypeScript engineer would write first: csv-parse as a stream, kafkajs `producer.send` in batches of 1000.
 * No validation, no transactions. Returns seconds.
 */
export async function runBaseline(brokers: string, path: string, topic: string): Promise<number> {
  const kafka = new Kafka({ clientId: 'baseline', brokers: [brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
  const producer = kafka.producer();
  await producer.connect();
  const started = performance.now();
  let messages: { value: string }[] = [];
  for await (const record of createReadStream(path).pipe(parse({ columns: true }))) {
    messages.push({ value: JSON.stringify(record) });
    if (messages.length === BATCH_ROWS) {
      await producer.send({ topic, messages });
      messages = [];
    }
  }
  if (messages.length > 0) await producer.send({ topic, messages });
  const seconds = (performance.now() - started) / 1000;
  await producer.disconnect();
  await admin.deleteTopics({ topics: [topic] });
  await admin.disconnect();
  return seconds;
}
