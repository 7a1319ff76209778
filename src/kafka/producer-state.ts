import { CompactReader, compactCount, compactString, int32, NO_TAGS } from './compact-codec.js';
import { protocolError } from './kafka-failure.js';
import type { Connection } from './kafkajs-internals.js';
import { sendRaw } from './raw-request.js';

export const DESCRIBE_PRODUCERS = { apiKey: 61, apiName: 'DescribeProducers', apiVersion: 0, flexible: true };
export const WRITE_TXN_MARKERS = { apiKey: 27, apiName: 'WriteTxnMarkers', apiVersion: 1, flexible: true };

export interface Partition {
  topic: string;
  partition: number;
}

/** What the leader of a partition knows of a producer (KIP-664). */
export interface ProducerState {
  producerId: bigint;
  producerEpoch: number;
  /** Epoch of the last marker's coordinator; −1: there was none. */
  coordinatorEpoch: number;
  /** First offset of its open transaction; −1: none is open. */
  openSince: number;
  /** Time of its last record batch, in ms since the epoch; −1: unknown. */
  lastTimestamp: number;
}

/** The producers of partition 0 of a topic. `error`: why the leader did not tell; 0: it did. */
export interface TopicProducers {
  topic: string;
  error: number;
  producers: ProducerState[];
}

const ONE_ENTRY = compactCount(1);

/**
 * DescribeProducers v0 of one partition, to be sent to its leader. It needs READ on the topic.
 * Throws protocol errors by name.
 */
export async function describeProducers(
  connection: Connection,
  { topic, partition }: Partition,
): Promise<ProducerState[]> {
  const [answer] = decodeDescribeProducers(await sendRaw(connection, DESCRIBE_PRODUCERS, [encode([topic], partition)]));
  if (answer === undefined) return [];
  if (answer.error !== 0) throw protocolError(answer.error, 'DescribeProducers');
  return answer.producers;
}

/** The same of partition 0 of several topics, which the broker leads. */
export async function describeProducersOf(
  connection: Connection,
  topics: readonly string[],
): Promise<TopicProducers[]> {
  return decodeDescribeProducers(await sendRaw(connection, DESCRIBE_PRODUCERS, [encode(topics, 0)]));
}

function encode(topics: readonly string[], partition: number): Buffer {
  const entries = topics.flatMap((topic) => [compactString(topic), ONE_ENTRY, int32(partition), NO_TAGS]);
  return Buffer.concat([compactCount(topics.length), ...entries, NO_TAGS]);
}

/** The bytes after the correlation id; expects one partition of each topic. */
export function decodeDescribeProducers(payload: Buffer): TopicProducers[] {
  const reader = new CompactReader(payload);
  reader.tags(); // of the header
  reader.skip(4); // throttle time
  const topics: TopicProducers[] = [];
  reader.compactArray(() => {
    const answer: TopicProducers = { topic: reader.compactString() ?? '', error: 0, producers: [] };
    reader.compactArray(() => {
      reader.skip(4); // partition
      answer.error = reader.int16();
      reader.compactString(); // error message
      reader.compactArray(() => answer.producers.push(readProducer(reader)));
      reader.tags();
    });
    reader.tags();
    topics.push(answer);
  });
  return topics;
}

function readProducer(reader: CompactReader): ProducerState {
  const producerId = reader.int64();
  const producerEpoch = reader.int32();
  reader.skip(4); // last sequence
  const lastTimestamp = Number(reader.int64());
  const coordinatorEpoch = reader.int32();
  const openSince = Number(reader.int64());
  reader.tags();
  return { producerId, producerEpoch, coordinatorEpoch, openSince, lastTimestamp };
}

/**
 * WriteTxnMarkers v1: writes the COMMIT marker of one producer's open transaction to one partition, as the transaction
 * coordinator would. To be sent to the partition's leader. A marker of an older epoch than the partition's is refused.
 * It needs ALTER on the cluster (CLUSTER_ACTION before Kafka 3.8). Throws protocol errors by name.
 */
export async function writeCommitMarker(
  connection: Connection,
  { topic, partition }: Partition,
  producer: ProducerState,
): Promise<void> {
  const identity = Buffer.alloc(11);
  identity.writeBigInt64BE(producer.producerId, 0);
  identity.writeInt16BE(producer.producerEpoch, 8);
  identity.writeUInt8(1, 10); // commit
  const coordinatorEpoch = int32(Math.max(0, producer.coordinatorEpoch));
  const partitions = [ONE_ENTRY, compactString(topic), ONE_ENTRY, int32(partition), NO_TAGS];
  const body = [ONE_ENTRY, identity, ...partitions, coordinatorEpoch, NO_TAGS, NO_TAGS];
  const error = decodeWriteTxnMarkers(await sendRaw(connection, WRITE_TXN_MARKERS, body));
  if (error !== 0) throw protocolError(error, `WriteTxnMarkers to ${topic}`);
}

/** The first error code of the answer; 0: none. */
export function decodeWriteTxnMarkers(payload: Buffer): number {
  const reader = new CompactReader(payload);
  reader.tags(); // of the header
  let error = 0;
  reader.compactArray(() => {
    reader.skip(8); // producer id
    reader.compactArray(() => {
      reader.compactString(); // topic
      reader.compactArray(() => {
        reader.skip(4); // partition
        error ||= reader.int16();
        reader.tags();
      });
      reader.tags();
    });
    reader.tags();
  });
  return error;
}
