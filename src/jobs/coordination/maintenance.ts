import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { FileStore } from '../../storage/index.js';
import type { Clock } from '../domain/clock.js';
import { isTerminal } from '../domain/job-state.js';
import { endUnstarted } from '../domain/phases.js';
import { type JobError, needsSpool } from '../domain/stored-job.js';
import type { JobStore } from '../store/job-store.js';
import type { RemovalStore } from '../store/removal-store.js';
import type { JobWriter } from './job-writer.js';
import { Rounds } from './rounds.js';

export interface JobMaintenanceOptions {
  store: JobStore;
  writer: JobWriter;
  removals: RemovalStore;
  files: FileStore;
  clock: Clock;
  log: Logger;
  /** No other process has the store. */
  isAlone: boolean;
  /** How long the file of a job is kept that has ended otherwise than SUCCESS (SPOOL_KEEP_HOURS). */
  spoolKeepMs: number;
}

const CHECK_EVERY_MS = 5000;
const HOUR_MS = 3_600_000;
/** Number of jobs to resume or to check before the event loop has its turn. */
const AT_ONCE = 100;
/** Files that one round removes at most. */
const EXPIRED_A_ROUND = 500;
const ORPHANS_EVERY_MS = 600_000;
const FILE_GONE: JobError = { code: 'FILE_CORRUPT', message: 'the uploaded file is gone from the storage' };

/** What has to happen to jobs without anyone asking for it. */
export class JobMaintenance {
  readonly #rounds: Rounds;
  /** When files that were moved aside are checked again, in ms of the monotonic clock. */
  #nextOrphans = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: JobMaintenanceOptions) {
    this.#rounds = new Rounds({
      ...options,
      round: () => this.cleanSpool(),
      everyMs: () => CHECK_EVERY_MS,
      failure: 'looking after the jobs failed',
    });
  }

  /**
   * Makes the jobs that an earlier process left claimable if no other process has the store, removes the files that their jobs no longer need, and moves
   * those aside that no job knows: their database may be lost. Call it once, before the first claim and the first upload
   * (a file is in the spool before its job exists).
   */
  async rescueInterrupted(): Promise<void> {
    const { store, files, log, isAlone } = this.options;
    if (isAlone) await store.releaseAll();
    const found = new Set(await files.list());
    let jobs = 0;
    for await (const page of store.unfinished(AT_ONCE)) {
      for (const jobId of page) {
        // Whoever goes on needs the file: there is nothing to tidy.
        if (!found.delete(jobId)) await this.#failWithoutFile(jobId);
      }
      jobs += page.length;
      await nextTurn();
    }
    let looked = 0;
    for (const jobId of found) {
      try {
        await this.#tidy(jobId);
      } catch (error) {
        log.warn({ err: error, job_id: jobId }, 'could not remove a file that no job needs from the spool');
      }
      if (++looked % AT_ONCE === 0) await nextTurn();
    }
    if (jobs > 0) log.info({ jobs }, 'resuming interrupted jobs');
  }

  /** Looks after the jobs every 5 s from now on, until `stop`. */
  start(): void {
    this.#rounds.start();
  }

  async stop(): Promise<void> {
    await this.#rounds.stop();
  }

  /** Removes the files that were kept for long enough, those that were moved aside among them. */
  async cleanSpool(): Promise<void> {
    const { store, writer, files, clock, spoolKeepMs } = this.options;
    const limit = clock.now() - spoolKeepMs;
    if (clock.monotonic() >= this.#nextOrphans) {
      this.#nextOrphans = clock.monotonic() + ORPHANS_EVERY_MS;
      await this.#expireOrphans(limit);
    }
    for (const jobId of await store.expiredSpools(limit, EXPIRED_A_ROUND)) {
      await writer.exclusively(jobId, async () => {
        const record = await store.get(jobId);
        if (!record?.spooled || !isTerminal(record.state) || Date.parse(record.finishedAt ?? '') >= limit) return;
        await writer.updateInternal(record, { spooled: false });
        await files.remove(jobId);
      });
    }
  }

  /** What becomes of a complete file at a new start. */
  async #tidy(jobId: string): Promise<void> {
    const { store, files, clock, log, spoolKeepMs } = this.options;
    const job = await store.get(jobId);
    if (job?.spooled && needsSpool(job)) return;
    if (job !== undefined) {
      log.info({ job_id: jobId }, 'removing the file of a job that no longer needs it');
      await files.remove(jobId);
      return;
    }
    if (await this.options.removals.has(jobId)) return; // it goes with its row
    const file = await files.moveAside(jobId, clock.now());
    log.warn({ job_id: jobId, file, keep_hours: spoolKeepMs / HOUR_MS }, 'moved aside a file that belongs to no job');
  }

  async #expireOrphans(limit: number): Promise<void> {
    const { files, log } = this.options;
    try {
      for (const jobId of await files.removeOrphans(limit))
        log.info({ job_id: jobId }, 'removed a file that belonged to no job');
    } catch (error) {
      log.warn({ err: error }, 'could not remove files that were moved aside');
    }
  }

  /** The file is gone, so the job cannot go on. It ends at once, unless a runner has to find out what it has committed. */
  async #failWithoutFile(jobId: string): Promise<void> {
    const { store, writer, clock } = this.options;
    await writer.exclusively(jobId, async () => {
      const record = await store.get(jobId);
      if (record === undefined || record.state === 'CANCELLING') return;
      const doomed = await writer.updateInternal(record, { pendingError: record.pendingError ?? FILE_GONE });
      if (record.state === 'PENDING' && record.checkpointVerified) {
        await writer.change(doomed, endUnstarted(doomed, 'FAILED', clock));
      }
    });
  }
}
