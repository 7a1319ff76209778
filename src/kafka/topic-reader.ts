import type { Kafka } from 'kafkajs';
import { committedRecords, type TopicBounds, topicBounds } from './committed-records.js';
import { errorType } from './kafka-failure.js';
import { type Cluster, destroyCluster, openCluster } from './kafkajs-internals.js';

export interface TopicRecord {
  offset: number;
  /** Milliseconds since the epoch: by the clock of the broker or of the producer, as the topic is set. */
  timestamp: number;
  key: Buffer | null;
  value: Buffer;
}

/**
 * Partition 0 of a topic as a read_committed consumer sees it, without a consumer group: nothing to join, nothing left
 * behind, and its end is known, so that no call waits for records that may never come.
 */
export class TopicReader {
  #isClosed = false;

  private constructor(
    private readonly cluster: Cluster,
    private readonly topic: string,
    /** At the time of opening; records are read up to `end`. */
    readonly bounds: TopicBounds,
  ) {}

  /** null if the topic does not exist. Throws kafkajs' errors if the broker is away. Close it when done. */
  static async open(kafka: Kafka, topic: string): Promise<TopicReader | null> {
    const cluster = openCluster(kafka);
    try {
      await cluster.connect();
      await cluster.addMultipleTargetTopics([topic]);
      return new TopicReader(cluster, topic, await topicBounds(cluster, topic));
    } catch (error) {
      destroyCluster(cluster, new Error('the topic could not be opened'));
      if (errorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return null;
      throw error;
    }
  }

  /** Records from offset `from` (or the first there is) to the end, in order; records without a value are left out. */
  async *records(from: number): AsyncGenerator<TopicRecord> {
    const { start, end } = this.bounds;
    for await (const { offset, timestamp, key, value } of committedRecords(
      this.cluster,
      this.topic,
      Math.max(from, start),
      end,
    )) {
      if (value !== null) yield { offset: Number(offset), timestamp: Number(timestamp), key, value };
    }
  }

  /** What is being read fails. No error if it is closed already. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    destroyCluster(this.cluster, new Error('the reader was closed'));
  }
}
