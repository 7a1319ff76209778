import { createRequire } from 'node:module';
import { UnexpectedAnswer } from './kafka-failure.js';
import { type Cluster, type FetchedMessage, READ_COMMITTED } from './kafkajs-internals.js';

type Fetched = Awaited<ReturnType<Awaited<ReturnType<Cluster['findBroker']>>['fetch']>>;
type FetchedPartition = Fetched['responses'][number]['partitions'][number];

const filterAbortedMessages = createRequire(import.meta.url)('kafkajs/src/consumer/filterAbortedMessages') as (
  partition: Pick<FetchedPartition, 'messages' | 'abortedTransactions'>,
) => FetchedMessage[];

/** Of one answer, beyond its first batch, which always comes whole: compressed ones may hold many times as much. */
const FETCH_BYTES = 256 * 1024;
const FETCH_WAIT_MS = 500;

/** First offset and read_committed end (last stable offset) of partition 0. */
export async function topicBounds(cluster: Cluster, topic: string): Promise<{ start: number; end: number }> {
  const offset = async (fromBeginning: boolean): Promise<number> => {
    const [answer] = await cluster.fetchTopicsOffset([{ topic, fromBeginning, partitions: [{ partition: 0 }] }]);
    const value = Number(answer?.partitions[0]?.offset);
    if (!Number.isSafeInteger(value) || value < 0) throw new UnexpectedAnswer(`ListOffsets of ${topic} gave no offset`);
    return value;
  };
  const [start, end] = await Promise.all([offset(true), offset(false)]);
  return { start, end };
}

/** Yields the committed records of partition 0 in `[from, to)`, in order; control records and aborted ones left out. */
export async function* committedRecords(
  cluster: Cluster,
  topic: string,
  from: number,
  to: number,
): AsyncGenerator<FetchedMessage> {
  const leader = cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === 0)?.leader;
  if (leader === undefined) throw new UnexpectedAnswer(`the metadata of ${topic} has no partition 0`);
  const broker = await cluster.findBroker({ nodeId: leader });
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

/** Whether partition 0 holds a committed record in `[from, to)`. */
export async function hasCommittedRecord(cluster: Cluster, topic: string, from: number, to: number): Promise<boolean> {
  for await (const _record of committedRecords(cluster, topic, from, to)) return true;
  return false;
}
