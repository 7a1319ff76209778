import type { Page } from '../../database/index.js';
import { ServiceError } from '../../errors/index.js';
import type { Clock } from '../domain/clock.js';
import type { Job, JobSummary } from '../domain/job.js';
import { toJob, toJobSummary } from '../domain/job-view.js';
import type { StoredJob } from '../domain/stored-job.js';
import type { JobFilter, JobStore } from '../store/job-store.js';

/** Reads jobs as the contract shows them. */
export class JobQueries {
  constructor(
    private readonly store: JobStore,
    private readonly clock: Clock,
  ) {}

  /** A page of jobs, newest first. Throws INVALID_REQUEST for a foreign cursor. */
  async list(filter: JobFilter): Promise<Page<JobSummary>> {
    const now = this.clock.steady();
    const { items, nextCursor } = await this.store.list(filter);
    return { items: items.map((record) => toJobSummary(record, now)), nextCursor };
  }

  /** Throws JOB_NOT_FOUND. */
  async get(jobId: string): Promise<Job> {
    return this.view(await this.record(jobId));
  }

  /** The job as it is stored. Throws JOB_NOT_FOUND. */
  async record(jobId: string): Promise<StoredJob> {
    const record = await this.store.get(jobId);
    if (record === undefined) throw new ServiceError('JOB_NOT_FOUND', `There is no job '${jobId}'`);
    return record;
  }

  /** The Job of the contract. */
  view(record: StoredJob): Job {
    return toJob(record, this.clock.steady());
  }
}
