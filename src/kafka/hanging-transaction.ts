import { ServiceError } from '../errors/index.js';
import { hasRecordsOf } from './batch-headers.js';
import { topicBounds } from './committed-records.js';
import { protocolError, UnexpectedAnswer } from './kafka-failure.js';
import { type Broker, type Cluster, requestConnection } from './kafkajs-internals.js';
import {
  DESCRIBE_PRODUCERS,
  describeProducers,
  type Partition,
  WRITE_TXN_MARKERS,
  writeCommitMarker,
} from './producer-state.js';

/**
 * A transaction that is open in a topic although its coordinator has completed it: the marker was lost (KAFKA-20734).
 * Nobody ends it any more, and the next marker of the same producer id ends it together with what comes after it.
 */
export interface OpenTransaction {
  /** Offset of its first record. */
  start: number;
  /** The job's own producer wrote it. */
  isOurs: boolean;
  /** The producer has a record at or behind the end of the checkpoint; only looked for if `start` lies before that end. */
  reachesBeyond: boolean;
}

/** The open transaction of partition 0, null if there is none. `end`: what the checkpoint says of this topic. */
export async function findOpenTransaction(
  cluster: Cluster,
  topic: string,
  end: number,
  producerId: string,
): Promise<OpenTransaction | null> {
  const { end: start, high } = await topicBounds(cluster, topic);
  if (start >= high) return null;
  const writes = (from: number, to: number) => hasRecordsOf(cluster, topic, BigInt(producerId), from, to);
  const isOurs = await writes(start, start + 1);
  const reachesBeyond = isOurs && start < end && (await writes(end, high));
  return { start, isOurs, reachesBeyond };
}

/**
 * Writes the COMMIT marker that was lost. What hangs is older than our fence, and so is its epoch: one that is not belongs
 * to a successor, and INVALID_PRODUCER_EPOCH says so. Throws ServiceError CHECKPOINT_LOST if the broker does not know the
 * requests or refuses them (Redpanda takes no COMMIT marker), Kafka errors otherwise.
 */
export async function commitHanging(leader: Broker, partition: Partition, fence: ProducerEpoch): Promise<void> {
  const { topic } = partition;
  const connection = await requestConnection(leader);
  for (const { apiKey, apiName, apiVersion } of [DESCRIBE_PRODUCERS, WRITE_TXN_MARKERS]) {
    const { minVersion = 0, maxVersion = -1 } = leader.versions?.[apiKey] ?? {};
    if (apiVersion < minVersion || apiVersion > maxVersion) throw notRepaired(topic, `the broker has no ${apiName}`);
  }
  try {
    const producers = await describeProducers(connection, partition);
    const open = producers.find((each) => each.openSince >= 0 && String(each.producerId) === fence.producerId);
    if (open === undefined) throw new UnexpectedAnswer(`DescribeProducers names no open transaction in ${topic}`);
    if (open.producerEpoch >= fence.producerEpoch)
      throw protocolError(INVALID_PRODUCER_EPOCH, `${topic} is a successor's`);
    await writeCommitMarker(connection, partition, open);
  } catch (error) {
    const { type } = error as { type?: unknown };
    if (typeof type !== 'string' || !REFUSALS.has(type)) throw error;
    throw notRepaired(topic, `the broker refused to write it: ${type}`, error);
  }
}

/** A producer id, and the epoch that InitProducerId gave us. */
interface ProducerEpoch {
  producerId: string;
  producerEpoch: number;
}

const INVALID_PRODUCER_EPOCH = 47;

const REFUSALS: ReadonlySet<string> = new Set([
  'CLUSTER_AUTHORIZATION_FAILED',
  'TOPIC_AUTHORIZATION_FAILED',
  'UNSUPPORTED_VERSION',
  'INVALID_REQUEST',
]);

function notRepaired(topic: string, why: string, cause?: unknown): ServiceError {
  return new ServiceError(
    'CHECKPOINT_LOST',
    `the COMMIT marker of committed rows in ${topic} was lost, and ${why}; do not abort that transaction by hand: it would delete committed rows`,
    { cause },
  );
}
