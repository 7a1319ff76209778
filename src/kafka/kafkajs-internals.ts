import type { Kafka } from 'kafkajs';

/**
 * The parts of kafkajs 2.2.4 that its public types do not show and that we build on: its cluster (bootstrap, TLS,
 * SASL, metadata, coordinators) and its connections, on which we write custom requests. `openCluster` fails
 * loudly at once if any of it has changed shape, so that an upgrade is noticed at start and not under load.
 */

interface SocketRequest {
  entry: {
    apiKey: number;
    apiName: string;
    apiVersion: number;
    correlationId: number;
    resolve(answer: { payload: Buffer }): void;
    reject(error: Error): void;
  };
  expectResponse: boolean;
  requestTimeout: number | null;
  sendRequest(): void;
}

export interface Connection {
  readonly clientId: string;
  readonly socket: { cork(): void; uncork(): void; write(bytes: Uint8Array): boolean; destroy(): void } | undefined;
  readonly requestQueue: { push(request: SocketRequest): void; maybeThrottle(ms: number): void };
  isAuthenticated(): boolean;
  authenticate(): Promise<void>;
  failIfNotConnected(): void;
  nextCorrelationId(): number;
  rejectRequests(error: Error): void;
  disconnect(): Promise<boolean>;
}

interface ProducerIdentity {
  transactionalId: string;
  producerId: string;
  producerEpoch: number;
}

export interface FetchedMessage {
  offset: string;
  timestamp: string;
  key: Buffer | null;
  value: Buffer | null;
  isControlRecord: boolean;
  batchContext: { producerId: string; inTransaction: boolean };
}

interface Partition {
  partitionId: number;
  leader: number;
  replicas: number[];
}

export interface Broker {
  readonly nodeId: number;
  /** What the broker supports, by API key; known once it is connected. */
  readonly versions: Record<number, { minVersion: number; maxVersion: number } | undefined> | null;
  readonly connectionPool: { readonly pool: Connection[]; getConnection(index?: number): Promise<Connection> };
  connect(): Promise<void>;
  /** Asks this broker, whatever `versions` says: kafkajs asks one broker for all. */
  apiVersions(): Promise<NonNullable<Broker['versions']>>;
  /** Throws the first error of one of the topics. */
  metadata(topics: readonly string[]): Promise<{ topicMetadata: { topic: string; partitionMetadata: Partition[] }[] }>;
  describeConfigs(request: {
    resources: { type: number; name: string; configNames: string[] }[];
  }): Promise<{ resources: { configEntries: { configName: string; configValue: string | null }[] }[] }>;
  findGroupCoordinator(request: {
    groupId: string;
    coordinatorType: number;
  }): Promise<{ coordinator: { nodeId: number } }>;
  deleteGroups(groupIds: readonly string[]): Promise<{ results: { groupId: string; errorCode: number }[] }>;
  initProducerId(request: {
    transactionalId: string;
    transactionTimeout: number;
  }): Promise<{ producerId: string; producerEpoch: number }>;
  addPartitionsToTxn(
    request: ProducerIdentity & { topics: { topic: string; partitions: number[] }[] },
  ): Promise<unknown>;
  addOffsetsToTxn(request: ProducerIdentity & { groupId: string }): Promise<unknown>;
  txnOffsetCommit(
    request: ProducerIdentity & {
      groupId: string;
      topics: { topic: string; partitions: { partition: number; offset: string; metadata: string }[] }[];
    },
  ): Promise<unknown>;
  /** One batch for each partition, acknowledged by all replicas in sync. Outside of transactions. Throws the first error. */
  produce(request: {
    producerId: string;
    producerEpoch: number;
    topicData: {
      topic: string;
      partitions: { partition: number; firstSequence: number; messages: { key: Buffer; value: Buffer | null }[] }[];
    }[];
  }): Promise<unknown>;
  endTxn(request: ProducerIdentity & { transactionResult: boolean }): Promise<unknown>;
  listOffsets(request: {
    isolationLevel: number;
    topics: { topic: string; partitions: { partition: number; timestamp: number }[] }[];
  }): Promise<{ responses: { partitions: { partition: number; offset: string }[] }[] }>;
  fetch(request: {
    isolationLevel: number;
    maxWaitTime: number;
    minBytes: number;
    maxBytes: number;
    topics: { topic: string; partitions: { partition: number; fetchOffset: string; maxBytes: number }[] }[];
  }): Promise<{
    responses: {
      partitions: {
        lastStableOffset: string;
        abortedTransactions: { producerId: string; firstOffset: string }[] | null;
        messages: FetchedMessage[];
      }[];
    }[];
  }>;
}

export interface Cluster {
  readonly brokerPool: {
    readonly brokers: Record<string, Broker>;
    readonly seedBroker?: Broker;
    findConnectedBroker(): Promise<Broker>;
  };
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  addMultipleTargetTopics(topics: string[]): Promise<void>;
  findTopicPartitionMetadata(topic: string): Partition[];
  findBroker(request: { nodeId: number }): Promise<Broker>;
  findControllerBroker(): Promise<Broker>;
}

export const GROUP_COORDINATOR = 0;
export const TRANSACTION_COORDINATOR = 1;
export const READ_UNCOMMITTED = 0;
export const READ_COMMITTED = 1;

const CLUSTER_METHODS = [
  'connect',
  'disconnect',
  'refreshMetadata',
  'addMultipleTargetTopics',
  'findTopicPartitionMetadata',
  'findBroker',
  'findControllerBroker',
] as const;
const BROKER_METHODS = [
  'apiVersions',
  'metadata',
  'describeConfigs',
  'findGroupCoordinator',
  'deleteGroups',
  'initProducerId',
  'addPartitionsToTxn',
  'addOffsetsToTxn',
  'txnOffsetCommit',
  'endTxn',
  'listOffsets',
  'fetch',
] as const;
const CONNECTION_METHODS = [
  'isAuthenticated',
  'authenticate',
  'failIfNotConnected',
  'nextCorrelationId',
  'rejectRequests',
  'disconnect',
] as const;

/** Closes the connections to a broker at once, without waiting for answers; requests that are under way fail with `reason`. */
export function destroyBroker(broker: Broker, reason: Error): void {
  for (const connection of broker.connectionPool.pool) {
    connection.socket?.destroy();
    connection.rejectRequests(reason);
  }
}

function require(value: unknown, methods: readonly string[], what: string): void {
  for (const method of methods) {
    if (typeof (value as Record<string, unknown> | undefined)?.[method] !== 'function') {
      throw new Error(`kafkajs changed: its ${what} has no method ${method}; this version is not supported`);
    }
  }
}

/**
 * A separate cluster, not connected yet, reading at read_committed and never creating a topic by asking for its
 * metadata. Throws an Error if kafkajs' internals are not the expected ones.
 */
export function openCluster(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find((s) => s.description === 'private:Kafka:createCluster');
  if (symbol === undefined) throw new Error('kafkajs changed: it has no createCluster; this version is not supported');
  const create = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[symbol];
  const cluster = create?.call(kafka, {
    allowAutoTopicCreation: false,
    isolationLevel: READ_COMMITTED,
    maxInFlightRequests: null,
    metadataMaxAge: 300_000,
  });
  require(cluster, CLUSTER_METHODS, 'cluster');
  require(cluster?.brokerPool, ['findConnectedBroker'], 'pool of brokers');
  return cluster as Cluster;
}

/** Some broker of a cluster that is connected: the one that it talks to already, the next one if that is gone. */
export async function anyBroker(cluster: Cluster): Promise<Broker> {
  const broker = await cluster.brokerPool.findConnectedBroker();
  require(broker, BROKER_METHODS, 'broker');
  return broker;
}

/**
 * The coordinator of a group or a transactional id. kafkajs' own search asks every broker and keeps to itself what they
 * answer. Throws protocol errors by name (GROUP_AUTHORIZATION_FAILED), kafkajs' errors if the coordinator is away.
 */
export async function findCoordinator(cluster: Cluster, groupId: string, coordinatorType: number): Promise<Broker> {
  const { coordinator } = await (await anyBroker(cluster)).findGroupCoordinator({ groupId, coordinatorType });
  try {
    return await cluster.findBroker(coordinator);
  } catch (error) {
    // It has come since the metadata were read, and these have been renewed now.
    if ((error as Error).name !== 'KafkaJSBrokerNotFound') throw error;
    return cluster.findBroker(coordinator);
  }
}

/** The connection for produce and coordinator requests of a broker, connected and authenticated. */
export async function requestConnection(broker: Broker): Promise<Connection> {
  require(broker, BROKER_METHODS, 'broker');
  const connection = await broker.connectionPool.getConnection();
  require(connection, CONNECTION_METHODS, 'connection');
  require(connection.requestQueue, ['push', 'maybeThrottle'], 'request queue');
  return connection;
}

/**
 * Ends every connection of the cluster now: what is not written yet never leaves, what waits for an answer fails.
 * (kafkajs' own disconnect waits for the answers, which may never come; here it only cleans up behind.)
 */
export function destroyCluster(cluster: Cluster, reason: Error): void {
  const brokers = new Set(Object.values(cluster.brokerPool.brokers ?? {}));
  if (cluster.brokerPool.seedBroker) brokers.add(cluster.brokerPool.seedBroker);
  for (const broker of brokers) destroyBroker(broker, reason);
  cluster.disconnect().catch(() => undefined); // the sockets are gone: nothing is left that could matter
}
