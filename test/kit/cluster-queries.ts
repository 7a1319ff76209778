import { setTimeout as sleep } from 'node:timers/promises';
import { CompactReader, compactCount, compactString, int32, NO_TAGS } from '../../src/kafka/compact-codec.js';
import {
  anyBroker,
  type Broker,
  type Cluster,
  destroyCluster,
  findCoordinator,
  GROUP_COORDINATOR,
  openCluster,
  requestConnection,
  TRANSACTION_COORDINATOR,
} from '../../src/kafka/kafkajs-internals.js';
import { sendRaw } from '../../src/kafka/raw-request.js';
import { kafkaAt } from './kafka-client.js';

/** A cluster that is electing leaders refuses much, but not for this time. */
const ANSWER_WITHIN_MS = 90_000;
const RETRY_MS = 100;
const DESCRIBE_QUORUM = { apiKey: 55, apiName: 'DescribeQuorum', apiVersion: 0, flexible: true };
const ELECT_LEADERS = { apiKey: 43, apiName: 'ElectLeaders', apiVersion: 1 };
const ELECTION_NOT_NEEDED = 84;

export interface Partition {
  partitionId: number;
  leader: number;
  replicas: number[];
  isr: number[];
}

/** The partitions of a topic. `brokers`, here as below: nodes that answer, since one that is frozen is waited for. */
export async function partitionsOf(brokers: string, topic: string): Promise<Partition[]> {
  return ask(brokers, async (cluster) => {
    const { topicMetadata } = (await (await anyBroker(cluster)).metadata([topic])) as unknown as {
      topicMetadata: { partitionMetadata: Partition[] }[];
    };
    return topicMetadata.flatMap(({ partitionMetadata }) => partitionMetadata);
  });
}

/** The node that leads the only partition of a topic. */
export async function leaderOf(brokers: string, topic: string): Promise<number> {
  return (await partitionsOf(brokers, topic))[0]?.leader ?? -1;
}

/** Whether any node leads the only partition of a topic, which exists. */
export async function hasLeader(brokers: string, topic: string): Promise<boolean> {
  return ask(brokers, async (cluster) => {
    try {
      await (await anyBroker(cluster)).metadata([topic]);
      return true;
    } catch (error) {
      if ((error as { type?: string }).type !== 'LEADER_NOT_AVAILABLE') throw error;
      return false;
    }
  });
}

/** The node that coordinates the transactions of that id. */
export async function transactionCoordinatorOf(brokers: string, transactionalId: string): Promise<number> {
  return ask(
    brokers,
    async (cluster) => (await findCoordinator(cluster, transactionalId, TRANSACTION_COORDINATOR)).nodeId,
  );
}

/** The node that keeps the offsets of that group. */
export async function groupCoordinatorOf(brokers: string, group: string): Promise<number> {
  return ask(brokers, async (cluster) => (await findCoordinator(cluster, group, GROUP_COORDINATOR)).nodeId);
}

/** The node that is the active controller. Metadata would name any node: it forwards what a client has for it. */
export async function controllerOf(brokers: string): Promise<number> {
  return ask(brokers, async (cluster) => {
    const partition = [compactCount(1), int32(0), NO_TAGS];
    const body = [compactCount(1), compactString('__cluster_metadata'), ...partition, NO_TAGS, NO_TAGS];
    const reader = new CompactReader(await send(await anyBroker(cluster), DESCRIBE_QUORUM, body));
    reader.tags();
    const error = reader.int16();
    let leader = -1;
    reader.compactArray(() => {
      reader.compactString();
      reader.compactArray(() => {
        reader.skip(4 + 2); // index, error
        leader = reader.int32();
        // What follows of this only partition is of no interest.
      });
    });
    if (error !== 0 || leader < 0) throw new Error(`DescribeQuorum: error ${error}, leader ${leader}`);
    return leader;
  });
}

/** Makes a topic of one partition whose replicas are on these nodes. */
export async function createTopic(brokers: string, topic: string, replicas: number[]): Promise<void> {
  const admin = kafkaAt(brokers).admin();
  await admin.connect();
  try {
    const replicaAssignment = [{ partition: 0, replicas }];
    await admin.createTopics({ topics: [{ topic, replicaAssignment }], waitForLeaders: false });
  } finally {
    await admin.disconnect();
  }
}

/** Gives every partition of the topic these replicas; resolves when it has them. */
export async function reassign(brokers: string, topic: string, replicas: number[]): Promise<void> {
  await reassignEach(brokers, topic, await partitionsOf(brokers, topic), () => replicas);
  for (const deadline = Date.now() + ANSWER_WITHIN_MS; ; await sleep(RETRY_MS)) {
    const partitions = await partitionsOf(brokers, topic);
    if (partitions.every((partition) => String(partition.replicas) === String(replicas))) return;
    if (Date.now() > deadline) throw new Error(`${topic} has ${JSON.stringify(partitions)}`);
  }
}

/** Makes `node` the preferred leader of every partition of the topic, and elects it; it must be a replica in sync. */
export async function electLeader(brokers: string, topic: string, node: number): Promise<void> {
  const partitions = await partitionsOf(brokers, topic);
  await reassignEach(brokers, topic, partitions, ({ replicas }) => [
    node,
    ...replicas.filter((replica) => replica !== node),
  ]);
  await ask(brokers, async (cluster) => {
    const name = Buffer.from(topic);
    const length = Buffer.from([name.length >> 8, name.length & 255]);
    const numbers = [partitions.length, ...partitions.map(({ partitionId }) => partitionId)].map(int32);
    // The preferred replica (0) of one topic's partitions, within 30 s.
    const body = [Uint8Array.of(0), int32(1), length, name, ...numbers, int32(30_000)];
    const answer = await send(await anyBroker(cluster), ELECT_LEADERS, body);
    const error = answer.readInt16BE(4);
    if (error !== 0 && error !== ELECTION_NOT_NEEDED) throw new Error(`ElectLeaders: error ${error}`);
    const leaders = new Set((await partitionsOf(brokers, topic)).map(({ leader }) => leader));
    if (leaders.size !== 1 || !leaders.has(node)) throw new Error(`${topic} is led by ${[...leaders]}, not by ${node}`);
  });
}

async function reassignEach(
  brokers: string,
  topic: string,
  partitions: Partition[],
  replicasOf: (partition: Partition) => number[],
): Promise<void> {
  const admin = kafkaAt(brokers).admin();
  await admin.connect();
  try {
    const partitionAssignment = partitions.map((partition) => ({
      partition: partition.partitionId,
      replicas: replicasOf(partition),
    }));
    await admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment }] });
  } finally {
    await admin.disconnect();
  }
}

async function send(broker: Broker, call: Parameters<typeof sendRaw>[1], parts: Uint8Array[]): Promise<Buffer> {
  return sendRaw(await requestConnection(broker), call, parts);
}

/** Asks again, on new connections, until there is an answer. */
async function ask<T>(brokers: string, use: (cluster: Cluster) => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + ANSWER_WITHIN_MS; ; await sleep(RETRY_MS)) {
    const cluster = openCluster(kafkaAt(brokers));
    try {
      await cluster.connect();
      return await use(cluster);
    } catch (error) {
      if (Date.now() > deadline) throw error;
    } finally {
      destroyCluster(cluster, new Error('done'));
    }
  }
}
