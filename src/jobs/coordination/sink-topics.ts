import type { Logger } from 'pino';
import { classifyFailure, failureDetail, JOB_RETENTION_MS, jobNames, type TopicAdmin } from '../../kafka/index.js';
import { type Clock, isoTime } from '../domain/clock.js';
import type { StoredJob } from '../domain/stored-job.js';
import type { SinkKey, SinkStore } from '../store/sink-store.js';
import type { Leader } from './leadership.js';
import { Rounds } from './rounds.js';

export interface SinkTopicsOptions {
  sinks: Pick<SinkStore, 'expiring' | 'unannounced' | 'kept' | 'markTopicsKept' | 'change' | 'wakeMissed'>;
  topics: Pick<TopicAdmin, 'setJobRetention'>;
  /** Takes every new revision of a job. */
  publish: (job: StoredJob) => void;
  leader: Leader;
  clock: Clock;
  log: Logger;
}

const EVERY_MS = 30_000;
const BATCH = 100;
const DAY_MS = 86_400_000;

/**
 * Keeps the topics of jobs whose rows are not in all their sinks yet: at half of their retention it is lifted, and set back
 * when the sinks are done. Where the brokers do not allow that, the jobs say so a day before rows expire. It also wakes the
 * loads whose wake was lost.
 */
export class SinkTopics {
  readonly #rounds: Rounds;
  /** Why retention cannot be lifted, in the broker's words; null: it can, as far as is known. */
  #refusal: string | null = null;
  /** Where the next round begins. */
  #afterSeq = 0;

  constructor(private readonly options: SinkTopicsOptions) {
    this.#rounds = new Rounds({
      ...options,
      round: () => this.round(),
      everyMs: () => EVERY_MS,
      failure: 'looking after the topics of loads failed',
    });
  }

  start(): void {
    this.#rounds.start();
  }

  async stop(): Promise<void> {
    await this.#rounds.stop();
  }

  /** For /readyz: why rows may expire before they are loaded; null: they are kept. */
  trouble(): string | null {
    if (this.#refusal === null) return null;
    return `the topics of jobs that wait for their sinks cannot be kept beyond their retention (${this.#refusal}): allow ALTER_CONFIGS on them`;
  }

  /** A bounded piece of the work. Rejects only if the store does. */
  async round(): Promise<void> {
    const { sinks, clock } = this.options;
    await sinks.wakeMissed();
    const now = clock.now();
    let refusal: string | null = null;
    const expiring = await sinks.expiring(now - JOB_RETENTION_MS / 2, this.#afterSeq, BATCH);
    // Those that cannot be kept hold up no others.
    this.#afterSeq = expiring.length < BATCH ? 0 : (expiring.at(-1)?.seq ?? 0);
    for (const load of expiring) {
      if (this.#rounds.isStopped) return;
      const isKept = await this.#setRetention(load, null);
      if (isKept === null) return; // Kafka is away: later
      if (!isKept) refusal = this.#refusal;
    }
    if (refusal !== null) {
      const unannounced = await sinks.unannounced(now - JOB_RETENTION_MS + DAY_MS, BATCH);
      for (const load of unannounced) await this.#announce(load, refusal);
    }
    for (const load of await sinks.kept(BATCH)) {
      if (this.#rounds.isStopped || (await this.#setRetention(load, JOB_RETENTION_MS)) === null) return;
    }
  }

  /** false: the brokers refuse it; null: none answers. */
  async #setRetention(
    { jobId, topicPrefix }: { jobId: string; topicPrefix: string },
    ms: number | null,
  ): Promise<boolean | null> {
    const { sinks, topics, log } = this.options;
    const names = jobNames({ jobId, topicPrefix });
    try {
      await topics.setJobRetention(names, ms);
    } catch (error) {
      if (classifyFailure(error)?.kind === 'transient') return null;
      const isNew = this.#refusal === null;
      this.#refusal = failureDetail(error);
      if (isNew) log.warn({ err: error, job_id: jobId }, 'could not change how long the topics of a job are kept');
      return false;
    }
    this.#refusal = null;
    await sinks.markTopicsKept(jobId, ms === null);
    log.info({ job_id: jobId, retention_ms: ms }, 'changed how long the topics of a job are kept for its sinks');
    return true;
  }

  async #announce(load: SinkKey & { createdAt: string }, refusal: string): Promise<void> {
    const { sinks, publish } = this.options;
    const expiresAt = isoTime(Date.parse(load.createdAt) + JOB_RETENTION_MS);
    const message = `the topics of the job lose its rows from ${expiresAt} on, and not all of them are loaded: ${refusal}`;
    const error = { code: 'SINK_EXPIRED', message } as const;
    const job = await sinks.change(load, { states: ['PENDING', 'LOADING', 'RETRYING'] }, { error });
    if (job !== undefined) publish(job);
  }
}
