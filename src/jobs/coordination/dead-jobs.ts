import type { Logger } from 'pino';
import type { Clock } from '../domain/clock.js';
import type { DeadJob } from '../queue/bullmq/dead-jobs-queue.js';
import type { JobStore } from '../store/job-store.js';
import type { Leader } from './leadership.js';
import { Rounds } from './rounds.js';

export interface DeadJobsOptions {
  store: Pick<JobStore, 'list'>;
  /** Makes the copy hold these jobs and no others. */
  replace: (jobs: readonly DeadJob[], signal: AbortSignal) => Promise<void>;
  leader: Leader;
  clock: Clock;
  log: Logger;
}

const MIRROR_EVERY_MS = 30_000;
const MAX_MIRRORED = 1_000;
const PAGE = 100;

/**
 * Copies which jobs have failed and can be resumed to a queue, for those who watch it, every 30 s: the newest 1,000. The
 * rows have the truth; what is done to the copy changes no job, and is undone.
 */
export class DeadJobs {
  readonly #rounds: Rounds;
  readonly #stopped = new AbortController();
  #isFailing = false;

  constructor(private readonly options: DeadJobsOptions) {
    this.#rounds = new Rounds({
      ...options,
      round: () => this.#mirror(),
      everyMs: () => MIRROR_EVERY_MS,
      failure: 'could not read which jobs have failed',
    });
  }

  start(): void {
    this.#rounds.start();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#rounds.stop();
  }

  async #mirror(): Promise<void> {
    const { replace, log } = this.options;
    const jobs = await this.#failed();
    try {
      await replace(jobs, this.#stopped.signal);
      if (this.#isFailing) log.info('the failed jobs are copied to the queue batch-dead again');
      this.#isFailing = false;
    } catch (error) {
      // The error itself may hold a password.
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.#isFailing && !this.#rounds.isStopped)
        log.warn({ reason }, 'could not copy the failed jobs to the queue batch-dead, trying again every 30 s');
      this.#isFailing = true;
    }
  }

  /** The oldest first. */
  async #failed(): Promise<DeadJob[]> {
    const jobs: DeadJob[] = [];
    for (let cursor: string | undefined; jobs.length < MAX_MIRRORED; ) {
      const page = await this.options.store.list({
        state: 'FAILED',
        resumable: true,
        limit: PAGE,
        ...(cursor !== undefined && { cursor }),
      });
      for (const { jobId, modelId, error, finishedAt } of page.items)
        jobs.push({ job_id: jobId, model_id: modelId, error_code: error?.code ?? '', finished_at: finishedAt });
      if (page.nextCursor === null) break;
      cursor = page.nextCursor;
    }
    return jobs.slice(0, MAX_MIRRORED).reverse();
  }
}
