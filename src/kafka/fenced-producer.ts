import type { Kafka } from 'kafkajs';
import { leaderOf } from './committed-records.js';
import {
  type Broker,
  type Cluster,
  destroyCluster,
  findCoordinator,
  openCluster,
  TRANSACTION_COORDINATOR,
} from './kafkajs-internals.js';
import { initProducerId, retryWhilePending } from './transactional-session.js';

export interface KeyedRecord {
  key: string;
  /** null: a tombstone. */
  value: string | null;
  headers?: Readonly<Record<string, string>>;
}

/**
 * The one producer of partition 0 of a topic, over separate connections: whoever opens it with the same transactional id
 * fences the one before, whose records are refused from the first one of the new one on. It makes no transactions, which
 * would hold back readers at read_committed; what it sends is idempotent. After any rejection it must be closed.
 */
export class FencedProducer {
  #sequence = 0;

  private constructor(
    private readonly topic: string,
    private readonly cluster: Cluster,
    private readonly leader: Broker,
    private readonly producerId: string,
    private readonly producerEpoch: number,
  ) {}

  /** Throws kafkajs' errors, also if the topic does not exist. */
  static async open(kafka: Kafka, topic: string, transactionalId: string): Promise<FencedProducer> {
    const cluster = openCluster(kafka);
    try {
      await cluster.connect();
      // In this order: until the topic's metadata is there, kafkajs knows no broker to find a coordinator among.
      await cluster.addMultipleTargetTopics([topic]);
      const leader = await leaderOf(cluster, topic);
      const coordinator = await retryWhilePending(() =>
        findCoordinator(cluster, transactionalId, TRANSACTION_COORDINATOR),
      );
      const { producerId, producerEpoch } = await retryWhilePending(() => initProducerId(coordinator, transactionalId));
      return new FencedProducer(topic, cluster, leader, producerId, producerEpoch);
    } catch (error) {
      destroyCluster(cluster, new Error('the producer could not be opened'));
      throw error;
    }
  }

  /**
   * Resolves when all replicas in sync have these records, which go as one batch. Call it again only when it has. If it
   * rejects, all of them or none may have arrived, or may still.
   */
  async send(records: readonly KeyedRecord[]): Promise<void> {
    const firstSequence = this.#sequence;
    this.#sequence = (firstSequence + records.length) % 2 ** 31;
    const messages = records.map(({ key, value, headers }) => ({
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      ...(headers === undefined ? {} : { headers }),
    }));
    await this.leader.produce({
      producerId: this.producerId,
      producerEpoch: this.producerEpoch,
      topicData: [{ topic: this.topic, partitions: [{ partition: 0, firstSequence, messages }] }],
    });
  }

  /** Drops the connections at once. */
  close(): void {
    destroyCluster(this.cluster, new Error('the producer was closed'));
  }
}
