import type { Logger } from 'pino';
import { ServiceError } from '../../errors/index.js';
import { failureDetail, JOB_RETENTION_MS } from '../../kafka/index.js';
import { type Clock, isoTime } from '../domain/clock.js';
import type { ExpiryStore } from '../store/expiry-store.js';
import type { JobCommands } from './commands.js';
import type { Leader } from './leadership.js';
import { Rounds } from './rounds.js';
import type { TopicExpiry } from './topic-expiry.js';

export interface JobExpiryOptions {
  leader: Leader;
  rows: ExpiryStore;
  commands: Pick<JobCommands, 'purge'>;
  topics: Pick<TopicExpiry, 'round' | 'stop'>;
  clock: Clock;
  /** By a broker's clock, in ms since the epoch. Rejects if it cannot be learned. */
  brokerTime: () => Promise<number>;
  log: Logger;
  /** Age at which an ended job is purged (JOB_KEEP_DAYS); 0: never. */
  keepMs: number;
}

/** The first round comes as late: a process that is started again and again, or with a wrong clock, purges nothing. */
const EVERY_MS = 600_000;
/** How often a clock that cannot be trusted is checked again. */
const RETRY_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Ended jobs that one round takes note of at most. */
const SEEN_A_ROUND = 1000;
/** Jobs that one round purges at most; many more than can be refused at a time because runners work on them. */
const PURGED_A_ROUND = 500;

/**
 * Purges jobs by their age. The wall clock may jump, so a job must also have been seen ended for a day of the time for
 * which the service has run, and nothing is purged while the clock is more than an hour off the broker's.
 */
export class JobExpiry {
  readonly #rounds: Rounds;
  readonly #stop = Promise.withResolvers<null>();
  /** Up to when the running time is stored, in ms of the monotonic clock. */
  #countedAt = 0;
  /** The leader's epoch at that time. */
  #countedIn: number | null = null;
  #trouble: string | null = null;

  constructor(private readonly options: JobExpiryOptions) {
    this.#rounds = new Rounds({
      ...options,
      round: () => this.round(),
      everyMs: () => (this.#trouble === null ? EVERY_MS : RETRY_MS),
      failure: 'purging jobs by their age failed',
    });
  }

  /** Purges every ten minutes, the first time ten minutes from now, until `stop`. */
  start(): void {
    this.#takeElapsed();
    this.#rounds.start();
  }

  /** For /readyz: why nothing is purged, and what to do about it; null: nothing stands in the way. */
  trouble(): string | null {
    return this.#trouble;
  }

  async stop(): Promise<void> {
    this.#stop.resolve(null);
    this.options.topics.stop();
    await this.#rounds.stop();
  }

  /** A bounded piece of the work. Rejects only if the store does. */
  async round(): Promise<void> {
    const { rows, topics, keepMs } = this.options;
    const runningTime = await rows.addRunningTime(this.#takeElapsed());
    await rows.markSeen(runningTime, SEEN_A_ROUND);
    const now = await this.#agreedTime();
    if (now === null) return;
    if (keepMs > 0) await this.#purge(now - keepMs, runningTime - DAY_MS);
    await topics.round(now);
  }

  /** The wall clock's time, in ms since the epoch, if a broker's is about the same; null: it is not, or not known. */
  async #agreedTime(): Promise<number | null> {
    const { clock, brokerTime, log } = this.options;
    const ours = clock.now();
    // A stop does not wait for a broker that is silent.
    const trouble = await Promise.race([this.#stop.promise, brokerTime()]).then(
      (time) => (time === null || Math.abs(time - ours) <= HOUR_MS ? null : disagreement(ours, time)),
      (error: unknown) =>
        `the broker's clock could not be read (${failureDetail(error)}): nothing is purged for its age; trying again every minute`,
    );
    if (trouble !== null && this.#trouble === null)
      log.warn({ trouble }, 'not purging old jobs: the clock cannot be trusted');
    this.#trouble = trouble;
    // The time that was compared: the clock may have leapt meanwhile.
    return trouble === null && !this.#rounds.isStopped ? ours : null;
  }

  /**
   * Milliseconds since the round before, or since the start. A machine that slept was not watching: no round counts more
   * than two intervals. A process that has come to lead counts nothing yet: another one has counted, up to a time unknown.
   */
  #takeElapsed(): number {
    const { clock, leader } = this.options;
    const now = clock.monotonic();
    const elapsed = leader.epoch === this.#countedIn ? Math.min(Math.round(now - this.#countedAt), 2 * EVERY_MS) : 0;
    this.#countedAt = now;
    this.#countedIn = leader.epoch;
    return elapsed;
  }

  async #purge(before: number, seenBy: number): Promise<void> {
    const { rows, commands, log } = this.options;
    let purged = 0;
    for (const jobId of await rows.expired(
      before,
      seenBy,
      this.options.clock.now() - JOB_RETENTION_MS,
      PURGED_A_ROUND,
    )) {
      if (this.#rounds.isStopped) break;
      try {
        await commands.purge(jobId, false);
        purged += 1;
      } catch (error) {
        // It was purged meanwhile, or a runner finds out what it has committed: the next round sees.
        if (!(error instanceof ServiceError)) throw error;
      }
    }
    if (purged > 0) log.info({ jobs: purged }, 'purging jobs older than JOB_KEEP_DAYS');
  }
}

function disagreement(ours: number, brokers: number): string {
  return `the clock here says ${isoTime(ours)}, the broker's ${isoTime(brokers)}: nothing is purged for its age while they differ by more than an hour; set the one that is wrong, best by NTP`;
}
