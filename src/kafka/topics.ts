import type { Admin, Kafka } from 'kafkajs';
import { errorType, isAuthenticationFailure } from './kafka-failure.js';
import { TopicReader } from './topic-reader.js';
import type { JobTopics } from './transactional-session.js';
import { within } from './within.js';

export const JOBS_TOPIC = 'batch.jobs';
const SEVEN_DAYS_MS = 604_800_000;
/** A batch of 1 MiB and its 12 bytes of framing: Kafka's own default, set so that a broker's does not matter. */
const MAX_MESSAGE_BYTES = 1_048_588;
const MAX_REPLICATION = 3;
const CREATE_TIMEOUT_MS = 10_000;
const CALL_MS = 15_000;

/** The topics of a job: accepted rows, rejected rows. */
export function jobTopics(jobId: string): JobTopics {
  return { data: `batch_${jobId}`, dlq: `batch_${jobId}_dlq` };
}

/**
 * Topic administration over one connection that is opened at the first call and again after a failure.
 * Every call throws kafkajs' errors where the broker is away or refuses.
 */
export class TopicAdmin {
  #admin: Promise<Admin> | undefined;
  #brokers = 0;

  constructor(private readonly kafka: Kafka) {}

  /** Creates both topics of a job; false where one of the names is taken: the caller takes another id. */
  async createJobTopics(jobId: string): Promise<boolean> {
    const configEntries = [
      { name: 'cleanup.policy', value: 'delete' },
      { name: 'retention.ms', value: String(SEVEN_DAYS_MS) },
      { name: 'max.message.bytes', value: String(MAX_MESSAGE_BYTES) },
    ];
    const { data, dlq } = jobTopics(jobId);
    return this.#create([data, dlq], configEntries);
  }

  /**
   * For a job that did not come into being: deletes those of its topics that never had a record. One that had records
   * was there before, under a name that was taken by chance, and is not ours.
   */
  async deleteUnusedJobTopics(jobId: string): Promise<void> {
    const { data, dlq } = jobTopics(jobId);
    for (const topic of [data, dlq]) {
      const reader = await TopicReader.open(this.kafka, topic);
      reader?.close();
      if (reader?.bounds.end === 0) await this.#delete(topic);
    }
  }

  /** Creates batch.jobs where it does not exist. */
  async ensureJobsTopic(): Promise<void> {
    await this.#create([JOBS_TOPIC], [{ name: 'cleanup.policy', value: 'compact' }]);
  }

  /** Resolves where a broker answers. */
  async ping(): Promise<void> {
    await this.#use(async (admin) => {
      this.#brokers = (await admin.describeCluster()).brokers.length;
    });
  }

  async close(): Promise<void> {
    const admin = this.#admin;
    this.#admin = undefined;
    await (await admin?.catch(() => undefined))?.disconnect();
  }

  /** A topic that is gone already is no error. */
  async #delete(topic: string): Promise<void> {
    try {
      await this.#use((admin) => admin.deleteTopics({ topics: [topic], timeout: CREATE_TIMEOUT_MS }));
    } catch (error) {
      if (errorType(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
    }
  }

  async #create(topics: string[], configEntries: { name: string; value: string }[]): Promise<boolean> {
    return this.#use(async (admin) => {
      this.#brokers ||= (await admin.describeCluster()).brokers.length;
      const replicationFactor = Math.max(1, Math.min(MAX_REPLICATION, this.#brokers));
      return admin.createTopics({
        waitForLeaders: false,
        timeout: CREATE_TIMEOUT_MS,
        topics: topics.map((topic) => ({ topic, numPartitions: 1, replicationFactor, configEntries })),
      });
    });
  }

  async #use<T>(call: (admin: Admin) => Promise<T>): Promise<T> {
    this.#admin ??= this.#connect();
    const admin = this.#admin;
    try {
      return await within(CALL_MS, 'topic administration', admin.then(call));
    } catch (error) {
      // A protocol error came over a good connection; anything else may be the connection's fault.
      const isAnswer =
        error instanceof Error && error.name === 'KafkaJSProtocolError' && !isAuthenticationFailure(error);
      if (!isAnswer && this.#admin === admin) await this.close();
      throw error;
    }
  }

  async #connect(): Promise<Admin> {
    const admin = this.kafka.admin();
    try {
      await admin.connect();
      return admin;
    } catch (error) {
      await admin.disconnect(); // a connection that was refused in the end may still be open
      throw error;
    }
  }
}
