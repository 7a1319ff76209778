import { ServiceError } from '../../errors/index.js';
import type { FileStore } from '../../storage/index.js';
import type { Clock } from '../domain/clock.js';
import { isUnfinished } from '../domain/job-sink.js';
import { isResumable, isTerminal } from '../domain/job-state.js';
import { begin, endUnstarted, queueAgain } from '../domain/phases.js';
import { isReadToEnd } from '../domain/sink-transitions.js';
import type { StoredJob } from '../domain/stored-job.js';
import type { JobNotifier } from '../queue/job-notifier.js';
import type { JobStore } from '../store/job-store.js';
import type { JobWriter } from './job-writer.js';
import type { JobRemoval } from './removal.js';

export interface JobCommandsOptions {
  store: JobStore;
  writer: JobWriter;
  notifier: Pick<JobNotifier, 'notify'>;
  files: Pick<FileStore, 'has'>;
  clock: Clock;
  /** Removes what purged jobs leave. */
  removal: Pick<JobRemoval, 'wake'>;
  /** Throws KAFKA_UNSUPPORTED. */
  requireKafka(): Promise<void>;
}

/** How long a cancel waits for the job's end. */
const CANCEL_WAIT_MS = 5000;

/** What users do to jobs. */
export class JobCommands {
  constructor(private readonly options: JobCommandsOptions) {}

  /**
   * Ends the job, waiting up to 5 s for a runner to stop: returns the job as it is then, normally CANCELLED; CANCELLING if
   * that takes longer, SUCCESS and the like if it ended first. `already`: it was CANCELLED before.
   * Throws JOB_NOT_FOUND; JOB_STATE_CONFLICT if it has ended otherwise.
   */
  async cancel(jobId: string): Promise<{ record: StoredJob; already: boolean }> {
    const { writer, notifier } = this.options;
    const { record, end } = await writer.exclusivelyRepeated(jobId, () => this.#cancel(jobId));
    if (record.state === 'CANCELLED') return { record, already: end === null };
    notifier.notify(jobId);
    await end;
    return { record: await this.#require(jobId), already: false };
  }

  /**
   * Queues a cancelled job, or one that failed with an error that is not final, to go on from its checkpoint.
   * Throws JOB_NOT_FOUND; JOB_STATE_CONFLICT; SPOOL_EXPIRED if its file is gone; KAFKA_UNSUPPORTED.
   */
  async resume(jobId: string): Promise<StoredJob> {
    const { writer, notifier, files, clock, requireKafka } = this.options;
    const resumed = await writer.exclusivelyRepeated(jobId, async () => {
      const record = await this.#require(jobId);
      const { state, error } = record;
      if (!isResumable(state, error?.code ?? null)) {
        const what = error === null ? state : `${state} (${error.code})`;
        throw new ServiceError('JOB_STATE_CONFLICT', `The job is ${what}: it cannot be resumed`);
      }
      await requireFile(record, files);
      await requireKafka();
      return writer.change(record, queueAgain(record, clock));
    });
    notifier.notify(jobId);
    return resumed;
  }

  /**
   * Removes an ended job and its topics permanently: it is not a job any more, and the rest follows by itself. Returns the
   * job as it was. Throws JOB_NOT_FOUND; JOB_STATE_CONFLICT if it has not ended, or something still depends on it
   * and `force` is false.
   */
  async purge(jobId: string, force: boolean): Promise<StoredJob> {
    const { store, writer, removal } = this.options;
    const purged = await writer.exclusively(jobId, async () => {
      const record = await this.#require(jobId);
      if (!isTerminal(record.state)) {
        const message = `The job is ${record.state}: cancel it first (\`DELETE /jobs/${jobId}\`)`;
        throw new ServiceError('JOB_STATE_CONFLICT', message);
      }
      if (record.spooled && !force) {
        throw new ServiceError(
          'JOB_STATE_CONFLICT',
          `The job's file has not been fully delivered and is still kept; to delete it as well: \`DELETE /jobs/${jobId}?purge=true&force=true\``,
        );
      }
      const waiting = record.sinks.filter(
        (sink) => isUnfinished(sink) && (sink.state !== 'PENDING' || isReadToEnd(record)),
      );
      if (waiting.length > 0 && !force) {
        const names = waiting.map(({ name }) => name).join(' and ');
        throw new ServiceError(
          'JOB_STATE_CONFLICT',
          `The job's rows are not all in ${names} yet; to purge it nevertheless: \`DELETE /jobs/${jobId}?purge=true&force=true\``,
        );
      }
      if (!(await store.purge(record))) {
        throw new ServiceError(
          'JOB_STATE_CONFLICT',
          'The job is still being reconciled with Kafka: try again in a few seconds',
        );
      }
      return record;
    });
    removal.wake();
    return purged;
  }

  /** `end`: the job's end, or the wait for it; null: nothing was to be done. */
  async #cancel(jobId: string): Promise<{ record: StoredJob; end: Promise<void> | null }> {
    const { writer, clock } = this.options;
    const record = await this.#require(jobId);
    switch (record.state) {
      case 'CANCELLED':
        return { record, end: null };
      case 'PENDING':
        if (record.checkpointVerified) {
          const ended = await writer.change(record, endUnstarted(record, 'CANCELLED', clock));
          return { record: ended, end: Promise.resolve() };
        }
        // An earlier attempt was never reconciled: a runner has to find out what is committed before the job may end.
        return this.#cancelRunning(await writer.change(record, begin(record, clock)));
      case 'RUNNING':
        return this.#cancelRunning(record);
      case 'CANCELLING':
        return { record, end: writer.ended(jobId, CANCEL_WAIT_MS) };
      default:
        throw new ServiceError('JOB_STATE_CONFLICT', `The job is ${record.state}: it cannot be cancelled`);
    }
  }

  async #cancelRunning(record: StoredJob): Promise<{ record: StoredJob; end: Promise<void> }> {
    const { writer } = this.options;
    const cancelling = await writer.change(record, { state: 'CANCELLING', runAfterMs: 0 });
    return { record: cancelling, end: writer.ended(record.jobId, CANCEL_WAIT_MS) };
  }

  async #require(jobId: string): Promise<StoredJob> {
    const record = await this.options.store.get(jobId);
    if (record === undefined) throw new ServiceError('JOB_NOT_FOUND', `There is no job '${jobId}'`);
    return record;
  }
}

/** That of a source lies where it lay: if it does not, the job fails with that. */
async function requireFile({ spooled, source, fileKey }: StoredJob, files: Pick<FileStore, 'has'>): Promise<void> {
  if (source !== null && !spooled) {
    throw new ServiceError('SPOOL_EXPIRED', 'The job has ended too long ago: send its source again');
  }
  if (source === null && !(spooled && (await files.has(fileKey)))) {
    throw new ServiceError('SPOOL_EXPIRED', 'The uploaded file of this job is no longer kept');
  }
}
