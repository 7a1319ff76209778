import { createRequire } from 'node:module';
import { UnexpectedAnswer } from './kafka-failure.js';
import {
  type Broker,
  type Cluster,
  type FetchedMessage,
  READ_COMMITTED,
  READ_UNCOMMITTED,
} from './kafkajs-internals.js';

type Fetched = Awaited<ReturnType<Awaited<ReturnType<Cluster['findBroker']>>['fetch']>>;
type FetchedPartition = Fetched['responses'][number]['partitions'][number];

const filterAbortedMessages = createRequire(import.meta.url)('kafkajs/src/consumer/filterAbortedMessages') as (
  partition: Pick<FetchedPartition, 'messages' | 'abortedTransactions'>,
) => FetchedMessage[];

/** Size limit of one response, beyond its first batch, which always comes whole: compressed ones may hold many times as much. */
const FETCH_BYTES = 256 * 1024;
const FETCH_WAIT_MS = 500;

/** Offsets of partition 0. `end <= high`: they differ as long as a transaction is open. */
export interface TopicBounds {
  /** The first offset there is. */
  start: number;
  /** The last stable offset: where a read_committed reader stops. */
  end: number;
  /** The high watermark: where a read_uncommitted reader stops. */
  high: number;
}

const EARLIEST = -2;
const LATEST = -1;

/**
 * Asks the leader, for the high watermark first: a marker that comes meanwhile must not make its transaction look open.
 * A broker answers the requests of one connection in their order.
 */
export async function topicBounds(cluster: Cluster, topic: string): Promise<TopicBounds> {
  const broker = await leaderOf(cluster, topic);
  const [high, start, end] = await Promise.all([
    listOffset(broker, topic, LATEST, READ_UNCOMMITTED),
    listOffset(broker, topic, EARLIEST, READ_COMMITTED),
    listOffset(broker, topic, LATEST, READ_COMMITTED),
  ]);
  return { start, end, high: Math.max(high, end) };
}

/** The high watermark of partition 0, of its leader. */
export async function highWatermark(leader: Broker, topic: string): Promise<number> {
  return listOffset(leader, topic, LATEST, READ_UNCOMMITTED);
}

/** The last stable offset of partition 0. */
export async function lastStableOffset(cluster: Cluster, topic: string): Promise<number> {
  return listOffset(await leaderOf(cluster, topic), topic, LATEST, READ_COMMITTED);
}

async function listOffset(broker: Broker, topic: string, timestamp: number, isolationLevel: number): Promise<number> {
  const topics = [{ topic, partitions: [{ partition: 0, timestamp }] }];
  const { responses } = await broker.listOffsets({ isolationLevel, topics });
  const value = Number(responses[0]?.partitions[0]?.offset);
  if (!Number.isSafeInteger(value) || value < 0) throw new UnexpectedAnswer(`ListOffsets of ${topic} gave no offset`);
  return value;
}

/** The broker that leads partition 0 of a topic whose metadata the cluster has. */
export async function leaderOf(cluster: Cluster, topic: string): Promise<Broker> {
  const partition = cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === 0);
  if (partition === undefined) throw new UnexpectedAnswer(`the metadata of ${topic} has no partition 0`);
  return cluster.findBroker({ nodeId: partition.leader });
}

/** Yields the committed records of partition 0 in `[from, to)`, in order; control records and aborted ones left out. */
export async function* committedRecords(
  cluster: Cluster,
  topic: string,
  from: number,
  to: number,
): AsyncGenerator<FetchedMessage> {
  const broker = await leaderOf(cluster, topic);
  let next = from;
  let emptyAnswers = 0;
  while (next < to) {
    const answer = await broker.fetch({
      isolationLevel: READ_COMMITTED,
      maxWaitTime: FETCH_WAIT_MS,
      minBytes: 1,
      maxBytes: FETCH_BYTES,
      topics: [{ topic, partitions: [{ partition: 0, fetchOffset: String(next), maxBytes: FETCH_BYTES }] }],
    });
    const partition = answer.responses[0]?.partitions[0];
    const last = partition?.messages.at(-1);
    if (partition === undefined || last === undefined) {
      if (++emptyAnswers === 10)
        throw new UnexpectedAnswer(`Fetch of ${topic} at ${next} gave nothing, though it ends at ${to}`);
      continue;
    }
    emptyAnswers = 0;
    const abortedTransactions = (partition.abortedTransactions ?? []).toSorted(
      (a, b) => Number(a.firstOffset) - Number(b.firstOffset),
    );
    for (const message of filterAbortedMessages({ messages: partition.messages, abortedTransactions })) {
      const offset = Number(message.offset);
      if (!message.isControlRecord && offset >= next && offset < to) yield message;
    }
    next = Number(last.offset) + 1;
  }
}
