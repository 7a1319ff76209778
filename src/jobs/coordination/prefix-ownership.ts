import type { Logger } from 'pino';
import { ServiceError } from '../../errors/index.js';
import {
  atMost,
  type ClaimedPrefix,
  classifyFailure,
  failureDetail,
  type Installation,
  kafkaProblem,
  PrefixTaken,
  type TopicAdmin,
  withTimeout,
} from '../../kafka/index.js';
import type { InstallationStore } from '../store/installation-store.js';

export interface PrefixOwnershipOptions {
  store: Pick<InstallationStore, 'get' | 'setClaim'>;
  topics: Pick<TopicAdmin, 'service' | 'ensureJobsTopic'>;
  claim: (topic: string, own: Installation, adopts: boolean) => Promise<ClaimedPrefix>;
  topicPrefix: string;
  /** KAFKA_ADOPT_PREFIX. */
  adopts: boolean;
  log: Logger;
}

/** A broker has just answered the guard, and a claim takes a few requests, of a topic that may be new. */
const ANSWER_MS = 10_000;

/**
 * Whether the topic prefix is this installation's: nothing is written to Kafka, and no job is worked on, before it is
 * known to be. One that is found to be another's is refused for good.
 */
export class PrefixOwnership {
  readonly #claimed = Promise.withResolvers<void>();
  readonly #refused = Promise.withResolvers<ServiceError>();
  readonly #answered = Promise.withResolvers<void>();
  #refusal: ServiceError | null = null;
  #isClaimed = false;
  #failure: { message: string; isFatal: boolean } | null = null;
  #running: Promise<void> | undefined;

  constructor(private readonly options: PrefixOwnershipOptions) {}

  /** Resolves when the prefix is claimed, once. */
  get claimed(): Promise<void> {
    return this.#claimed.promise;
  }

  /** Resolves when the prefix is another installation's, with what to tell the operator. */
  get refused(): Promise<ServiceError> {
    return this.#refused.promise;
  }

  /** Claims the prefix, anew if it was before. Rejects with KAFKA_REJECTED if it is another's, else with Kafka's errors. */
  async check(): Promise<void> {
    this.#running ??= this.#check().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  /** For uploads: resolves once the prefix is claimed. Throws KAFKA_REJECTED, KAFKA_UNAVAILABLE, SERVICE_BUSY. */
  async require(): Promise<void> {
    if (this.#isClaimed && this.#refusal === null) return;
    try {
      await withTimeout(ANSWER_MS, `reading ${this.options.topics.service.jobs}`, this.check());
    } catch (error) {
      throw kafkaProblem(error, `The topic prefix ${this.options.topicPrefix} could not be claimed`) ?? error;
    }
  }

  /** The end of the first attempt, however it went, but no more than `ms`. Throws KAFKA_REJECTED if the prefix is another's. */
  async firstAnswer(ms: number): Promise<void> {
    await atMost(ms, this.#answered.promise);
    if (this.#refusal !== null) throw this.#refusal;
  }

  /** For /readyz: why uploads are refused until somebody changes something; null: nothing of that kind is known. */
  get refusal(): string | null {
    if (this.#refusal !== null) return this.#refusal.message;
    return !this.#isClaimed && this.#failure?.isFatal ? this.#failure.message : null;
  }

  /** For /readyz: why the last look at the prefix failed; null: it did not. */
  trouble(): string | null {
    return this.#failure?.message ?? null;
  }

  async #check(): Promise<void> {
    if (this.#refusal !== null) throw this.#refusal;
    try {
      await this.#claim();
      this.#failure = null;
    } catch (error) {
      if (!(error instanceof PrefixTaken)) {
        const what = this.#isClaimed
          ? 'it is not known whether the topic prefix is still ours'
          : 'the topic prefix is not claimed';
        const isFatal = classifyFailure(error)?.kind === 'fatal';
        this.#failure = { message: `${what}: ${failureDetail(error)}`, isFatal };
      }
      throw error instanceof PrefixTaken ? await this.#refuse(error) : error;
    } finally {
      this.#answered.resolve();
    }
  }

  async #claim(): Promise<void> {
    const { store, topics, topicPrefix, claim, log } = this.options;
    const topic = topics.service.jobs;
    await topics.ensureJobsTopic();
    const own = await store.get(topic);
    // What was taken over since is not taken back by the same start.
    const adopts = this.options.adopts && !this.#isClaimed;
    const { offset, adoptedFrom } = await claim(topic, own, adopts);
    await store.setClaim(topic, offset);
    if (this.#isClaimed) return;
    this.#isClaimed = true;
    log.info({ installation_id: own.id, topic_prefix: topicPrefix, adopted_from: adoptedFrom }, 'topic prefix claimed');
    this.#claimed.resolve();
  }

  async #refuse({ owner }: PrefixTaken): Promise<ServiceError> {
    const { store, topics, topicPrefix } = this.options;
    const { id } = await store.get(topics.service.jobs);
    this.#refusal = new ServiceError(
      'KAFKA_REJECTED',
      `The topic prefix ${topicPrefix} belongs to installation ${owner}, but this installation (identified by its database) is ${id}: set KAFKA_TOPIC_PREFIX to another prefix, or start once with KAFKA_ADOPT_PREFIX=true to take this one over (topics of jobs that this installation does not know stay as they are)`,
    );
    this.#refused.resolve(this.#refusal);
    return this.#refusal;
  }
}
