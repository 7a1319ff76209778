import type { Kafka } from 'kafkajs';
import { errorType, failureDetail } from './kafka-failure.js';
import {
  anyBroker,
  type Broker,
  type Cluster,
  destroyCluster,
  findCoordinator,
  GROUP_COORDINATOR,
  openCluster,
  TRANSACTION_COORDINATOR,
} from './kafkajs-internals.js';
import { missingApis } from './required-apis.js';
import { withTimeout } from './timeout.js';
import { initProducerId, retryWhilePending } from './transactional-session.js';

/** Where checkpoints and transactions are kept, each with the broker setting that its replicas come from. */
export const INTERNAL_TOPICS = {
  __consumer_offsets: 'offsets.topic.replication.factor',
  __transaction_state: 'transaction.state.log.replication.factor',
} as const;

export type InternalTopic = keyof typeof INTERNAL_TOPICS;

/** What the brokers say of themselves. null: unknown, because it is not there yet or they do not tell us. */
export interface ClusterState {
  /** Why jobs cannot be written exactly once, in the brokers' words; null: nothing is known to stand against it. */
  unsupported: string | null;
  /** Why transactions could not be tried, which may pass. */
  failure: string | null;
  /** How many are there. */
  brokers: number;
  /** How long transactions may be open. */
  transactionTimeoutMs: number | null;
  /** How many replicas the partition with the fewest has. */
  replicas: Readonly<Record<InternalTopic, number | null>>;
  /** `offsets.retention.minutes`: the least of all brokers'. */
  offsetsRetentionMinutes: number | null;
}

type Settings = ReadonlyMap<string, string>;

const LOOK_MS = 45_000;
/** Each takes a connection. */
const MAX_BROKERS = 12;
const BROKER_RESOURCE = 4;
const OFFSETS_RETENTION = 'offsets.retention.minutes';
const VERIFICATION = 'transaction.partition.verification.enable';
/** The broker does not do what it is asked; Redpanda says so of transactions that are turned off. */
const REFUSALS = new Set([
  'UNSUPPORTED_VERSION',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
  'INVALID_REQUEST',
  'INVALID_TRANSACTION_TIMEOUT',
]);

/**
 * Looks at every broker that is there (the first 12 of them), over connections that are closed again. `probeId`: a
 * transactional id, and the name of a group, of the service's own. Nothing is left but that id in `__transaction_state`.
 * Throws kafkajs' errors if no broker answers.
 */
export async function readClusterState(kafka: Kafka, probeId: string): Promise<ClusterState> {
  const cluster = openCluster(kafka);
  const close = (): void => destroyCluster(cluster, new Error('the state of the cluster is known'));
  // Once more at its end: a step that comes after the time-out connects again.
  const reading = read(cluster, probeId).finally(close);
  return withTimeout(LOOK_MS, 'the state of the cluster', reading).finally(close);
}

async function read(cluster: Cluster, probeId: string): Promise<ClusterState> {
  await cluster.connect();
  await cluster.refreshMetadata();
  const ids = Object.values(cluster.brokerPool.brokers).map(({ nodeId }) => nodeId);
  const looks = await Promise.allSettled(ids.slice(0, MAX_BROKERS).map((nodeId) => readBroker(cluster, nodeId)));
  // One that is just going away matters to nobody.
  const brokers = looks.flatMap((look) => (look.status === 'fulfilled' ? [look.value] : []));
  const lack = brokers.map(({ unsupported }) => unsupported).find((each) => each !== null) ?? null;
  const transactions =
    lack === null
      ? await tryTransactions(cluster, probeId)
      : { unsupported: lack, failure: null, transactionTimeoutMs: null };
  const retention = brokers.flatMap(({ settings }) => Number(settings.get(OFFSETS_RETENTION) ?? Number.NaN));
  return {
    ...transactions,
    brokers: ids.length,
    replicas: {
      __consumer_offsets: await readReplicas(cluster, '__consumer_offsets'),
      __transaction_state: await readReplicas(cluster, '__transaction_state'),
    },
    offsetsRetentionMinutes: least(retention),
  };
}

async function readBroker(
  cluster: Cluster,
  nodeId: number,
): Promise<{ settings: Settings; unsupported: string | null }> {
  const broker = await cluster.findBroker({ nodeId });
  const missing = missingApis(await broker.apiVersions());
  const settings = await readSettings(broker);
  if (missing !== null) return { settings, unsupported: `broker ${nodeId} offers ${missing}` };
  const isUnverified = settings.get(VERIFICATION) === 'false';
  return { settings, unsupported: isUnverified ? `broker ${nodeId} has ${VERIFICATION}=false` : null };
}

/** Empty if the broker does not tell us: that takes DESCRIBE_CONFIGS on the cluster. */
async function readSettings(broker: Broker): Promise<Settings> {
  const names = { type: BROKER_RESOURCE, name: `${broker.nodeId}`, configNames: [OFFSETS_RETENTION, VERIFICATION] };
  try {
    const { resources } = await broker.describeConfigs({ resources: [names] });
    const entries = resources.flatMap(({ configEntries }) => configEntries);
    return new Map(entries.flatMap(({ configName, configValue }) => (configValue ? [[configName, configValue]] : [])));
  } catch {
    return new Map();
  }
}

/** What the brokers say to an empty transaction. */
async function tryTransactions(
  cluster: Cluster,
  transactionalId: string,
): Promise<Pick<ClusterState, 'unsupported' | 'failure' | 'transactionTimeoutMs'>> {
  try {
    // A coordinator that has just been elected does not know it yet.
    const trying = () => abortEmptyTransaction(cluster, transactionalId);
    const transactionTimeoutMs = await retryWhilePending(trying, 'NOT_COORDINATOR_FOR_GROUP');
    return { unsupported: null, failure: null, transactionTimeoutMs };
  } catch (error) {
    const said = { unsupported: null, failure: null, transactionTimeoutMs: null };
    const detail = failureDetail(error);
    return isRefusal(error) ? { ...said, unsupported: detail } : { ...said, failure: detail };
  }
}

/** Resolves with the time that the transaction had when its marker is written. */
async function abortEmptyTransaction(cluster: Cluster, transactionalId: string): Promise<number> {
  // Makes __consumer_offsets if it is not there.
  await retryWhilePending(() => findCoordinator(cluster, transactionalId, GROUP_COORDINATOR));
  const coordinator = await retryWhilePending(() => findCoordinator(cluster, transactionalId, TRANSACTION_COORDINATOR));
  const { transactionTimeoutMs, producerId, producerEpoch } = await retryWhilePending(() =>
    initProducerId(coordinator, transactionalId),
  );
  const identity = { transactionalId, producerId, producerEpoch };
  // The group commits nothing. Without it there would be no partition that gets a marker.
  await retryWhilePending(() => coordinator.addOffsetsToTxn({ ...identity, groupId: transactionalId }));
  await retryWhilePending(() => coordinator.endTxn({ ...identity, transactionResult: false }));
  // Is refused as CONCURRENT_TRANSACTIONS until the marker is written.
  await retryWhilePending(() => initProducerId(coordinator, transactionalId));
  return transactionTimeoutMs;
}

function isRefusal(error: unknown): boolean {
  return (error as Error).name === 'KafkaJSServerDoesNotSupportApiKey' || REFUSALS.has(errorType(error));
}

/** null: there is no such topic yet, we may not see it, or it has no leader. */
async function readReplicas(cluster: Cluster, topic: InternalTopic): Promise<number | null> {
  try {
    const { topicMetadata } = await (await anyBroker(cluster)).metadata([topic]);
    return least(
      topicMetadata.flatMap(({ partitionMetadata }) => partitionMetadata.map((each) => each.replicas.length)),
    );
  } catch {
    return null;
  }
}

function least(values: readonly number[]): number | null {
  const known = values.filter((value) => Number.isFinite(value));
  return known.length === 0 ? null : Math.min(...known);
}
