import type { Kafka } from 'kafkajs';
import { knownDefect, readMetadataLevel } from './broker-features.js';
import {
  type AllowedOperations,
  type DescribedCluster,
  describeCluster,
  describeGroup,
  METADATA,
} from './described-cluster.js';
import { failureDetail, protocolError, UnexpectedAnswer } from './kafka-failure.js';
import {
  anyBroker,
  type Cluster,
  destroyCluster,
  findCoordinator,
  GROUP_COORDINATOR,
  openCluster,
  requestConnection,
} from './kafkajs-internals.js';
import { describeProducersOf } from './producer-state.js';
import { retryWhilePending } from './transactional-session.js';

const TOPIC_RESOURCE = 2;
/** UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER: since it was described. */
const MOVED: ReadonlySet<number> = new Set([3, 6]);

export interface OpenTransactionOfTopic {
  topic: string;
  /** Offset of its first record. */
  start: number;
  /** Time of its last record batch, in ms since the epoch. */
  lastTimestamp: number;
}

/**
 * Questions that an operator's diagnosis asks of a cluster, over separate connections. Nothing is changed there. Calls
 * throw kafkajs' errors if the brokers are away or refuse.
 */
export class ClusterInspector {
  readonly #cluster: Cluster;
  #connecting: Promise<void> | undefined;

  constructor(kafka: Kafka) {
    this.#cluster = openCluster(kafka);
  }

  /** Resolves if one of the servers answers and takes our credentials. */
  async connect(): Promise<void> {
    this.#connecting ??= (async () => {
      await this.#cluster.connect();
      await this.#cluster.refreshMetadata();
    })();
    await this.#connecting;
  }

  /** These topics, or all that we may describe (null), with what we may do. */
  async describe(topics: readonly string[] | null): Promise<DescribedCluster> {
    await this.connect();
    const broker = await anyBroker(this.#cluster);
    if ((broker.versions?.[METADATA.apiKey]?.maxVersion ?? 0) < METADATA.apiVersion) {
      throw new UnexpectedAnswer(`the broker offers no ${METADATA.apiName} v${METADATA.apiVersion}`);
    }
    return describeCluster(await requestConnection(broker), topics);
  }

  /** Asks a broker under its advertised address: what is known to be wrong with its version, null for nothing. */
  async askBroker(nodeId: number): Promise<string | null> {
    await this.connect();
    return knownDefect(await readMetadataLevel(await this.#cluster.findBroker({ nodeId })));
  }

  /** What we may do with a group. */
  async describeGroup(group: string): Promise<AllowedOperations> {
    await this.connect();
    return retryWhilePending(async () => {
      const coordinator = await findCoordinator(this.#cluster, group, GROUP_COORDINATOR);
      return describeGroup(await requestConnection(coordinator), group);
    }, 'NOT_COORDINATOR_FOR_GROUP');
  }

  /** Values of configs of topics by topic. One that the broker does not tell is absent. */
  async topicConfigs(topics: readonly string[], names: readonly string[]): Promise<Map<string, Map<string, string>>> {
    await this.connect();
    const resources = topics.map((name) => ({ type: TOPIC_RESOURCE, name, configNames: [...names] }));
    const answer = await (await anyBroker(this.#cluster)).describeConfigs({ resources });
    return new Map(
      answer.resources.map(({ configEntries }, index) => {
        const known = configEntries.flatMap(({ configName, configValue }): [string, string][] =>
          configValue === null ? [] : [[configName, configValue]],
        );
        return [topics[index] ?? '', new Map(known)];
      }),
    );
  }

  /** The transactions that are open in partition 0 of topics, by the leaders of these. It needs READ on the topics. */
  async openTransactions(topics: readonly { topic: string; leader: number }[]): Promise<OpenTransactionOfTopic[]> {
    await this.connect();
    const asked = [...Map.groupBy(topics, ({ leader }) => leader)].map(async ([nodeId, led]) => {
      const connection = await requestConnection(await this.#cluster.findBroker({ nodeId }));
      const names = led.map(({ topic }) => topic);
      const answers = await describeProducersOf(connection, names);
      const refused = answers.find(({ error }) => error !== 0 && !MOVED.has(error));
      if (refused !== undefined) throw protocolError(refused.error, `DescribeProducers of ${refused.topic}`);
      return answers.flatMap(({ topic, producers }) =>
        producers.flatMap(({ openSince, lastTimestamp }) =>
          openSince < 0 ? [] : [{ topic, start: openSince, lastTimestamp }],
        ),
      );
    });
    return (await Promise.all(asked)).flat();
  }

  close(): void {
    destroyCluster(this.#cluster, new Error('the cluster has been inspected'));
  }
}

/** Why a server of KAFKA_BROKERS cannot be used, in its words or the system's; null: it can. `kafka`: with that server alone. */
export async function whyUnreachable(kafka: Kafka): Promise<string | null> {
  const inspector = new ClusterInspector(kafka);
  try {
    await inspector.connect();
    return null;
  } catch (error) {
    return failureDetail(error);
  } finally {
    inspector.close();
  }
}
