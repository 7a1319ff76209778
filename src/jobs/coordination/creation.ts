import type { Logger } from 'pino';
import { ServiceError } from '../../errors/index.js';
import { type JobTopics, jobNames, kafkaProblem, type TopicAdmin } from '../../kafka/index.js';
import type { ReceivedUpload } from '../../upload/index.js';
import { newJobId } from '../domain/job-id.js';
import type { NewJob, StoredJob } from '../domain/stored-job.js';
import type { JobNotifier } from '../queue/job-notifier.js';
import type { JobStore } from '../store/job-store.js';
import type { JobWriter } from './job-writer.js';
import type { SpareTopics } from './spare-topics.js';

export interface JobCreationOptions {
  store: JobStore;
  writer: Pick<JobWriter, 'activate'>;
  notifier: Pick<JobNotifier, 'notify'>;
  topics: Pick<TopicAdmin, 'createJobTopics'>;
  spares: Pick<SpareTopics, 'take' | 'giveBack' | 'discard' | 'areUnused' | 'refill'>;
  /** This start of the process, as the owner of what it creates. */
  owner: string;
  log: Logger;
}

export type Created = { kind: 'created'; record: StoredJob } | { kind: 'key_taken'; record: StoredJob };

/**
 * Brings jobs into being: the row (CREATING), the file under the job's id, its topics, then the job. What is made on
 * the way has a row from the first moment on, by which it is removed if the job does not come to be.
 */
export class JobCreation {
  readonly #underWay = new Set<string>();

  constructor(private readonly options: JobCreationOptions) {}

  /**
   * `key_taken`: the Idempotency-Key is that job's. Throws KAFKA_UNAVAILABLE, KAFKA_REJECTED, INSUFFICIENT_STORAGE,
   * SERVICE_BUSY if the key is that of a job being created or a quota of the brokers is used up; then there is no job, and the upload is still the caller's.
   */
  async create(job: Omit<NewJob, 'jobId'>, upload: Pick<ReceivedUpload, 'keepAs' | 'handOver'>): Promise<Created> {
    const ids: string[] = [];
    let spare = this.options.spares.take();
    try {
      for (;;) {
        const jobId = spare ?? newJobId();
        const isSpare = spare !== undefined;
        ids.push(jobId);
        this.#underWay.add(jobId);
        const begun = await this.options.store.create({ ...job, jobId }, this.options.owner, isSpare);
        if (begun.kind === 'key_taken') return begun;
        if (begun.kind === 'key_pending')
          throw new ServiceError('SERVICE_BUSY', 'The job of this Idempotency-Key is being created');
        spare = undefined; // used; one that was no good is not followed by another
        if (begun.kind === 'id_taken') {
          if (isSpare) this.options.spares.discard(jobId);
          continue;
        }
        const record = await this.#complete(jobId, jobNames({ ...job, jobId }), isSpare, upload);
        if (record !== undefined) return { kind: 'created', record };
      }
    } finally {
      if (spare !== undefined) this.options.spares.giveBack(spare);
      this.options.spares.refill();
      // Until here nobody removes the file, which may have moved on from one id to the next.
      for (const id of ids) this.#underWay.delete(id);
    }
  }

  /** Gives up every creation that nobody works on: those of processes that are gone, and those that could not be ended. */
  async abortAbandoned(): Promise<void> {
    const aborted = await this.options.store.abortCreations(this.options.owner, [...this.#underWay]);
    if (aborted > 0) this.options.log.info({ rows: aborted }, 'gave up jobs that were not created');
  }

  isUnderWay(jobId: string): boolean {
    return this.#underWay.has(jobId);
  }

  /** undefined: a topic of this name exists, or one that was made ahead is not there as it was. */
  async #complete(
    jobId: string,
    topics: JobTopics,
    isSpare: boolean,
    upload: Pick<ReceivedUpload, 'keepAs' | 'handOver'>,
  ): Promise<StoredJob | undefined> {
    try {
      await upload.keepAs(jobId);
      if (isSpare ? await this.options.spares.areUnused(topics) : await this.#createTopics(topics)) {
        const record = await this.options.writer.activate(jobId, this.options.owner);
        upload.handOver();
        this.options.notifier.notify(jobId);
        return record;
      }
    } catch (error) {
      await this.#abort(jobId);
      throw error;
    }
    await this.#abort(jobId);
    return undefined;
  }

  async #createTopics(topics: JobTopics): Promise<boolean> {
    try {
      return await this.options.topics.createJobTopics(topics);
    } catch (error) {
      throw kafkaProblem(error, "The job's topics could not be created") ?? error;
    }
  }

  /** At once, because the caller may come again with the same Idempotency-Key. */
  async #abort(jobId: string): Promise<void> {
    try {
      await this.options.store.abort(jobId);
    } catch (error) {
      this.options.log.warn({ err: error, job_id: jobId }, 'could not give up the creation of a job, retrying later');
    }
  }
}
