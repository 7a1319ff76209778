export interface TopicRecord {
  offset: number;
  key: Buffer | null;
  value: Buffer | null;
}

/**
 * The committed records of a one-partition topic, in order, from its start to the end it had when the reading began.
 * `brokers` is host:port, comma-separated. Throws kafkajs' error where the topic or the broker is not there.
 */
export function committedRecords(brokers: string, topic: string): AsyncGenerator<TopicRecord, void, void>;
