import type { Logger } from 'pino';
import { BatchError } from '../errors/index.js';
import type { Clock } from './clock.js';
import type { ExpiryStore } from './expiry-store.js';
import type { JobControl } from './job-control.js';
import type { JobRemoval } from './job-removal.js';

export interface JobExpiryOptions {
  rows: ExpiryStore;
  control: Pick<JobControl, 'purge'>;
  removal: Pick<JobRemoval, 'wake'>;
  clock: Clock;
  log: Logger;
  /** Age at which an ended job is purged (JOB_KEEP_DAYS); 0: never. */
  keepMs: number;
}

/** The first round comes as late: a process that is started again and again, or with a wrong clock, purges nothing. */
const EVERY_MS = 600_000;
const DAY_MS = 86_400_000;
/** Ended jobs that one round takes note of at most. */
const SEEN_A_ROUND = 1000;
/** Jobs that one round purges at most; many more than can be refused at a time because runners work on them. */
const PURGED_A_ROUND = 500;

/**
 * Purges jobs by their age. The wall clock may jump, so a job must also have been seen ended for a day of the time for
 * which the service has run.
 */
export class JobExpiry {
  #cancelNext: (() => void) | undefined;
  #round: Promise<void> | undefined;
  #stopped = false;
  /** Up to when the running time is stored, in ms of the monotonic clock. */
  #countedAt = 0;

  constructor(private readonly options: JobExpiryOptions) {}

  /** Purges every ten minutes, the first time ten minutes from now, until `stop`. */
  start(): void {
    this.#countedAt = this.options.clock.monotonic();
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelNext?.();
    await this.#round;
  }

  #schedule(): void {
    this.#cancelNext = this.options.clock.schedule(EVERY_MS, () => {
      this.#round = this.round()
        .catch((error: unknown) => this.options.log.error({ err: error }, 'purging jobs by their age failed'))
        .then(() => {
          if (!this.#stopped) this.#schedule();
        });
    });
  }

  /** A bounded piece of the work. Rejects only where the store does. */
  async round(): Promise<void> {
    const { rows, clock, keepMs } = this.options;
    const runningTime = await rows.addRunningTime(this.#takeElapsed());
    await rows.markSeen(runningTime, SEEN_A_ROUND);
    if (keepMs > 0) await this.#purge(clock.now() - keepMs, runningTime - DAY_MS);
  }

  /** Milliseconds since the round before. A machine that slept was not watching: no round counts more than two intervals. */
  #takeElapsed(): number {
    const now = this.options.clock.monotonic();
    const elapsed = Math.min(Math.round(now - this.#countedAt), 2 * EVERY_MS);
    this.#countedAt = now;
    return elapsed;
  }

  async #purge(before: number, seenBy: number): Promise<void> {
    const { rows, control, removal, log } = this.options;
    let purged = 0;
    for (const jobId of await rows.expired(before, seenBy, PURGED_A_ROUND)) {
      if (this.#stopped) break;
      try {
        await control.purge(jobId, false);
        purged += 1;
      } catch (error) {
        // It was purged meanwhile, or a runner finds out what it has committed: the next round sees.
        if (!(error instanceof BatchError)) throw error;
      }
    }
    if (purged === 0) return;
    log.info({ jobs: purged }, 'jobs are purged for their age (JOB_KEEP_DAYS)');
    removal.wake();
  }
}
