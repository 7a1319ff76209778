import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { decodeFetchAnswer, encodeFetch, FETCH } from './batch-headers.js';
import { type Checkpoint, decodeCheckpoint } from './checkpoint.js';
import { leaderOf, type TopicBounds, topicBounds } from './committed-records.js';
import { errorType, protocolError, UnexpectedAnswer } from './kafka-failure.js';
import {
  type Cluster,
  type Connection,
  destroyCluster,
  findCoordinator,
  GROUP_COORDINATOR,
  openCluster,
  READ_COMMITTED,
  requestConnection,
} from './kafkajs-internals.js';
import type { JobNames, JobTopics } from './names.js';
import { fetchOffset } from './offset-fetch.js';
import { sendRaw } from './raw-request.js';
import { type RecordValues, readValues } from './record-values.js';
import { withTimeout } from './timeout.js';

const FETCH_BYTES = 1024 ** 2;
const ANSWER_MS = 45_000;
/** A leader that has just changed may not serve its last records yet. */
const MAX_EMPTY_ANSWERS = 10;
const LOOK_EVERY_MS = 50;

/**
 * The records of one job as a read_committed consumer sees them, by `assign` and without a group: nothing to join, nothing
 * left behind. Every call throws kafkajs' errors if the broker is away or refuses.
 */
export class JobRecords {
  #isClosed = false;

  private constructor(
    private readonly cluster: Cluster,
    private readonly names: JobNames,
  ) {}

  /** null if one of the topics is not there. Close it when done. */
  static async open(kafka: Kafka, names: JobNames): Promise<JobRecords | null> {
    const cluster = openCluster(kafka);
    try {
      await cluster.connect();
      await cluster.addMultipleTargetTopics([names.data, names.dlq]);
      return new JobRecords(cluster, names);
    } catch (error) {
      destroyCluster(cluster, new Error('the topics could not be opened'));
      if (errorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return null;
      throw error;
    }
  }

  async bounds(which: keyof JobTopics): Promise<TopicBounds> {
    return withTimeout(ANSWER_MS, 'the offsets of a topic', topicBounds(this.cluster, this.names[which]));
  }

  /** Resolves when both topics can be read to these ends: markers arrive one after the other. false: not within `ms`. */
  async readableTo(ends: { data: number; dlq: number }, ms: number): Promise<boolean> {
    for (const giveUpAt = performance.now() + ms; ; await sleep(LOOK_EVERY_MS)) {
      const [data, dlq] = await Promise.all([this.bounds('data'), this.bounds('dlq')]);
      if (data.end >= ends.data && dlq.end >= ends.dlq) return true;
      if (performance.now() >= giveUpAt) return false;
    }
  }

  /** What is committed by now; null: nothing, or a transaction is being committed just now. */
  async checkpoint(): Promise<Checkpoint | null> {
    const { group, data } = this.names;
    const coordinator = await findCoordinator(this.cluster, group, GROUP_COORDINATOR);
    const { offset, metadata, isStable } = await fetchOffset(await requestConnection(coordinator), group, data);
    return isStable && offset >= 0 ? decodeCheckpoint(metadata) : null;
  }

  /** The committed records in `[from, to)`, in order. The next ones are fetched while these are being worked on. */
  async *values(which: keyof JobTopics, from: number, to: number): AsyncGenerator<RecordValues> {
    const connection = await requestConnection(await leaderOf(this.cluster, this.names[which]));
    let coming = from < to ? this.#fetch(connection, this.names[which], from, to) : null;
    while (coming !== null) {
      const { values, next } = await coming;
      coming = next < to ? this.#fetch(connection, this.names[which], next, to) : null;
      coming?.catch(() => undefined); // whoever waits for it next sees the failure
      for (const each of values) if ((each.offsets[0] as number) < to) yield below(each, to);
    }
  }

  /** What is under way fails. No error if it is closed already. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    destroyCluster(this.cluster, new Error('the records of a job were closed'));
  }

  async #fetch(
    connection: Connection,
    topic: string,
    from: number,
    to: number,
  ): Promise<{ values: RecordValues[]; next: number }> {
    for (let attempt = 1; ; attempt++) {
      const request = sendRaw(connection, FETCH, [encodeFetch(topic, from, READ_COMMITTED, FETCH_BYTES)]);
      const answer = decodeFetchAnswer(await withTimeout(ANSWER_MS, 'Fetch', request));
      if (answer.error !== 0) throw protocolError(answer.error, `Fetch of ${topic} at ${from}`);
      const fetched = await readValues(answer, from);
      if (fetched !== null) return fetched;
      if (attempt === MAX_EMPTY_ANSWERS) {
        throw new UnexpectedAnswer(`Fetch of ${topic} at ${from} gave nothing, though it ends at ${to}`);
      }
    }
  }
}

/** The records below an offset. */
function below(values: RecordValues, to: number): RecordValues {
  let { count } = values;
  while (count > 0 && (values.offsets[count - 1] as number) >= to) count--;
  return count === values.count ? values : { ...values, count };
}
