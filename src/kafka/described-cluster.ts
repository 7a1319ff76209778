import { CompactReader, int32, plainString } from './compact-codec.js';
import { protocolError } from './kafka-failure.js';
import type { Connection } from './kafkajs-internals.js';
import { sendRaw } from './raw-request.js';

/** The version that says which operations are allowed (KIP-430), of the cluster, too. */
export const METADATA = { apiKey: 3, apiName: 'Metadata', apiVersion: 8 };
/** The version that says which operations are allowed. */
export const DESCRIBE_GROUPS = { apiKey: 15, apiName: 'DescribeGroups', apiVersion: 4 };

/** Codes of the operations that permissions are given for (Kafka's AclOperation). */
const OPERATIONS = {
  READ: 3,
  WRITE: 4,
  CREATE: 5,
  DELETE: 6,
  ALTER: 7,
  DESCRIBE: 8,
  CLUSTER_ACTION: 9,
  DESCRIBE_CONFIGS: 10,
  ALTER_CONFIGS: 11,
} as const;
export type Operation = keyof typeof OPERATIONS;
const UNKNOWN = -(2 ** 31);

/** The operations that we may do on something; null: the broker does not say. */
export type AllowedOperations = ReadonlySet<Operation> | null;

export interface DescribedPartition {
  /** −1: none. */
  leader: number;
  replicas: number;
  inSync: number;
}

export interface DescribedTopic {
  name: string;
  /** Code of the protocol; 0: none. */
  error: number;
  partitions: DescribedPartition[];
  allowed: AllowedOperations;
}

/** What a broker knows of its cluster. */
export interface DescribedCluster {
  brokers: { nodeId: number; address: string }[];
  topics: DescribedTopic[];
  /** On the cluster itself. */
  allowed: AllowedOperations;
}

/** Metadata v8 of these topics; null: of all that we may describe. Creates none. */
export async function describeCluster(
  connection: Connection,
  topics: readonly string[] | null,
): Promise<DescribedCluster> {
  return decodeMetadata(await sendRaw(connection, METADATA, [encodeMetadata(topics)]));
}

export function encodeMetadata(topics: readonly string[] | null): Buffer {
  const names = (topics ?? []).map(plainString);
  // No creation of topics; allowed operations of the cluster and the topics.
  return Buffer.concat([int32(topics?.length ?? -1), ...names, Uint8Array.of(0, 1, 1)]);
}

/** The bytes after the correlation id. */
export function decodeMetadata(payload: Buffer): DescribedCluster {
  const reader = new CompactReader(payload);
  reader.skip(4); // throttle time
  const brokers: DescribedCluster['brokers'] = [];
  reader.array(() => {
    const nodeId = reader.int32();
    brokers.push({ nodeId, address: `${reader.string()}:${reader.int32()}` });
    reader.string(); // rack
  });
  reader.string(); // cluster's id
  reader.skip(4); // controller
  const topics: DescribedTopic[] = [];
  reader.array(() => {
    const error = reader.int16();
    const name = reader.string() ?? '';
    reader.skip(1); // internal
    const partitions: DescribedPartition[] = [];
    reader.array(() => partitions.push(readPartition(reader)));
    topics.push({ name, error, partitions, allowed: allowedOperations(reader.int32()) });
  });
  return { brokers, topics, allowed: allowedOperations(reader.int32()) };
}

function readPartition(reader: CompactReader): DescribedPartition {
  const count = (): number => {
    const nodes = reader.int32();
    reader.skip(4 * nodes);
    return nodes;
  };
  reader.skip(2 + 4); // error, index
  const leader = reader.int32();
  reader.skip(4); // its epoch
  const partition = { leader, replicas: count(), inSync: count() };
  count(); // offline replicas
  return partition;
}

/** DescribeGroups v4 of one group, to be sent to its coordinator: what we may do with it. Throws protocol errors by name. */
export async function describeGroup(connection: Connection, group: string): Promise<AllowedOperations> {
  const body = [int32(1), plainString(group), Uint8Array.of(1)];
  return decodeDescribeGroups(await sendRaw(connection, DESCRIBE_GROUPS, body));
}

/** The bytes after the correlation id; expects one group that nobody has joined, as nobody does those of jobs. */
export function decodeDescribeGroups(payload: Buffer): AllowedOperations {
  const reader = new CompactReader(payload);
  reader.skip(4 + 4); // throttle time, number of groups
  const error = reader.int16();
  if (error !== 0) throw protocolError(error, 'DescribeGroups');
  for (let strings = 0; strings < 4; strings++) reader.string(); // id, state, type of protocol, protocol
  reader.skip(4); // number of members
  return allowedOperations(reader.int32());
}

function allowedOperations(bits: number): AllowedOperations {
  if (bits === UNKNOWN) return null;
  const names = Object.keys(OPERATIONS) as Operation[];
  return new Set(names.filter((name) => (bits & (1 << OPERATIONS[name])) !== 0));
}
