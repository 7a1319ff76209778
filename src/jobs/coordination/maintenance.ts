import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { FileStore, LocalFileStore } from '../../storage/index.js';
import type { Clock } from '../domain/clock.js';
import { isTerminal } from '../domain/job-state.js';
import { endUnstarted } from '../domain/phases.js';
import { type JobError, needsSpool } from '../domain/stored-job.js';
import type { FileRows } from '../store/file-rows.js';
import type { JobStore } from '../store/job-store.js';
import type { RemovalStore } from '../store/removal-store.js';
import type { JobWriter } from './job-writer.js';
import type { Leader } from './leadership.js';
import { Rounds } from './rounds.js';

export interface JobMaintenanceOptions {
  store: JobStore;
  writer: JobWriter;
  removals: RemovalStore;
  fileRows: FileRows;
  files: Pick<FileStore, 'remove'>;
  /** The folder of files, if this process alone has it; null: others use the files, too. */
  ownFiles: Pick<LocalFileStore, 'list' | 'remove' | 'moveAside' | 'removeOrphans'> | null;
  /** Removes what nobody needs, where others use the files, too. */
  sweep: () => Promise<void>;
  clock: Clock;
  log: Logger;
  leader: Leader;
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
      round: () => this.#lookAfter(),
      everyMs: () => CHECK_EVERY_MS,
      failure: 'looking after the jobs failed',
    });
  }

  /**
   * Makes the jobs that an earlier process left claimable if no other process has the store. In a folder that this
   * process alone has, removes the files that their jobs no longer need, and moves those aside that no job knows: their
   * database may be lost. Call it once, before the first claim and the first upload (a file is in the spool before its job
   * exists).
   */
  async rescueInterrupted(): Promise<void> {
    const { store, fileRows, ownFiles, isAlone, log } = this.options;
    if (!isAlone) return;
    await store.releaseAll();
    const found = ownFiles && new Set(await ownFiles.list());
    let jobs = 0;
    for await (const page of store.unfinished(AT_ONCE)) {
      const keys = found && (await fileRows.keysOf(page));
      for (const jobId of page) {
        // Whoever goes on needs the file: there is nothing to tidy.
        if (found?.delete(keys?.get(jobId) ?? '') === false) await this.#failWithoutFile(jobId);
      }
      jobs += page.length;
      await nextTurn();
    }
    let looked = 0;
    for (const key of found ?? []) {
      try {
        await this.#tidy(key);
      } catch (error) {
        log.warn({ err: error, file: key }, 'could not remove a file that no job needs from the spool');
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
        await files.remove(record.fileKey);
      });
    }
  }

  async #lookAfter(): Promise<void> {
    await this.cleanSpool();
    await this.options.sweep();
  }

  /** What becomes of a complete file at a new start, in a folder that this process alone has. */
  async #tidy(key: string): Promise<void> {
    const { store, fileRows, removals, ownFiles, clock, log, spoolKeepMs } = this.options;
    const jobId = (await fileRows.holderOf(key)) ?? key;
    const job = await store.get(jobId);
    if (job?.spooled && needsSpool(job)) return;
    if (job !== undefined) {
      log.info({ job_id: jobId }, 'removing the file of a job that no longer needs it');
      await ownFiles?.remove(key);
      return;
    }
    if (await removals.has(jobId)) return; // it goes with its row
    const file = await ownFiles?.moveAside(key, clock.now());
    log.warn({ job_id: jobId, file, keep_hours: spoolKeepMs / HOUR_MS }, 'moved aside a file that belongs to no job');
  }

  async #expireOrphans(limit: number): Promise<void> {
    const { ownFiles, log } = this.options;
    try {
      for (const jobId of (await ownFiles?.removeOrphans(limit)) ?? [])
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
      // A file that is read where it lies is nowhere else.
      if (record === undefined || record.source !== null || record.state === 'CANCELLING') return;
      const doomed = await writer.updateInternal(record, { pendingError: record.pendingError ?? FILE_GONE });
      if (record.state === 'PENDING' && record.checkpointVerified) {
        await writer.change(doomed, endUnstarted(doomed, 'FAILED', clock));
      }
    });
  }
}
