import type { Kafka } from 'kafkajs';
import { appendRecord } from './append-record.js';
import { UnexpectedAnswer } from './kafka-failure.js';
import { withTimeout } from './timeout.js';
import { TopicReader } from './topic-reader.js';
import type { TopicAdmin } from './topics.js';

const ANSWER_MS = 30_000;
/** What a record has as its time if the broker does not put its own there; no broker's clock says that. */
const NO_TIME = '0';

type Topics = Pick<TopicAdmin, 'service' | 'ensureClockTopic'>;

/**
 * The time by the clock of the broker that leads the topic of the clock, in ms since the epoch: it was so late at some moment
 * between call and answer. A record is written to that topic, which is made if it is not there, and read back with the
 * time at which the broker took it. Throws kafkajs' errors if the broker is away, does not let us, or takes more than
 * 30 s, and UnexpectedAnswer if the topic keeps the producers' time.
 */
export async function readBrokerTime(kafka: Kafka, topics: Topics): Promise<number> {
  return withTimeout(ANSWER_MS, "the broker's time", writeAndRead(kafka, topics));
}

async function writeAndRead(kafka: Kafka, topics: Topics): Promise<number> {
  const topic = topics.service.clock;
  await topics.ensureClockTopic();
  const offset = await appendRecord(kafka, topic, { value: '', timestamp: NO_TIME });
  const reader = await TopicReader.open(kafka, topic);
  try {
    for await (const record of reader?.records(offset) ?? []) {
      if (String(record.timestamp) !== NO_TIME) return record.timestamp;
      throw new UnexpectedAnswer(`set message.timestamp.type=LogAppendTime on the topic ${topic}`);
    }
  } finally {
    reader?.close();
  }
  throw new UnexpectedAnswer(`the record at offset ${offset} of ${topic} is not there`);
}
