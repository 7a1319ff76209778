import type { Kafka, Message } from 'kafkajs';
import { UnexpectedAnswer } from './kafka-failure.js';

/**
 * Writes one record, outside any transaction, over a separate connection; returns its offset. Throws kafkajs' errors;
 * then the record may be there all the same, and after a lost answer it may be there twice.
 */
export async function appendRecord(kafka: Kafka, topic: string, message: Message): Promise<number> {
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    // A topic that was just made may have no leader yet.
    retry: { retries: 8, initialRetryTime: 100, maxRetryTime: 1000 },
  });
  try {
    await producer.connect();
    const [written] = await producer.send({ topic, messages: [message] });
    const offset = Number(written?.baseOffset);
    if (!Number.isSafeInteger(offset)) throw new UnexpectedAnswer(`a record of ${topic} has no offset`);
    return offset;
  } finally {
    await producer.disconnect();
  }
}
