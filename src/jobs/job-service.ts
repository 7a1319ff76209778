import type { Page } from '../database/index.js';
import { ServiceError } from '../errors/index.js';
import { parseJobRequest } from '../ingest/index.js';
import type { ReceivedUpload } from '../upload/index.js';
import type { JobCommands } from './coordination/commands.js';
import type { JobRemoval } from './coordination/removal.js';
import type { JobSubmission } from './coordination/submission.js';
import type { Clock } from './domain/clock.js';
import type { Job, JobState, JobSummary } from './domain/job.js';
import { isJobId } from './domain/job-id.js';
import { type StoredJob, toJob, toJobSummary } from './domain/stored-job.js';
import type { JobStore } from './store/job-store.js';

export interface JobServiceOptions {
  store: JobStore;
  intake: JobSubmission;
  control: JobCommands;
  removal: Pick<JobRemoval, 'wake'>;
  clock: Clock;
}

/** What the API does with jobs: parsed requests in, the Jobs of the contract out. */
export class JobService {
  constructor(private readonly options: JobServiceOptions) {}

  /** Starts a job for an upload. `replayed`: the Idempotency-Key's earlier job. Throws as `JobSubmission.accept` does. */
  async create(
    upload: ReceivedUpload,
    query: Readonly<Record<string, unknown>>,
    key: string | null,
  ): Promise<{ job: Job; replayed: boolean }> {
    const request = parseJobRequest(query, upload.fields);
    const { record, replayed } = await this.options.intake.accept(upload, request, key);
    return { job: toJob(record, this.options.clock.steady()), replayed };
  }

  /** A page of jobs, newest first. */
  async list(filter: {
    state?: JobState | undefined;
    modelId?: string | undefined;
    limit: number;
    cursor?: string | undefined;
  }): Promise<Page<JobSummary>> {
    const now = this.options.clock.steady();
    const { items, nextCursor } = await this.options.store.list(filter);
    return { items: items.map((record) => toJobSummary(record, now)), nextCursor };
  }

  /** Throws JOB_NOT_FOUND. */
  async get(jobId: string): Promise<Job> {
    return toJob(await this.record(jobId), this.options.clock.steady());
  }

  /** The job as it is stored. Throws JOB_NOT_FOUND. */
  async record(jobId: string): Promise<StoredJob> {
    requireJobId(jobId);
    const record = await this.options.store.get(jobId);
    if (record === undefined) throw new ServiceError('JOB_NOT_FOUND', `There is no job '${jobId}'`);
    return record;
  }

  /** Throws JOB_NOT_FOUND, JOB_STATE_CONFLICT. `already`: it was cancelled before. */
  async cancel(jobId: string): Promise<{ job: Job; already: boolean }> {
    requireJobId(jobId);
    const { record, already } = await this.options.control.cancel(jobId);
    return { job: toJob(record, this.options.clock.steady()), already };
  }

  /** The job as it was. Throws JOB_NOT_FOUND, JOB_STATE_CONFLICT. */
  async purge(jobId: string, force: boolean): Promise<Job> {
    requireJobId(jobId);
    const job = toJob(await this.options.control.purge(jobId, force), this.options.clock.steady());
    this.options.removal.wake();
    return job;
  }

  /** Throws JOB_NOT_FOUND, JOB_STATE_CONFLICT, SPOOL_EXPIRED, KAFKA_UNSUPPORTED. */
  async resume(jobId: string): Promise<Job> {
    requireJobId(jobId);
    return toJob(await this.options.control.resume(jobId), this.options.clock.steady());
  }
}

/** Throws JOB_NOT_FOUND for a text that cannot be a job's id. */
function requireJobId(text: string): void {
  if (isJobId(text)) return;
  throw new ServiceError('JOB_NOT_FOUND', `There is no job '${text.length > 32 ? `${text.slice(0, 32)}…` : text}'`);
}
