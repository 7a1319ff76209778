import type { Page } from '../../database/index.js';
import { ServiceError } from '../../errors/index.js';
import { isHrefUnder } from '../../sources/index.js';
import type { Clock } from '../domain/clock.js';
import type { Job, JobSummary } from '../domain/job.js';
import { toJob, toJobSummary } from '../domain/job-view.js';
import type { StoredJob } from '../domain/stored-job.js';
import type { JobFilter, JobStore } from '../store/job-store.js';
import type { WorkerStore } from '../store/worker-store.js';

/** Reads jobs as the contract shows them. */
export class JobQueries {
  constructor(
    private readonly store: JobStore,
    private readonly workers: Pick<WorkerStore, 'sources'>,
    private readonly clock: Clock,
  ) {}

  /** A page of jobs, newest first. Throws INVALID_REQUEST for a foreign cursor. */
  async list(filter: JobFilter): Promise<Page<JobSummary>> {
    const now = this.clock.steady();
    const { items, nextCursor } = await this.store.list(filter);
    return { items: await this.#withReasons(items.map((record) => toJobSummary(record, now))), nextCursor };
  }

  /** Throws JOB_NOT_FOUND. */
  async get(jobId: string): Promise<Job> {
    return this.view(await this.record(jobId));
  }

  /** The job as it is stored. Throws JOB_NOT_FOUND. */
  async record(jobId: string): Promise<StoredJob> {
    const record = await this.store.get(jobId);
    if (record === undefined) throw jobNotFound(jobId);
    return record;
  }

  /** The Job of the contract. */
  async view(record: StoredJob): Promise<Job> {
    const job = toJob(record, this.clock.steady());
    const [shown = job] = await this.#withReasons([job]);
    return shown;
  }

  /** Those that wait because no worker may read their source say so. */
  async #withReasons<T extends JobSummary>(jobs: readonly T[]): Promise<T[]> {
    if (!jobs.some(mayBeUnread)) return [...jobs];
    const sources = await this.workers.sources();
    return jobs.map((job) => {
      if (!mayBeUnread(job) || isHrefUnder(job.source?.uri ?? '', sources)) return job;
      const message = `No worker that is running may read ${job.source?.uri}: its SOURCES must have a prefix of it`;
      return { ...job, waiting: { code: 'SOURCE_NOT_ALLOWED', message } };
    });
  }
}

function mayBeUnread({ state, source, waiting }: JobSummary): boolean {
  return state === 'PENDING' && source !== null && waiting === null;
}

export function jobNotFound(jobId: string): ServiceError {
  return new ServiceError('JOB_NOT_FOUND', `There is no job '${jobId}'`);
}
