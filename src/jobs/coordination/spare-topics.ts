import type { Logger } from 'pino';
import { type JobTopics, jobNames, type TopicAdmin, withTimeout } from '../../kafka/index.js';
import type { Clock } from '../domain/clock.js';
import { newJobId } from '../domain/job-id.js';
import type { RemovalStore } from '../store/removal-store.js';
import type { Spare, SpareStore } from '../store/spare-store.js';
import { Rounds } from './rounds.js';

export interface SpareTopicsOptions {
  spares: SpareStore;
  rows: Pick<RemovalStore, 'areThere'>;
  /** Nobody else's. */
  topics: Pick<TopicAdmin, 'createJobTopics' | 'areUnused' | 'deleteUnusedJobTopics' | 'close'>;
  /** Whether jobs are worked on. */
  isWorking: () => boolean;
  clock: Clock;
  log: Logger;
  /** MAX_JOB_TOPICS, with which those of spares count. */
  maxJobTopics: number;
}

/** Pairs of topics that are made ahead. */
const SPARES = 2;
/** After the last new job, so that it need not share the machine with the making of topics for the next. */
const REFILL_AFTER_MS = 250;
/** So long are jobs waited for that are worked on, for the same reason. */
const MAX_WAIT_MS = 5_000;
/** A broker that is there answers within milliseconds. */
const LOOK_MS = 1_000;
const EVERY_MS = 10_000;
const MAX_BACKOFF_MS = 300_000;

/**
 * Makes the topics of the next few jobs ahead, since that is half of the time that a small job takes. Each pair has its
 * row in `spare_topics` before it is made, and loses it in the transaction that makes the row of a job with its id. So
 * whoever finds a row at its start may delete the topics: no job has them.
 */
export class SpareTopics {
  readonly #rounds: Rounds;
  readonly #stop = Promise.withResolvers<null>();
  /** Their topics are made, by this process. */
  readonly #ready: string[] = [];
  /** Spares of this process that could not be created, or not completely. */
  readonly #failed = new Set<Spare>();
  #isWanted = false;
  #backoffMs = 0;
  #cancelRefill: (() => void) | undefined;

  constructor(private readonly options: SpareTopicsOptions) {
    this.#rounds = new Rounds({
      ...options,
      round: () => this.round(),
      everyMs: () => Math.max(EVERY_MS, this.#backoffMs),
      failure: 'making topics ahead failed',
    });
  }

  /** An id whose topics are made; each is given once. Whether they are still there is for the caller to see. */
  take(): string | undefined {
    return this.#ready.shift();
  }

  /** The id was not used. */
  giveBack(jobId: string): void {
    this.#ready.push(jobId);
  }

  /** The id cannot be used: the topics go. */
  discard(jobId: string): void {
    this.#failed.add(this.options.spares.own(jobId));
  }

  /** Somebody may have deleted topics that were made ahead, or written to them. If that cannot be seen, they are not used. */
  async areUnused(names: JobTopics): Promise<boolean> {
    const { topics, log } = this.options;
    try {
      return await withTimeout(LOOK_MS, 'the look at topics that were made ahead', topics.areUnused(names));
    } catch (error) {
      log.debug({ err: error, topic: names.data }, 'not using topics that were created ahead');
      return false;
    }
  }

  /** There was a job: makes what is missing, a moment after the last ones. Nothing is made for a service that gets none. */
  refill(): void {
    this.#isWanted = true;
    if (this.#backoffMs > 0 || this.#rounds.isStopped) return;
    this.#cancelRefill?.();
    this.#refillBefore(this.options.clock.monotonic() + MAX_WAIT_MS);
  }

  #refillBefore(deadline: number): void {
    const { clock, isWorking } = this.options;
    this.#cancelRefill = clock.schedule(REFILL_AFTER_MS, () => {
      this.#cancelRefill = undefined;
      if (isWorking() && clock.monotonic() < deadline) this.#refillBefore(deadline);
      else this.#rounds.wake();
    });
  }

  /** Removes what dead processes have made, and makes what is missing, until `stop`. */
  start(): void {
    this.#rounds.start();
  }

  /** Waits for no broker: what is being made is removed by the next start. */
  async stop(): Promise<void> {
    this.#stop.resolve(null);
    this.#cancelRefill?.();
    await this.#rounds.stop();
    await this.options.topics.close();
  }

  /** A bounded piece of the work. Never rejects: what goes wrong is tried again later. */
  async round(): Promise<void> {
    try {
      await Promise.race([this.#stop.promise, this.#clear()]);
      // What could not be removed is not to add up.
      if (this.#isWanted && this.#cancelRefill === undefined && this.#failed.size === 0) await this.#fill();
      this.#backoffMs = 0;
    } catch (error) {
      if (this.#rounds.isStopped) return;
      const isFirst = this.#backoffMs === 0;
      this.#backoffMs = Math.min(MAX_BACKOFF_MS, Math.max(EVERY_MS, this.#backoffMs * 2));
      if (isFirst) this.options.log.warn({ err: error }, 'cannot create topics ahead now; each job creates its own');
    }
  }

  /** Removes what nobody will use, or, if that fails, leaves it to a later start. */
  async #clear(): Promise<void> {
    const { spares, clock, log } = this.options;
    for (const spare of await spares.adoptOrphans(clock.now())) this.#failed.add(spare);
    for (const spare of this.#failed) {
      if (this.#rounds.isStopped) return;
      try {
        await this.#remove(spare);
      } catch (error) {
        log.debug({ err: error, job_id: spare.jobId }, 'cannot remove topics that were created ahead now');
      }
    }
  }

  async #remove(spare: Spare): Promise<void> {
    const { spares, topics } = this.options;
    await topics.deleteUnusedJobTopics(jobNames(spare));
    if (this.#rounds.isStopped) return;
    await spares.delete(spare.jobId);
    this.#failed.delete(spare);
  }

  async #fill(): Promise<void> {
    const { spares, topics, clock, log } = this.options;
    while (this.#ready.length < SPARES && !this.#rounds.isStopped && (await this.#hasRoom())) {
      const spare = await spares.add(newJobId(), clock.now());
      if (spare === undefined) continue;
      this.#failed.add(spare);
      if ((await Promise.race([this.#stop.promise, topics.createJobTopics(jobNames(spare))])) !== true) return;
      this.#failed.delete(spare);
      this.#ready.push(spare.jobId);
      log.debug({ job_id: spare.jobId }, 'created topics ahead');
    }
  }

  /** An upload that takes a spare adds no topics, so it is refused for what jobs have only. */
  async #hasRoom(): Promise<boolean> {
    const { spares, rows, maxJobTopics } = this.options;
    const room = Math.floor(maxJobTopics / 2) - (await spares.count());
    return room > 0 && !(await rows.areThere(room));
  }
}
