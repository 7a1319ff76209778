import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { ServiceError } from '../errors/index.js';
import { firstCommittedBy } from './batch-headers.js';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';
import { lastStableOffset, leaderOf, type TopicBounds, topicBounds } from './committed-records.js';
import { commitHanging, findOpenTransaction, type OpenTransaction } from './hanging-transaction.js';
import { errorType, TopicsMissing, UnexpectedAnswer } from './kafka-failure.js';
import {
  anyBroker,
  type Broker,
  type Cluster,
  type Connection,
  destroyCluster,
  findCoordinator,
  GROUP_COORDINATOR,
  openCluster,
  requestConnection,
  TRANSACTION_COORDINATOR,
} from './kafkajs-internals.js';
import type { JobNames, JobTopics } from './names.js';
import { fetchOffset } from './offset-fetch.js';
import { produceBatch } from './produce.js';
import type { SealableBatch } from './record-batch.js';
import { requireApis } from './required-apis.js';
import { withTimeout } from './timeout.js';

/** The broker aborts a transaction that is open for longer. */
export const TRANSACTION_TIMEOUT_MS = 30_000;
/** Where the broker allows no more than this (transaction.max.timeout.ms). */
const SHORT_TRANSACTION_TIMEOUT_MS = 10_000;
/** Most answers are there a moment later; the longer one is missing, the less is to be expected of the next look. */
const FIRST_RETRY_MS = 5;
/** The markers of a commit are in the topics a few milliseconds after its answer. */
const FIRST_LOOK_MS = 1;
const MAX_RETRY_MS = 500;
const RETRY_FOR_MS = 30_000;
/** A topic that was just created may not be known yet. Beyond that, the protocol asks again. */
const TOPIC_UNKNOWN_FOR_MS = 1_000;

const READABLE_WITHIN_MS = 10_000;
const ANSWER_MS = 45_000;

/** Answers that mean "in a moment": the coordinator is still completing a transaction, moving or loading. */
const RETRIABLE = new Set([
  'CONCURRENT_TRANSACTIONS',
  'GROUP_LOAD_IN_PROGRESS',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
]);

/** What the topics hold, against what the checkpoint claims. */
export interface TopicsEvidence {
  data: TopicBounds;
  dlq: TopicBounds;
  /** Whose committed record lies after the checkpoint in one of the topics; null: there is none. */
  recordsBeyond: 'ours' | 'others' | null;
}

/** What transactions of a job mark: its topics, and the offsets of its group. */
export type MarkedPartition = keyof JobTopics | 'offsets';

/** Kafka's topic of what groups have committed. */
const OFFSETS_TOPIC = '__consumer_offsets';

/** The transactions that are open in a job's topics, null if none is. */
export type OpenTransactions = Record<keyof JobTopics, OpenTransaction | null>;

/**
 * One fenced producer of one job on separate connections: the Kafka calls of the delivery protocol, in the order
 * open → fetchCheckpoint → inspect → (produce…, enlistOffsets, commitOffsets, endTransaction)*. After any rejection the session must
 * be closed and never used again: what was sent may still land, and only the next session's fence makes it harmless.
 */
export class TransactionalSession {
  readonly #enlisted = new Set<string>();
  readonly #sequences = new Map<string, number>();
  /** Where the first batch of this session must land, by topic: nobody else writes after the fence. */
  readonly #inspectedEnds = new Map<string, number>();

  private constructor(
    readonly topics: JobTopics,
    private readonly cluster: Cluster,
    private readonly transactionalId: string,
    private readonly coordinator: Broker,
    private readonly leaders: ReadonlyMap<string, Connection>,
    private readonly producerId: string,
    private readonly producerEpoch: number,
    /** The broker aborts a transaction that is open for longer. */
    readonly transactionTimeoutMs: number,
  ) {}

  /**
   * Connects and fences: InitProducerId aborts any open transaction of an older session of this job.
   * Throws ServiceError KAFKA_UNSUPPORTED if the broker lacks a request that is needed, TopicsMissing if it does not know the
   * topics, else Kafka errors (see `classifyFailure`).
   */
  static async open(kafka: Kafka, { data, dlq, group: transactionalId }: JobNames): Promise<TransactionalSession> {
    const topics = { data, dlq };
    const cluster = openCluster(kafka);
    try {
      await cluster.connect();
      requireApis(await anyBroker(cluster));
      // In this order: until the topics' metadata is there, kafkajs knows no broker to find a coordinator among.
      const leaders = await connectLeaders(cluster, [topics.data, topics.dlq]);
      const coordinator = await retryWhilePending(() =>
        findCoordinator(cluster, transactionalId, TRANSACTION_COORDINATOR),
      );
      const identity = await retryWhilePending(() => initProducerId(coordinator, transactionalId));
      return new TransactionalSession(
        topics,
        cluster,
        transactionalId,
        coordinator,
        leaders,
        identity.producerId,
        identity.producerEpoch,
        identity.transactionTimeoutMs,
      );
    } catch (error) {
      destroyCluster(cluster, new Error('the session could not be opened'));
      throw error;
    }
  }

  /**
   * The job's committed checkpoint; null if none was ever committed. `isStable`: no transaction that holds another one
   * is still to be completed; after the fence there is none, unless its marker is late, or lost. The coordinator is looked
   * up again: a former one may answer with what it had.
   */
  async fetchCheckpoint(): Promise<{ checkpoint: Checkpoint | null; isStable: boolean }> {
    this.#group = undefined;
    return this.#fetchCheckpoint();
  }

  async #fetchCheckpoint(): Promise<{ checkpoint: Checkpoint | null; isStable: boolean }> {
    const connection = await requestConnection(await this.#groupCoordinator());
    const { offset, metadata, isStable } = await retryWhilePending(() =>
      fetchOffset(connection, this.transactionalId, this.topics.data),
    );
    if (offset < 0) return { checkpoint: null, isStable };
    try {
      return { checkpoint: decodeCheckpoint(metadata), isStable };
    } catch (cause) {
      throw new ServiceError('CHECKPOINT_LOST', 'the committed checkpoint cannot be read', { cause });
    }
  }

  /**
   * Looks at both topics as a read_committed reader would, from where the checkpoint ends. Takes as long as it takes to
   * get there past what was aborted, but no answer longer than 45 s.
   */
  async inspect(checkpoint: Checkpoint | null): Promise<TopicsEvidence> {
    const bounds = [topicBounds(this.cluster, this.topics.data), topicBounds(this.cluster, this.topics.dlq)] as const;
    const [data, dlq] = await withTimeout(ANSWER_MS, 'ListOffsets', Promise.all(bounds));
    this.#inspectedEnds.set(this.topics.data, data.high).set(this.topics.dlq, dlq.high);
    const beyond = async (topic: string, from: number, bounds: TopicBounds) =>
      firstCommittedBy(this.cluster, topic, Math.max(from, bounds.start), bounds.end);
    const writers = [
      await beyond(this.topics.data, checkpoint?.dataEnd ?? 0, data),
      await beyond(this.topics.dlq, checkpoint?.dlqEnd ?? 0, dlq),
    ].filter((writer) => writer !== null);
    const areOurs = writers.every((writer) => writer === BigInt(this.producerId));
    return { data, dlq, recordsBeyond: writers.length === 0 ? null : areOurs ? 'ours' : 'others' };
  }

  /** Looks for transactions that are open in the topics: after the fence, only ones whose marker was lost. */
  async findOpenTransactions(checkpoint: Checkpoint | null): Promise<OpenTransactions> {
    const { data, dlq } = this.topics;
    return {
      data: await findOpenTransaction(this.cluster, data, checkpoint?.dataEnd ?? 0, this.producerId),
      dlq: await findOpenTransaction(this.cluster, dlq, checkpoint?.dlqEnd ?? 0, this.producerId),
    };
  }

  /**
   * Aborts what hangs there, by an empty transaction: its ABORT marker ends whatever is open under our
   * producer id. It needs no rights that the job lacks, and a successor's fence stops it.
   */
  async abortHanging(where: readonly MarkedPartition[]): Promise<void> {
    for (const each of where) {
      if (each === 'offsets') await this.enlistOffsets();
      else await this.enlist(this.topics[each]);
    }
    await this.#end(false);
  }

  /**
   * Commits what hangs there, by the marker alone: a transaction could be aborted if we die half-way.
   * Throws ServiceError CHECKPOINT_LOST if the broker does not let us.
   */
  async commitHanging(where: MarkedPartition): Promise<void> {
    if (where !== 'offsets') {
      const topic = this.topics[where];
      await commitHanging(await leaderOf(this.cluster, topic), { topic, partition: 0 }, this.#identity());
      return;
    }
    await this.cluster.addMultipleTargetTopics([OFFSETS_TOPIC]);
    const { length } = this.cluster.findTopicPartitionMetadata(OFFSETS_TOPIC);
    const partition = { topic: OFFSETS_TOPIC, partition: partitionOfGroup(this.transactionalId, length) };
    await commitHanging(await this.#groupCoordinator(), partition, this.#identity());
  }

  /**
   * Sends one batch as the next of its topic, which must be enlisted.
   * Calls for one topic go out in call order. Resolves with the offset after the batch's last record once it is
   * acknowledged; the batch must stay unchanged until then.
   */
  async produce(topic: string, batch: SealableBatch): Promise<number> {
    const baseSequence = this.#sequences.get(topic) ?? 0;
    this.#sequences.set(topic, (baseSequence + batch.count) % 2 ** 31);
    const sealed = batch.seal({
      producerId: BigInt(this.producerId),
      producerEpoch: this.producerEpoch,
      baseSequence,
      timestamp: Date.now(), // counts only if the topic keeps the producer's
      transactional: true,
    });
    const leader = this.leaders.get(topic);
    if (leader === undefined) throw new Error(`${topic} is not a topic of this session`);
    const expected = this.#inspectedEnds.get(topic);
    this.#inspectedEnds.delete(topic);
    const offset = await produceBatch(leader, topic, this.transactionalId, sealed);
    if (expected !== undefined && offset !== expected) {
      // Records that were not replicated when we looked may belong to a hanging transaction.
      throw new UnexpectedAnswer(`${topic} ended at ${offset} and not at ${expected} when the first batch came`);
    }
    return offset + batch.count;
  }

  /** Enlists a topic in the open transaction (AddPartitionsToTxn); before its first `produce` in each. */
  async enlist(topic: string): Promise<void> {
    if (this.#enlisted.has(topic)) return;
    await retryWhilePending(() =>
      this.coordinator.addPartitionsToTxn({ ...this.#identity(), topics: [{ topic, partitions: [0] }] }),
    );
    this.#enlisted.add(topic);
  }

  /** Enlists the group in the open transaction (AddOffsetsToTxn); before its `commitOffsets`. */
  async enlistOffsets(): Promise<void> {
    const groupId = this.transactionalId;
    await retryWhilePending(() => this.coordinator.addOffsetsToTxn({ ...this.#identity(), groupId }));
  }

  /**
   * Puts the checkpoint into the open transaction, in which the group is enlisted; it counts only once `endTransaction`
   * has resolved.
   */
  async commitOffsets(checkpoint: Checkpoint): Promise<void> {
    const groupId = this.transactionalId;
    const groupCoordinator = await this.#groupCoordinator();
    const partition = { partition: 0, offset: String(checkpoint.dataEnd), metadata: encodeCheckpoint(checkpoint) };
    await retryWhilePending(() =>
      groupCoordinator.txnOffsetCommit({
        ...this.#identity(),
        groupId,
        topics: [{ topic: this.topics.data, partitions: [partition] }],
      }),
    );
  }

  /**
   * Commits. A rejection leaves it unknown whether the transaction was committed. Kafka acknowledges a commit that is
   * decided; its markers reach the topics a moment later (see `readable`).
   */
  async endTransaction(): Promise<void> {
    await this.#end(true);
  }

  async #end(transactionResult: boolean): Promise<void> {
    await retryWhilePending(() => this.coordinator.endTxn({ ...this.#identity(), transactionResult }));
    this.#enlisted.clear();
  }

  /**
   * Resolves when a read_committed reader gets everything up to the committed checkpoint, and the group has it. Until
   * then no other transaction may be begun: if a COMMIT marker was lost, the next one's ABORT marker would delete these
   * rows, or the checkpoint.
   */
  async readable(checkpoint: Checkpoint): Promise<void> {
    const deadline = performance.now() + READABLE_WITHIN_MS;
    for (let pauseMs = FIRST_LOOK_MS; ; pauseMs = longer(pauseMs)) {
      const [data, dlq, { checkpoint: fetched, isStable }] = await Promise.all([
        lastStableOffset(this.cluster, this.topics.data),
        lastStableOffset(this.cluster, this.topics.dlq),
        this.#fetchCheckpoint(),
      ]);
      const isCommitted = isStable && fetched?.position.row === checkpoint.position.row;
      if (data >= checkpoint.dataEnd && dlq >= checkpoint.dlqEnd && isCommitted) return;
      if (performance.now() > deadline) throw new UnexpectedAnswer('the committed rows did not become readable');
      await sleep(pauseMs);
    }
  }

  /** Drops the connections at once; an open transaction is left to the next fence or its time-out. */
  close(): void {
    destroyCluster(this.cluster, new Error('the session was closed'));
  }

  #group: Broker | undefined;

  async #groupCoordinator(): Promise<Broker> {
    this.#group ??= await retryWhilePending(() =>
      findCoordinator(this.cluster, this.transactionalId, GROUP_COORDINATOR),
    );
    return this.#group;
  }

  #identity(): { transactionalId: string; producerId: string; producerEpoch: number } {
    return {
      transactionalId: this.transactionalId,
      producerId: this.producerId,
      producerEpoch: this.producerEpoch,
    };
  }
}

/** The partition of the offsets' topic that holds a group: the size of its id's hash in Java, modulo their number. */
export function partitionOfGroup(groupId: string, partitions: number): number {
  let hash = 0;
  for (let at = 0; at < groupId.length; at++) hash = (Math.imul(hash, 31) + groupId.charCodeAt(at)) | 0;
  return hash === -(2 ** 31) ? 0 : Math.abs(hash) % partitions;
}

async function connectLeaders(cluster: Cluster, topics: string[]): Promise<Map<string, Connection>> {
  await retryWhile(
    () => cluster.addMultipleTargetTopics(topics),
    (error) => errorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION' || errorType(error) === 'LEADER_NOT_AVAILABLE',
    TOPIC_UNKNOWN_FOR_MS,
  ).catch((cause: unknown) => {
    if (errorType(cause) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw cause;
    throw new TopicsMissing(`UNKNOWN_TOPIC_OR_PARTITION: ${topics.join(' or ')} does not exist`, { cause });
  });
  const leaders = new Map<string, Connection>();
  for (const topic of topics) {
    leaders.set(topic, await requestConnection(await leaderOf(cluster, topic)));
  }
  return leaders;
}

/** InitProducerId, with a shorter timeout if the broker does not allow ours. */
export async function initProducerId(
  coordinator: Broker,
  transactionalId: string,
): Promise<{ producerId: string; producerEpoch: number; transactionTimeoutMs: number }> {
  const ask = async (transactionTimeoutMs: number) => ({
    ...(await coordinator.initProducerId({ transactionalId, transactionTimeout: transactionTimeoutMs })),
    transactionTimeoutMs,
  });
  try {
    return await ask(TRANSACTION_TIMEOUT_MS);
  } catch (error) {
    if (errorType(error) !== 'INVALID_TRANSACTION_TIMEOUT') throw error;
    return ask(SHORT_TRANSACTION_TIMEOUT_MS);
  }
}

/** The call's result, however often within 30 s the brokers answer that it comes too early, or one of `others`. */
export function retryWhilePending<T>(call: () => Promise<T>, ...others: string[]): Promise<T> {
  const isEarly = (type: string): boolean => RETRIABLE.has(type) || others.includes(type);
  return retryWhile(call, (error) => isEarly(errorType(error)), RETRY_FOR_MS);
}

async function retryWhile<T>(
  call: () => Promise<T>,
  retryable: (error: unknown) => boolean,
  forMs: number,
): Promise<T> {
  const deadline = performance.now() + forMs;
  for (let pauseMs = FIRST_RETRY_MS; ; pauseMs = longer(pauseMs)) {
    try {
      return await call();
    } catch (error) {
      if (!retryable(error) || performance.now() > deadline) throw error;
      await sleep(pauseMs);
    }
  }
}

function longer(pauseMs: number): number {
  return Math.min(pauseMs * 2, MAX_RETRY_MS);
}
