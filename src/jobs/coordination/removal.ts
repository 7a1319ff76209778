import type { Logger } from 'pino';
import { jobNames, type TopicAdmin } from '../../kafka/index.js';
import type { FileStore } from '../../storage/index.js';
import type { Clock } from '../domain/clock.js';
import type { Removal, RemovalStore } from '../store/removal-store.js';
import type { JobCreation } from './creation.js';
import type { Leader } from './leadership.js';
import { Rounds } from './rounds.js';

export interface JobRemovalOptions {
  leader: Leader;
  rows: RemovalStore;
  creation: Pick<JobCreation, 'abortAbandoned' | 'isUnderWay'>;
  topics: Pick<TopicAdmin, 'deleteUnusedJobTopics' | 'deleteJobTopics' | 'deleteJobGroup'>;
  /** Resolves when the topic of the jobs holds the job's tombstone, behind which no event of it lands. */
  publishTombstone: (jobId: string) => Promise<void>;
  files: Pick<FileStore, 'remove'>;
  clock: Clock;
  log: Logger;
  /** Rejects if no broker answers. */
  checkKafka: () => Promise<void>;
}

const EVERY_MS = 10_000;
/** Rows that one round removes at most. */
const BATCH = 20;

/**
 * Removes what rows say is to go, and nothing that no row names: a topic without a row may be somebody else's. The row
 * goes last, so that a removal that was interrupted is begun again.
 */
export class JobRemoval {
  readonly #rounds: Rounds;
  /** Where the next round begins, so that rows that cannot be removed never hold up those behind them. */
  #afterSeq = 0;
  readonly #failing = new Set<string>();

  constructor(private readonly options: JobRemovalOptions) {
    this.#rounds = new Rounds({
      ...options,
      round: () => this.round(),
      everyMs: () => EVERY_MS,
      failure: 'removing what is to go failed',
    });
  }

  /** Frees what dead processes held; once, before the first upload is taken, where all other processes are dead. */
  async recover(): Promise<void> {
    await this.options.creation.abortAbandoned(true);
  }

  /** Removes every 10 s from now on, until `stop`. */
  start(): void {
    this.#rounds.start();
  }

  /** There is something to remove: begins soon. */
  wake(): void {
    this.#rounds.wake();
  }

  async stop(): Promise<void> {
    await this.#rounds.stop();
  }

  /** A bounded piece of the work. Rejects only if the store does. */
  async round(): Promise<void> {
    await this.options.creation.abortAbandoned(false);
    const rows = await this.options.rows.list(this.#afterSeq, BATCH);
    this.#afterSeq = rows.length < BATCH ? 0 : (rows.at(-1)?.seq ?? 0);
    for (const row of rows) {
      if (this.#rounds.isStopped || !(await this.#isKafkaThere())) return;
      if (!this.options.creation.isUnderWay(row.jobId)) await this.#tryRemove(row);
    }
  }

  async #tryRemove(row: Removal): Promise<void> {
    const { log } = this.options;
    const { jobId } = row;
    try {
      await this.#remove(row);
      this.#failing.delete(jobId);
    } catch (error) {
      if (this.#failing.has(jobId)) return;
      if (this.#failing.size < 1000) this.#failing.add(jobId);
      log.warn({ err: error, job_id: jobId }, 'could not remove what is left of a job, retrying');
    }
  }

  async #remove(row: Removal): Promise<void> {
    const { jobId, fileKey, phase, topicsRemoved } = row;
    const { rows, topics, files, publishTombstone, log } = this.options;
    const names = jobNames(row);
    if (fileKey !== null) await files.remove(fileKey);
    if (phase === 'ABORTED') {
      await topics.deleteUnusedJobTopics(names);
      await rows.delete(jobId);
      log.info({ job_id: jobId }, 'removed the topics and the file of a job that was not created');
      return;
    }
    if (!topicsRemoved) await topics.deleteJobTopics(names);
    await topics.deleteJobGroup(names);
    await publishTombstone(jobId);
    await rows.delete(jobId);
    log.info({ job_id: jobId }, 'job purged');
  }

  /** The readiness probe reports that Kafka is away; here it only delays. */
  async #isKafkaThere(): Promise<boolean> {
    try {
      await this.options.checkKafka();
      return true;
    } catch {
      return false;
    }
  }
}
