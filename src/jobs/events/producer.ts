import type { KafkaConfig } from '../../config/index.js';
import { createKafka, FencedProducer, publisherId } from '../../kafka/index.js';
import type { JobEvent } from './job-event.js';

/** No job's id begins with an underscore. */
const PUBLISHER_KEY = '_publisher';

/** One connection to the topic of the jobs. After any error it is closed and another one takes its place. */
export interface JobEventProducer {
  /**
   * Resolves when every event, in one batch, is acknowledged. If it rejects, none, some or all may have arrived; none
   * if the error `isTooLarge`.
   */
  send(events: readonly JobEvent[]): Promise<void>;
  /** As `send`: a record without a value under each id, so that compaction removes what is under it. */
  sendTombstones(jobIds: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Idempotent, one request at a time: events arrive in the order in which they were sent, each once. Once it is connected,
 * nothing that a publisher before it has sent, or will send, arrives any more: a new epoch of the producer counts in a
 * partition from its first record on, so that one is written first.
 */
export async function connectJobEvents(config: KafkaConfig, topic: string): Promise<JobEventProducer> {
  const producer = await FencedProducer.open(createKafka(config), topic, publisherId(config.topicPrefix));
  try {
    await producer.send([{ key: PUBLISHER_KEY, value: JSON.stringify({ type: 'publisher' }) }]);
  } catch (error) {
    producer.close();
    throw error;
  }
  return {
    send: (events) => producer.send(events.map(({ job, value, headers }) => ({ key: job.job_id, value, headers }))),
    sendTombstones: (jobIds) => producer.send(jobIds.map((key) => ({ key, value: null }))),
    close: async () => producer.close(),
  };
}
