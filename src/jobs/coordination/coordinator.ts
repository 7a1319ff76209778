import type { Logger } from 'pino';
import { type Checkpoint, jobNames } from '../../kafka/index.js';
import type { CompiledSchema } from '../../models/schema/index.js';
import type { Assignment, JobQueue, Outcome, RunnerEvents, RunnerLoss } from '../../runner/index.js';
import type { FileStore } from '../../storage/index.js';
import type { Clock } from '../domain/clock.js';
import type { JobChanges } from '../domain/job-changes.js';
import { isTerminal } from '../domain/job-state.js';
import { begin, end } from '../domain/phases.js';
import type { StoredJob } from '../domain/stored-job.js';
import { type Decision, decideIntent, decideLoss, decideOutcome } from '../domain/transitions.js';
import type { JobStore } from '../store/job-store.js';
import type { JobWriter } from './job-writer.js';
import { ProgressWriter } from './progress-writer.js';
import { ReconcileDelays } from './reconcile-delays.js';
import { RunningJob } from './running-job.js';
import { StaleTimes } from './stale-times.js';

export interface JobCoordinatorOptions {
  store: JobStore;
  writer: JobWriter;
  /** Finds the version of a model that a job has pinned. */
  models: { getVersion(id: string, version: number): Promise<CompiledSchema | undefined> };
  files: FileStore;
  clock: Clock;
  log: Logger;
  /** A job whose runners crash again and again fails after this time without a commit (KAFKA_UNAVAILABLE_AFTER_MS). */
  maxStalledMs: number;
}

/** After a failure of the store. */
const RETRY_MS = 1000;

type Intent = Assignment['intent'];

/**
 * Hands jobs to runners and turns what runners tell into the jobs' states. Whatever is lost on the way (a write that
 * failed, a report that never came), the job is handed out again and its checkpoint says where it stands.
 */
export class JobCoordinator implements RunnerEvents {
  readonly #running = new Map<string, RunningJob>();
  readonly #delayed = new Map<string, () => void>();
  readonly #reconcileDelays = new ReconcileDelays();
  readonly #staleTimes = new StaleTimes();
  readonly #progress: ProgressWriter;
  #runners: JobQueue | undefined;
  #stopping = false;

  constructor(private readonly options: JobCoordinatorOptions) {
    this.#progress = new ProgressWriter(options);
  }

  /** The pool that works for this coordinator; once, before the first job. */
  setQueue(runners: JobQueue): void {
    this.#runners = runners;
  }

  /** Queues a job that needs a runner; one that is queued or running already is left as it is. */
  submit(jobId: string, intent: Intent = 'run'): void {
    this.#undelay(jobId);
    if (!this.#stopping) this.#pool.submit(jobId, intent);
  }

  /** Queues a job that is only to be reconciled, unless an attempt has failed and the next is not due. */
  submitUnreconciled(jobId: string): void {
    if (!this.#delayed.has(jobId)) this.submit(jobId, 'reconcile');
  }

  /** Takes a job that has ended before its turn out of the queue. */
  remove(jobId: string): void {
    this.#undelay(jobId);
    this.#pool.remove(jobId);
  }

  /** Whether any job is worked on. */
  get isWorking(): boolean {
    return this.#running.size > 0;
  }

  /** Whether a runner has the job, or is about to. */
  isWorkedOn(jobId: string): boolean {
    return this.#running.has(jobId);
  }

  /** Has the runner of a job that is CANCELLING reconcile, or a new one if it has none. */
  reconcile(jobId: string): void {
    this.#pool.cancel(jobId);
    this.submit(jobId, 'reconcile');
  }

  /** Time without a broker does not count against the jobs, nor their runners: call it while none answers. */
  brokerAway(): void {
    const now = this.options.clock.monotonic();
    for (const running of this.#running.values()) running.lastCommitAt = now;
    this.#staleTimes.brokerAway(now);
    this.#pool.brokerAway();
    // What could not be reconciled is tried again soon after the broker is back.
    for (const jobId of this.#reconcileDelays.jobs) {
      this.#reconcileDelays.forget(jobId);
      if (this.#delayed.has(jobId)) this.#submitLater(jobId, this.#reconcileDelays.next(jobId), 'reconcile');
    }
  }

  /** Writes what is still in memory; call it when the pool has stopped. Later calls change nothing. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const jobId of this.#delayed.keys()) this.#undelay(jobId);
    await this.options.writer.idle();
    for (const running of this.#running.values()) this.#progress.write(running);
    await this.options.writer.idle();
    for (const running of this.#running.values()) this.#progress.cancelFlush(running);
    this.#running.clear();
  }

  async claim(jobId: string, intent: Intent): Promise<Assignment | Intent | null> {
    if (this.#stopping) return null;
    try {
      return await this.options.writer.exclusively(jobId, () => this.#assign(jobId, intent));
    } catch (error) {
      this.options.log.error({ err: error, job_id: jobId }, 'could not hand a job to a runner');
      this.#submitLater(jobId, RETRY_MS, intent);
      return null;
    }
  }

  async isLeaseCurrent(jobId: string, lease: number): Promise<boolean> {
    return this.#holding(jobId, lease) !== undefined;
  }

  header(jobId: string, lease: number, columns: string[]): void {
    const running = this.#holding(jobId, lease);
    if (running === undefined) return;
    running.header(columns);
    this.#progress.scheduleFlush(running);
  }

  progress(jobId: string, lease: number, bytesDone: number): void {
    const running = this.#holding(jobId, lease);
    if (running === undefined) return;
    running.progress(bytesDone);
    this.#progress.scheduleFlush(running);
  }

  committed(jobId: string, lease: number, checkpoint: Checkpoint): void {
    const running = this.#holding(jobId, lease);
    if (running === undefined) return;
    if (running.committed(checkpoint, this.options.clock.monotonic())) this.#progress.write(running);
    else this.#progress.scheduleFlush(running);
  }

  finished(jobId: string, lease: number, outcome: Outcome): void {
    if (this.#holding(jobId, lease) === undefined) return;
    if (outcome.kind === 'stale') {
      const { detail, staleMs } = outcome;
      this.#staleTimes.note(jobId, staleMs, this.options.clock.monotonic());
      this.options.log.warn({ job_id: jobId, reason: detail, stale_ms: staleMs }, 'a job waits for its checkpoint');
    } else this.#staleTimes.forget(jobId);
    this.#finish(jobId, lease, (record) => decideOutcome(record, outcome));
  }

  runnerExited(jobId: string, lease: number, loss: RunnerLoss): void {
    const { clock, maxStalledMs } = this.options;
    if (this.#holding(jobId, lease) !== undefined) this.#staleTimes.forget(jobId);
    this.#finish(jobId, lease, (record, running) =>
      decideLoss(record, loss, clock.monotonic() - running.lastCommitAt, maxStalledMs),
    );
  }

  get #pool(): JobQueue {
    if (this.#runners === undefined) throw new Error('The coordinator has no runners: attach a pool first');
    return this.#runners;
  }

  /** The job under this lease; undefined: the lease is not current. */
  #holding(jobId: string, lease: number): RunningJob | undefined {
    const running = this.#running.get(jobId);
    return running !== undefined && running.lease === lease && lease > 0 ? running : undefined;
  }

  async #assign(jobId: string, offered: Intent): Promise<Assignment | Intent | null> {
    const { store, writer, models, files, clock } = this.options;
    const record = await store.get(jobId);
    const intent = record === undefined ? null : decideIntent(record);
    if (intent !== 'reconcile') this.#reconcileDelays.forget(jobId);
    if (record === undefined || intent === null) {
      this.#staleTimes.forget(jobId);
      return null;
    }
    if (intent !== offered) return intent;
    const model = await models.getVersion(record.modelId, record.modelVersion);
    if (model === undefined) throw new Error(`Model ${record.modelId} has no version ${record.modelVersion}`);

    const isBeginning = record.state === 'PENDING';
    const raised = await writer.acquireLease(record, {
      ...(isBeginning ? begin(record, clock) : {}),
      ...(intent === 'run' ? { checkpointVerified: false } : {}),
    });
    const running = (isBeginning ? undefined : this.#running.get(jobId)) ?? new RunningJob(raised, clock.monotonic());
    running.claimed(raised);
    this.#running.set(jobId, running);
    return {
      jobId,
      lease: raised.lease,
      intent,
      file: files.location(jobId),
      sizeBytes: raised.sizeBytes,
      format: raised.format,
      columns: model.columns,
      additionalColumns: model.additionalColumns,
      dialect: raised.dialect,
      options: raised.options,
      sourceEncoding: raised.sourceEncoding,
      names: jobNames(raised),
      checkpoint: raised.checkpoint,
      staleMs: this.#staleTimes.of(jobId, clock.monotonic()),
    };
  }

  /** The runner has reported its outcome, and its lease ends: decide what becomes of the job. */
  #finish(jobId: string, lease: number, decide: (known: StoredJob, running: RunningJob) => Decision): void {
    const { store, writer, log } = this.options;
    const running = this.#holding(jobId, lease);
    if (running === undefined) return;
    running.lease = 0;
    this.#progress.cancelFlush(running);
    const task = async (): Promise<void> => {
      const record = await store.get(jobId);
      if (record === undefined) return;
      const pending = running.takePending() ?? {};
      try {
        await this.#carryOut(record, pending, decide({ ...record, ...pending }, running));
      } catch (error) {
        running.restore(pending);
        throw error;
      }
    };
    writer.exclusively(jobId, task).catch((error: unknown) => {
      log.error({ err: error, job_id: jobId }, "could not store the job's outcome, retrying");
      this.#submitLater(jobId, RETRY_MS, 'run');
    });
  }

  async #carryOut(record: StoredJob, pending: JobChanges, decision: Decision): Promise<void> {
    const { writer, clock, log } = this.options;
    const { jobId } = record;
    switch (decision.kind) {
      case 'end': {
        const ended = await writer.change(record, { ...pending, ...end(record, decision, clock) });
        this.#running.delete(jobId);
        this.#reconcileDelays.forget(jobId);
        log.info({ job_id: jobId, state: ended.state, error: ended.error }, 'job ended');
        await this.#dropFile(ended);
        return;
      }
      case 'amend': {
        const { error, checkpoint, checkpointVerified } = decision;
        await writer.change(record, { error, checkpoint, checkpointVerified });
        this.#running.delete(jobId);
        this.#reconcileDelays.forget(jobId);
        return;
      }
      case 'again': {
        const { known, delayMs } = decision;
        const intent = decideIntent({ ...record, ...known }) ?? 'reconcile';
        if (known.pendingError)
          log.error({ job_id: jobId, pending_error: known.pendingError }, 'job will fail once it is reconciled');
        await this.#keep(record, { ...pending, ...known });
        if (delayMs > 0) this.#submitLater(jobId, delayMs, intent);
        else this.submit(jobId, intent);
        return;
      }
      case 'reconcile-later': {
        if (isTerminal(record.state)) this.#running.delete(jobId);
        else await this.#keep(record, { ...pending, ...decision.known });
        const delayMs = this.#reconcileDelays.next(jobId);
        log.warn({ job_id: jobId, retry_ms: delayMs }, 'could not find out what the job has committed, retrying');
        this.#submitLater(jobId, delayMs, 'reconcile');
        return;
      }
      case 'leave':
        this.#running.delete(jobId);
    }
  }

  /** Stores what is known of a job that goes on. */
  async #keep(record: StoredJob, changes: JobChanges): Promise<void> {
    const { writer } = this.options;
    const isVisible = 'fileColumns' in changes || 'checkpoint' in changes || 'bytesDone' in changes;
    if (isVisible) await writer.change(record, changes);
    else if (Object.keys(changes).length > 0) await writer.updateInternal(record, changes);
  }

  async #dropFile({ jobId, spooled }: StoredJob): Promise<void> {
    if (spooled) return;
    try {
      await this.options.files.remove(jobId);
    } catch (error) {
      this.options.log.warn(
        { err: error, job_id: jobId },
        'could not remove a file from the spool; it is removed at the next start',
      );
    }
  }

  #submitLater(jobId: string, ms: number, intent: Intent): void {
    this.#undelay(jobId);
    if (this.#stopping) return;
    const cancel = this.options.clock.schedule(ms, () => this.submit(jobId, intent));
    this.#delayed.set(jobId, cancel);
  }

  #undelay(jobId: string): void {
    this.#delayed.get(jobId)?.();
    this.#delayed.delete(jobId);
  }
}
