import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { Kafka, logLevel } from 'kafkajs';

/**
 * What a TypeScript engineer would write first: csv-parse as a stream, kafkajs `producer.send` in batches of 1000.
 * No validation, no transactions. Prints the seconds.
 *
 *     csv-parse-kafkajs.ts BROKERS FILE TOPIC
 */

const BATCH_ROWS = 1_000;

const [brokers = '', path = '', topic = ''] = process.argv.slice(2);
const kafka = new Kafka({ clientId: 'baseline', brokers: [brokers], logLevel: logLevel.NOTHING });
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
process.stdout.write(`${JSON.stringify({ seconds })}\n`);
