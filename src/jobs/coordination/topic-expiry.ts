import type { Logger } from 'pino';
import { JOB_RETENTION_MS, jobNames, type TopicAdmin } from '../../kafka/index.js';
import { isTerminal } from '../domain/job-state.js';
import type { StoredJob } from '../domain/stored-job.js';
import type { ExpiryStore } from '../store/expiry-store.js';
import type { JobStore } from '../store/job-store.js';
import type { JobWriter } from './job-writer.js';

export interface TopicExpiryOptions {
  rows: ExpiryStore;
  store: Pick<JobStore, 'get'>;
  writer: Pick<JobWriter, 'exclusively'>;
  topics: Pick<TopicAdmin, 'lookAtJobTopics' | 'deleteJobTopics'>;
  log: Logger;
}

/** Jobs whose topics one round looks at, at most. */
const BATCH = 200;
const MAX_MISSING = 1000;

/**
 * Deletes the topics of ended jobs that Kafka's retention has emptied; the jobs stay. Of a job that could still go on,
 * because its file is kept or what it has committed is not known, nothing is touched.
 */
export class TopicExpiry {
  #stopped = false;
  /** Where the next round begins, so that topics that are not empty never hold up those behind them. */
  #afterSeq = 0;
  /** Jobs of which a topic was not found. A broker that has just started may not know of it yet, so one look is not enough. */
  readonly #missing = new Set<string>();

  constructor(private readonly options: TopicExpiryOptions) {}

  /** The round that is under way ends with the job that it is at. */
  stop(): void {
    this.#stopped = true;
  }

  /** A bounded piece of the work, at `now` (ms since the epoch). Rejects only if the store does. */
  async round(now: number): Promise<void> {
    const { rows, log } = this.options;
    const jobs = await rows.withTopics(now - JOB_RETENTION_MS, this.#afterSeq, BATCH);
    let removed = 0;
    for (const { jobId, seq } of jobs) {
      if (this.#stopped) return;
      this.#afterSeq = seq;
      try {
        if (await this.#remove(jobId)) removed += 1;
      } catch (error) {
        // Most often the broker: the rest would wait for it as long, each. The next round goes on behind this one.
        log.warn({ err: error, job_id: jobId }, 'could not check or delete the topics of an ended job');
        return;
      }
    }
    if (jobs.length < BATCH) this.#afterSeq = 0;
    if (removed > 0) log.info({ jobs: removed }, 'deleted the topics of jobs that retention has emptied');
  }

  /** false: there is something in the topics, or the job has changed. */
  async #remove(jobId: string): Promise<boolean> {
    const { rows, store, writer, topics } = this.options;
    const seen = await store.get(jobId);
    if (!isOver(seen)) return false;
    const { dataEnd = 0, dlqEnd = 0 } = seen.checkpoint ?? {};
    const left = await topics.lookAtJobTopics(jobNames(seen), { data: dataEnd, dlq: dlqEnd });
    const wasMissing = this.#missing.delete(jobId);
    if (left === 'records') return false;
    if (left === 'unknown topic' && !wasMissing) {
      if (this.#missing.size < MAX_MISSING) this.#missing.add(jobId);
      return false;
    }
    return writer.exclusively(jobId, async () => {
      const record = await store.get(jobId);
      if (!isOver(record) || record.lease !== seen.lease) return false;
      // The row is marked last, so that what was interrupted is done again.
      await topics.deleteJobTopics(jobNames(record));
      await rows.markTopicsRemoved(jobId);
      return true;
    });
  }
}

/** Whether nothing is written for the job any more, whoever asks for what. */
function isOver(record: StoredJob | undefined): record is StoredJob {
  return record !== undefined && isTerminal(record.state) && record.checkpointVerified && !record.spooled;
}
