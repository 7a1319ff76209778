import type { Kafka } from 'kafkajs';
import { setTopicConfig } from './alter-configs.js';
import { knownDefect, readMetadataLevel } from './broker-features.js';
import { highWatermark, type TopicBounds } from './committed-records.js';
import {
  classifyFailure,
  errorType,
  isAuthenticationFailure,
  protocolError,
  UnexpectedAnswer,
} from './kafka-failure.js';
import {
  anyBroker,
  type Cluster,
  type Connection,
  destroyCluster,
  findCoordinator,
  GROUP_COORDINATOR,
  openCluster,
  requestConnection,
  TRANSACTION_COORDINATOR,
} from './kafkajs-internals.js';
import type { JobNames, JobTopics, ServiceTopics } from './names.js';
import { withTimeout } from './timeout.js';
import { CLOCK_TOPIC_CONFIG, JOB_TOPIC_CONFIG, JOBS_TOPIC_CONFIG, RefusedConfigs } from './topic-configs.js';
import { TopicReader } from './topic-reader.js';
import { BROKER_DEFAULT, createTopics, deleteTopic, type TopicSettings } from './topic-requests.js';
import { retryWhilePending } from './transactional-session.js';

const ADMIN_TIMEOUT_MS = 10_000;
const CALL_MS = 15_000;
/** How long a broker that shuts down may be left out of the count of those that are registered, as it is not once it is gone. */
const SHUTDOWN_MS = 60_000;
const GROUP_ID_NOT_FOUND = 69;

/** Offsets behind the last record of each topic. */
export type JobTopicEnds = Readonly<Record<keyof JobTopics, number>>;

/** nothing: both are there and empty. unknown topic: so it is, but that one of them is not there. */
export type JobTopicsLeft = 'records' | 'nothing' | 'unknown topic';

interface Connected {
  cluster: Cluster;
  /** Replication factor of new topics: the configured one, or the broker's default once that was refused. */
  replicationFactor: number;
}

/**
 * Topic administration over one connection that is opened at the first call and again after a failure; whoever meets
 * the failure is served over the new one. It asks for no topics but those it is called for, so that no other topic of the
 * cluster matters. Every call throws kafkajs' errors if the broker is away or refuses.
 */
export class TopicAdmin {
  #connected: Promise<Connected> | undefined;
  #knownDefect: string | null = null;
  #obtainedReplicas: number | null = null;
  /** When there were last as many brokers as replicas are asked for, by the monotonic clock. */
  #enoughBrokersAt = Number.NEGATIVE_INFINITY;
  readonly #refused = new RefusedConfigs();

  /**
   * `service`: the topics that the service has for itself. `replicationFactor`: of new topics
   * (KAFKA_REPLICATION_FACTOR); the broker's own if it has too few brokers.
   * `jobTopicConfig`: what the brokers refuse of it is left out, if it can be.
   */
  constructor(
    private readonly kafka: Kafka,
    readonly service: ServiceTopics,
    private readonly replicationFactor: number,
    private readonly jobTopicConfig: Readonly<Record<string, string>> = JOB_TOPIC_CONFIG,
  ) {}

  /** Creates both topics of a job; false if one of the names is taken: the caller takes another id. */
  async createJobTopics({ data, dlq }: JobTopics): Promise<boolean> {
    return this.#create([data, dlq], this.jobTopicConfig);
  }

  /** Whether both topics of a job are there and never had a record. */
  async areUnused({ data, dlq }: JobTopics): Promise<boolean> {
    return this.#use(async ({ cluster }) => {
      try {
        const { topicMetadata } = await (await anyBroker(cluster)).metadata([data, dlq]);
        const ends = topicMetadata.map(async ({ topic, partitionMetadata: [partition] }) => {
          if (partition === undefined) throw new UnexpectedAnswer(`the metadata of ${topic} has no partition`);
          return highWatermark(await cluster.findBroker({ nodeId: partition.leader }), topic);
        });
        return (await Promise.all(ends)).every((end) => end === 0);
      } catch (error) {
        if (errorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return false;
        throw error;
      }
    });
  }

  /**
   * Resolves if a job of these names could have its topics, and its group and its transactional id may be described.
   * Nothing is created.
   */
  async validateJob({ data, dlq, group: groupId }: JobNames): Promise<void> {
    await this.#create([data, dlq], this.jobTopicConfig, true);
    await this.#use(async ({ cluster }) => {
      const broker = await anyBroker(cluster);
      for (const coordinatorType of [GROUP_COORDINATOR, TRANSACTION_COORDINATOR]) {
        try {
          await broker.findGroupCoordinator({ groupId, coordinatorType });
        } catch (error) {
          // One that is not there yet is waited for by whoever needs it.
          if (classifyFailure(error)?.kind !== 'transient') throw error;
        }
      }
    });
  }

  /**
   * For a job that did not come into being: deletes those of its topics that never had a record. One that had records
   * was there before, under a name that was taken by chance, and is not ours.
   */
  async deleteUnusedJobTopics({ data, dlq }: JobTopics): Promise<void> {
    for (const topic of [data, dlq]) {
      const bounds = await this.#bounds(topic);
      // Not its readable end: an open transaction hides records from that.
      if (bounds?.high === 0) await this.#delete(topic);
    }
  }

  /**
   * Whether there is no such topic. A broker that has just started has not heard of all of them, so the controller is
   * asked, which creates nothing.
   */
  async isGone(topic: string): Promise<boolean> {
    try {
      return await this.#create([topic], this.jobTopicConfig, true);
    } catch (error) {
      // A name that is taken comes before all else but our rights, without which nothing more is to be found out.
      if (classifyFailure(error)?.kind === 'fatal') return true;
      throw error;
    }
  }

  /**
   * What is left of a job's topics. `ends`: the offsets behind what the job wrote; a topic that ends before that is
   * another one.
   */
  async lookAtJobTopics({ data, dlq }: JobTopics, ends: JobTopicEnds): Promise<JobTopicsLeft> {
    let left: JobTopicsLeft = 'nothing';
    for (const [topic, end] of [[data, ends.data] as const, [dlq, ends.dlq] as const]) {
      const bounds = await this.#bounds(topic);
      if (bounds === null) left = 'unknown topic';
      else if (bounds.start < bounds.high || bounds.high < end) return 'records';
    }
    return left;
  }

  /** Whether a job's topics hold all that it wrote, up to these ends: retention has deleted nothing. */
  async holdsAllRecords({ data, dlq }: JobTopics, ends: JobTopicEnds): Promise<boolean> {
    for (const [topic, end] of [[data, ends.data] as const, [dlq, ends.dlq] as const]) {
      const bounds = await this.#bounds(topic);
      if (bounds === null || (end > 0 && (bounds.start > 0 || bounds.high < end))) return false;
    }
    return true;
  }

  /** Has the records of a job's topics, if they are there, kept for `ms`; null: for ever. Needs ALTER_CONFIGS on the topics. */
  async setJobRetention({ data, dlq }: JobTopics, ms: number | null): Promise<void> {
    await this.#administer((connection) => setTopicConfig(connection, [data, dlq], 'retention.ms', String(ms ?? -1)));
  }

  /** Creates the topic of the jobs if it does not exist. */
  async ensureJobsTopic(): Promise<void> {
    await this.#ensure(this.service.jobs, JOBS_TOPIC_CONFIG);
  }

  /** Creates the topic of `readBrokerTime` if it does not exist. */
  async ensureClockTopic(): Promise<void> {
    await this.#ensure(this.service.clock, CLOCK_TOPIC_CONFIG);
  }

  /** Resolves if a broker answers. */
  async ping(): Promise<void> {
    await this.#use(({ cluster }) => cluster.refreshMetadata());
  }

  /** What is known to be wrong with the brokers' version, in a sentence; null: nothing, or it is not known yet. */
  get knownDefect(): string | null {
    return this.#knownDefect;
  }

  /** How many replicas the last new topics got; null: there were none, or the brokers do not say what their default is. */
  get obtainedReplicas(): number | null {
    return this.#obtainedReplicas;
  }

  /** Which configs the brokers refuse for new topics, in a sentence; null: none, or it is not known yet. */
  get refusedConfigs(): string | null {
    return this.#refused.trouble();
  }

  async close(): Promise<void> {
    const connecting = this.#connected;
    this.#connected = undefined;
    const connected = await connecting?.catch(() => undefined);
    if (connected !== undefined) disconnect(connected.cluster);
  }

  /** Deletes both topics of a job; no error if they are gone already. */
  async deleteJobTopics({ data, dlq }: JobTopics): Promise<void> {
    for (const topic of [data, dlq]) await this.#delete(topic);
  }

  /** Deletes the consumer group that holds a job's checkpoint; no error if there is none. */
  async deleteJobGroup({ group: groupId }: Pick<JobNames, 'group'>): Promise<void> {
    await this.#use(({ cluster }) =>
      retryWhilePending(() => deleteGroup(cluster, groupId), 'NOT_COORDINATOR_FOR_GROUP'),
    );
  }

  /** null: there is no such topic. */
  async #bounds(topic: string): Promise<TopicBounds | null> {
    const opening = TopicReader.open(this.kafka, topic).then((reader) => {
      reader?.close(); // also if nobody waits for it any more
      return reader?.bounds ?? null;
    });
    const bounds = await withTimeout(CALL_MS, `the offsets of ${topic}`, opening);
    if (bounds === null && !(await this.isGone(topic)))
      throw new UnexpectedAnswer(`a broker does not know ${topic} yet`);
    return bounds;
  }

  /** Deletes a topic; no error if it is gone already. */
  async #delete(topic: string): Promise<void> {
    try {
      await this.#administer((connection) => deleteTopic(connection, topic, ADMIN_TIMEOUT_MS));
    } catch (error) {
      if (errorType(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
    }
  }

  /** Asks first: a topic that is there can be used without the right to create it. */
  async #ensure(topic: string, config: Readonly<Record<string, string>>): Promise<void> {
    try {
      await this.#use(async ({ cluster }) => (await anyBroker(cluster)).metadata([topic]));
    } catch (error) {
      const type = errorType(error);
      if (type === 'LEADER_NOT_AVAILABLE') return; // it is there
      if (type !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
      await this.#create([topic], config);
    }
  }

  async #create(topics: string[], wanted: Readonly<Record<string, string>>, validateOnly = false): Promise<boolean> {
    const request = { topics, timeoutMs: ADMIN_TIMEOUT_MS, validateOnly };
    // The factor and each config can be refused once.
    for (let left = 1 + Object.keys(wanted).length; ; left--) {
      let sent: Pick<TopicSettings, 'replicationFactor' | 'config'> | undefined;
      try {
        const ask = () =>
          this.#administer((connection, { replicationFactor }) => {
            sent = { replicationFactor, config: this.#refused.select(wanted, replicationFactor) };
            return createTopics(connection, { ...request, ...sent });
          });
        // While one of enough brokers shuts down, KRaft counts one too few.
        const { isTaken, replicationFactor } = await (this.#areEnoughBrokers
          ? retryWhilePending(ask, 'INVALID_REPLICATION_FACTOR')
          : ask());
        if (isTaken) return false;
        const asked = sent?.replicationFactor ?? BROKER_DEFAULT;
        this.#obtainedReplicas = replicationFactor ?? (asked === BROKER_DEFAULT ? null : asked);
        return true;
      } catch (error) {
        if (left === 0 || sent === undefined || !(await this.#doWithout(error, sent))) throw error;
      }
    }
  }

  /** Whether what is refused can be done without; the next request is without it then. */
  async #doWithout(
    error: unknown,
    { replicationFactor, config }: Pick<TopicSettings, 'replicationFactor' | 'config'>,
  ): Promise<boolean> {
    if (errorType(error) !== 'INVALID_REPLICATION_FACTOR') return this.#refused.leaveOut(error, config);
    if (replicationFactor === BROKER_DEFAULT) return false;
    const wasTriedAgain = this.#areEnoughBrokers;
    await this.#use(async (connected) => {
      await this.#countBrokers(connected.cluster);
      // Those that are away count, so this does not change before a new one comes.
      if (!this.#areEnoughBrokers) connected.replicationFactor = BROKER_DEFAULT;
    });
    return !(wasTriedAgain && this.#areEnoughBrokers);
  }

  get #areEnoughBrokers(): boolean {
    return performance.now() - this.#enoughBrokersAt < SHUTDOWN_MS;
  }

  async #countBrokers(cluster: Cluster): Promise<void> {
    await cluster.refreshMetadata();
    if (Object.keys(cluster.brokerPool.brokers).length >= this.replicationFactor)
      this.#enoughBrokersAt = performance.now();
  }

  /** Sends a request for the controller: to any broker, which passes it on, else (before KRaft) to the controller itself. */
  async #administer<T>(send: (connection: Connection, connected: Connected) => Promise<T>): Promise<T> {
    return this.#use(async (connected) => {
      const { cluster } = connected;
      try {
        return await send(await requestConnection(await anyBroker(cluster)), connected);
      } catch (error) {
        if (errorType(error) !== 'NOT_CONTROLLER') throw error;
        return send(await requestConnection(await cluster.findControllerBroker()), connected);
      }
    });
  }

  async #use<T>(call: (connected: Connected) => Promise<T>): Promise<T> {
    const mayBeBroken = this.#connected !== undefined;
    try {
      return await this.#attempt(call);
    } catch (error) {
      if (!mayBeBroken || isAnswer(error)) throw error;
      return this.#attempt(call);
    }
  }

  async #attempt<T>(call: (connected: Connected) => Promise<T>): Promise<T> {
    this.#connected ??= this.#connect();
    const connected = this.#connected;
    try {
      return await withTimeout(CALL_MS, 'topic administration', connected.then(call));
    } catch (error) {
      if (!isAnswer(error) && this.#connected === connected) await this.close();
      throw error;
    }
  }

  async #connect(): Promise<Connected> {
    const { kafka, replicationFactor } = this;
    const cluster = openCluster(kafka);
    try {
      await cluster.connect();
      await this.#countBrokers(cluster);
      this.#knownDefect = knownDefect(await readMetadataLevel(await anyBroker(cluster)));
      return { cluster, replicationFactor };
    } catch (error) {
      disconnect(cluster); // a connection that was refused in the end may still be open
      throw error;
    }
  }
}

async function deleteGroup(cluster: Cluster, groupId: string): Promise<void> {
  const coordinator = await findCoordinator(cluster, groupId, GROUP_COORDINATOR);
  const { results } = await coordinator.deleteGroups([groupId]);
  const refusal = results.find(({ errorCode }) => errorCode !== 0 && errorCode !== GROUP_ID_NOT_FOUND);
  if (refusal !== undefined) throw protocolError(refusal.errorCode, `DeleteGroups of ${groupId}`);
}

/** A protocol error came over a good connection; anything else may be the connection's fault. */
function isAnswer(error: unknown): boolean {
  const isProtocolError = error instanceof Error && error.name === 'KafkaJSProtocolError';
  return isProtocolError && errorType(error) !== 'NOT_CONTROLLER' && !isAuthenticationFailure(error);
}

function disconnect(cluster: Cluster): void {
  destroyCluster(cluster, new Error('the connection was closed'));
}
