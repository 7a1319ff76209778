import type { Logger } from 'pino';
import { type JobTopics, jobNames, kafkaProblem, type TopicAdmin } from '../../kafka/index.js';
import type { Clock } from '../domain/clock.js';
import { newJobId } from '../domain/job-id.js';
import type { NewJob, StoredJob } from '../domain/stored-job.js';
import type { JobNotifier } from '../queue/job-notifier.js';
import type { JobStore } from '../store/job-store.js';
import type { GivenFile } from './given-file.js';
import type { JobWriter } from './job-writer.js';
import { Rounds } from './rounds.js';
import type { SpareTopics } from './spare-topics.js';
import { uploadLost } from './uploads.js';

export interface JobCreationOptions {
  store: JobStore;
  writer: Pick<JobWriter, 'activate'>;
  notifier: Pick<JobNotifier, 'notify'>;
  topics: Pick<TopicAdmin, 'createJobTopics'>;
  spares: Pick<SpareTopics, 'take' | 'giveBack' | 'discard' | 'areUnused' | 'refill'>;
  /** This start of the process, as the owner of what it creates. */
  owner: string;
  clock: Clock;
  log: Logger;
}

/** `key_taken`: the Idempotency-Key is that job's. `key_pending`: of what may become this job. */
export interface Created {
  kind: 'created' | 'key_taken' | 'key_pending';
  record: StoredJob;
}

type Upload = Pick<GivenFile, 'fileKey' | 'keep' | 'handOver'>;

/** A process that creates a job says every 5 s that it lives. After this time without, others give the creation up. */
const LAPSE_MS = 30_000;
const TOUCH_EVERY_MS = 5_000;

/**
 * Brings jobs into being: the row (CREATING), the committed file, its topics, then the job. What is made on the way has
 * a row from the first moment on, by which it is removed if the job does not come to be.
 */
export class JobCreation {
  readonly #underWay = new Set<string>();
  readonly #touches: Rounds;
  /** When the last look at creations found the store there, by the monotonic clock. */
  #lookedAt: number;

  constructor(private readonly options: JobCreationOptions) {
    this.#lookedAt = options.clock.monotonic();
    this.#touches = new Rounds({
      ...options,
      round: () => options.store.touchCreations(options.owner, [...this.#underWay]),
      everyMs: () => TOUCH_EVERY_MS,
      failure: 'saying that jobs are being created failed',
    });
  }

  /** Says every 5 s which jobs are being created here, until `stop`. */
  start(): void {
    this.#touches.start();
  }

  async stop(): Promise<void> {
    await this.#touches.stop();
  }

  /**
   * Throws KAFKA_UNAVAILABLE, KAFKA_REJECTED, INSUFFICIENT_STORAGE, SERVICE_BUSY if a quota of the brokers is used up,
   * UPLOAD_TIMEOUT if another process took this one for dead. Then there is no job, and the upload is still the caller's;
   * if the store fails, it may be known only later whether there is one.
   */
  async create(job: Omit<NewJob, 'jobId' | 'fileKey'>, upload: Upload): Promise<Created> {
    const ids: string[] = [];
    let spare = this.options.spares.take();
    try {
      for (;;) {
        const jobId = spare ?? newJobId();
        const isSpare = spare !== undefined;
        ids.push(jobId);
        this.#underWay.add(jobId);
        // A file that was given no key is named after the job.
        const row = { ...job, jobId, fileKey: upload.fileKey ?? jobId };
        const taken = { spare: isSpare, upload: upload.fileKey !== null };
        const begun = await this.options.store.create(row, this.options.owner, taken);
        if (begun.kind === 'key_taken' || begun.kind === 'key_pending') return begun;
        if (begun.kind === 'upload_lost') throw uploadLost();
        spare = undefined; // used; one that was no good is not followed by another
        if (begun.kind === 'id_taken') {
          if (isSpare) this.options.spares.discard(jobId);
          continue;
        }
        const record = await this.#complete(row, isSpare, upload);
        if (record !== undefined) return { kind: 'created', record };
      }
    } finally {
      if (spare !== undefined) this.options.spares.giveBack(spare);
      this.options.spares.refill();
      // Until here nobody removes the file, which may have moved on from one id to the next.
      for (const id of ids) this.#underWay.delete(id);
    }
  }

  /**
   * Gives up every creation that nobody works on: those of processes that give no sign of life, and those that could not
   * be ended. `isAlone`: all other processes are gone. The time since the last look is not counted: the store may have
   * been away.
   */
  async abortAbandoned(isAlone: boolean): Promise<void> {
    const { store, owner, clock } = this.options;
    const lapseMs = isAlone ? 0 : LAPSE_MS + (clock.monotonic() - this.#lookedAt);
    const aborted = await store.abortCreations(owner, [...this.#underWay], Math.ceil(lapseMs));
    this.#lookedAt = clock.monotonic();
    if (aborted > 0) this.options.log.info({ rows: aborted }, 'gave up jobs that were not created');
  }

  isUnderWay(jobId: string): boolean {
    return this.#underWay.has(jobId);
  }

  /** undefined: a topic of this name exists, or one that was made ahead is not there as it was. */
  async #complete(job: NewJob, isSpare: boolean, upload: Upload): Promise<StoredJob | undefined> {
    const topics = jobNames(job);
    try {
      await upload.keep(job.fileKey);
      if (isSpare ? await this.options.spares.areUnused(topics) : await this.#createTopics(topics)) {
        return this.#handedOver(await this.options.writer.activate(job.jobId, this.options.owner), upload);
      }
    } catch (error) {
      const record = await this.#abort(job.jobId, upload);
      if (record === undefined) throw error;
      return this.#handedOver(record, upload);
    }
    await this.#abort(job.jobId, upload);
    return undefined;
  }

  #handedOver(record: StoredJob, upload: Upload): StoredJob {
    upload.handOver();
    this.options.notifier.notify(record.jobId);
    return record;
  }

  async #createTopics(topics: JobTopics): Promise<boolean> {
    try {
      return await this.options.topics.createJobTopics(topics);
    } catch (error) {
      throw kafkaProblem(error, "The job's topics could not be created") ?? error;
    }
  }

  /**
   * At once, because the caller may come again with the same Idempotency-Key. Gives the job if it is one all the same: the
   * answer to that was lost. If the store cannot tell, the file is left to the row, whatever that is, and this throws.
   */
  async #abort(jobId: string, upload: Upload): Promise<StoredJob | undefined> {
    const { store, owner, log } = this.options;
    try {
      return (await store.abort(jobId, owner, upload.fileKey)) ? undefined : await store.get(jobId);
    } catch (error) {
      upload.handOver();
      log.warn({ err: error, job_id: jobId }, 'could not give up the creation of a job, retrying later');
      throw error;
    }
  }
}
