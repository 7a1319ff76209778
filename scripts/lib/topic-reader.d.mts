export interface TopicRecord {
  offset: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: Readonly<Record<string, Buffer>>;
}

/**
 * The committed records of a one-partition topic, in order, from its start to the end it had when the reading began:
 * records of a transaction that is open then belong to it if the transaction is committed within 10 s.
 * `brokers` is host:port, comma-separated. Throws kafkajs' error where the topic or the broker is not there.
 */
export function committedRecords(brokers: string, topic: string): AsyncGenerator<TopicRecord, void, void>;

/**
 * The offsets at which a one-partition topic ends for a reader at read_committed (last stable offset) and for one at
 * read_uncommitted (high watermark, asked for first). `readable < written`: a transaction is open.
 */
export function topicEnds(brokers: string, topic: string): Promise<{ readable: number; written: number }>;
