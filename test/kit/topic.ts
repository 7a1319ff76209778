import { committedRecords } from '../../scripts/lib/topic-reader.mjs';

export interface TopicRecord {
  offset: number;
  key: Buffer | null;
  value: Buffer;
}

/**
 * Every record that a consumer at read_committed sees in the (one-partition) topic, in order, up to the end it has
 * now (see topic-reader.d.mts): decoded and filtered by kafkajs, not by our own code. Rejects where the topic does not exist.
 */
export async function readTopic(brokers: string, topic: string): Promise<TopicRecord[]> {
  const records: TopicRecord[] = [];
  for await (const { offset, key, value } of committedRecords(brokers, topic)) {
    if (value === null) throw new Error(`${topic}: the record at offset ${offset} has no value`);
    records.push({ offset, key, value });
  }
  return records;
}
