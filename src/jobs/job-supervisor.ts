import type { Logger } from 'pino';
import { type Checkpoint, jobNames } from '../kafka/index.js';
import type { CompiledSchema } from '../models/schema/index.js';
import type { Assignment, JobRunners, Outcome, RunnerLoss, RunnerPoolHost } from '../runner/index.js';
import type { Clock } from './clock.js';
import type { JobChanges } from './job-changes.js';
import { type Decision, decideIntent, decideLoss, decideOutcome } from './job-decisions.js';
import type { JobLedger } from './job-ledger.js';
import { begin, end } from './job-phases.js';
import type { JobRecord } from './job-record.js';
import type { JobSpool } from './job-spool.js';
import { isTerminal } from './job-state.js';
import type { JobStore } from './job-store.js';
import { LiveJob } from './live-job.js';
import { ProgressWriter } from './progress-writer.js';
import { SettleDelays } from './settle-delays.js';
import { StaleTimes } from './stale-times.js';

export interface JobSupervisorOptions {
  store: JobStore;
  ledger: JobLedger;
  /** Finds the version of a model that a job has pinned. */
  models: { getVersion(id: string, version: number): Promise<CompiledSchema | undefined> };
  spool: JobSpool;
  clock: Clock;
  log: Logger;
  /** A job whose runners are lost again and again fails after so long without a commit (KAFKA_UNAVAILABLE_AFTER_MS). */
  maxStalledMs: number;
}

/** After a failure of the store. */
const RETRY_MS = 1000;

type Intent = Assignment['intent'];

/**
 * Hands jobs to runners and turns what runners tell into the jobs' states. Whatever is lost on the way (a write that
 * failed, a report that never came), the job is handed out again and its checkpoint says where it stands.
 */
export class JobSupervisor implements RunnerPoolHost {
  readonly #live = new Map<string, LiveJob>();
  readonly #delayed = new Map<string, () => void>();
  readonly #settleDelays = new SettleDelays();
  readonly #staleTimes = new StaleTimes();
  readonly #progress: ProgressWriter;
  #runners: JobRunners | undefined;
  #stopping = false;

  constructor(private readonly options: JobSupervisorOptions) {
    this.#progress = new ProgressWriter(options);
  }

  /** The pool that works for this supervisor; once, before the first job. */
  attach(runners: JobRunners): void {
    this.#runners = runners;
  }

  /** Queues a job that needs a runner; one that is queued or running already is left as it is. */
  submit(jobId: string, intent: Intent = 'run'): void {
    this.#undelay(jobId);
    if (!this.#stopping) this.#pool.submit(jobId, intent);
  }

  /** Queues a job that is only to be settled, unless an attempt has failed and the next is not due. */
  submitUnsettled(jobId: string): void {
    if (!this.#delayed.has(jobId)) this.submit(jobId, 'settle');
  }

  /** Takes a job that has ended before its turn out of the queue. */
  withdraw(jobId: string): void {
    this.#undelay(jobId);
    this.#pool.withdraw(jobId);
  }

  /** Whether any job is worked on. */
  get isWorking(): boolean {
    return this.#live.size > 0;
  }

  /** Whether a runner has the job, or is about to. */
  isWorkedOn(jobId: string): boolean {
    return this.#live.has(jobId);
  }

  /** Has the runner of a job that is CANCELLING settle, or a fresh one where it has none. */
  settle(jobId: string): void {
    this.#pool.cancel(jobId);
    this.submit(jobId, 'settle');
  }

  /** Time without a broker does not count against the jobs, nor their runners: call it while none answers. */
  brokerAway(): void {
    const now = this.options.clock.monotonic();
    for (const live of this.#live.values()) live.lastCommitAt = now;
    this.#staleTimes.brokerAway(now);
    this.#pool.brokerAway();
    // What could not be settled is tried again soon after the broker is back.
    for (const jobId of this.#settleDelays.jobs) {
      this.#settleDelays.forget(jobId);
      if (this.#delayed.has(jobId)) this.#submitLater(jobId, this.#settleDelays.next(jobId), 'settle');
    }
  }

  /** Writes what is still in memory; call it when the pool has stopped. Later calls change nothing. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const jobId of this.#delayed.keys()) this.#undelay(jobId);
    await this.options.ledger.idle();
    for (const live of this.#live.values()) this.#progress.write(live);
    await this.options.ledger.idle();
    for (const live of this.#live.values()) this.#progress.unplan(live);
    this.#live.clear();
  }

  async hire(jobId: string, intent: Intent): Promise<Assignment | Intent | null> {
    if (this.#stopping) return null;
    try {
      return await this.options.ledger.exclusively(jobId, () => this.#assign(jobId, intent));
    } catch (error) {
      this.options.log.error({ err: error, job_id: jobId }, 'a job could not be handed to a runner');
      this.#submitLater(jobId, RETRY_MS, intent);
      return null;
    }
  }

  async isLeaseCurrent(jobId: string, lease: number): Promise<boolean> {
    return this.#holding(jobId, lease) !== undefined;
  }

  header(jobId: string, lease: number, columns: string[]): void {
    const live = this.#holding(jobId, lease);
    if (live === undefined) return;
    live.header(columns);
    this.#progress.plan(live);
  }

  progress(jobId: string, lease: number, bytesDone: number): void {
    const live = this.#holding(jobId, lease);
    if (live === undefined) return;
    live.progress(bytesDone);
    this.#progress.plan(live);
  }

  committed(jobId: string, lease: number, checkpoint: Checkpoint): void {
    const live = this.#holding(jobId, lease);
    if (live === undefined) return;
    if (live.committed(checkpoint, this.options.clock.monotonic())) this.#progress.write(live);
    else this.#progress.plan(live);
  }

  finished(jobId: string, lease: number, outcome: Outcome): void {
    if (this.#holding(jobId, lease) === undefined) return;
    if (outcome.kind === 'stale') {
      const { detail, staleMs } = outcome;
      this.#staleTimes.note(jobId, staleMs, this.options.clock.monotonic());
      this.options.log.warn({ job_id: jobId, reason: detail, stale_ms: staleMs }, 'a job waits for its checkpoint');
    } else this.#staleTimes.forget(jobId);
    this.#conclude(jobId, lease, (record) => decideOutcome(record, outcome));
  }

  lost(jobId: string, lease: number, loss: RunnerLoss): void {
    const { clock, maxStalledMs } = this.options;
    if (this.#holding(jobId, lease) !== undefined) this.#staleTimes.forget(jobId);
    this.#conclude(jobId, lease, (record, live) =>
      decideLoss(record, loss, clock.monotonic() - live.lastCommitAt, maxStalledMs),
    );
  }

  get #pool(): JobRunners {
    if (this.#runners === undefined) throw new Error('The supervisor has no runners: attach a pool first');
    return this.#runners;
  }

  /** The job under this lease; undefined: the lease is not current. */
  #holding(jobId: string, lease: number): LiveJob | undefined {
    const live = this.#live.get(jobId);
    return live !== undefined && live.lease === lease && lease > 0 ? live : undefined;
  }

  async #assign(jobId: string, offered: Intent): Promise<Assignment | Intent | null> {
    const { store, ledger, models, spool, clock } = this.options;
    const record = await store.get(jobId);
    const intent = record === undefined ? null : decideIntent(record);
    if (intent !== 'settle') this.#settleDelays.forget(jobId);
    if (record === undefined || intent === null) {
      this.#staleTimes.forget(jobId);
      return null;
    }
    if (intent !== offered) return intent;
    const model = await models.getVersion(record.modelId, record.modelVersion);
    if (model === undefined) throw new Error(`Model ${record.modelId} has no version ${record.modelVersion}`);

    const isBeginning = record.state === 'PENDING';
    const raised = await ledger.raiseLease(record, {
      ...(isBeginning ? begin(record, clock) : {}),
      ...(intent === 'run' ? { settled: false } : {}),
    });
    const live = (isBeginning ? undefined : this.#live.get(jobId)) ?? new LiveJob(raised, clock.monotonic());
    live.hired(raised);
    this.#live.set(jobId, live);
    return {
      jobId,
      lease: raised.lease,
      intent,
      spoolPath: spool.path(jobId),
      sizeBytes: raised.sizeBytes,
      format: raised.format,
      columns: model.columns,
      additionalColumns: model.additionalColumns,
      dialect: raised.dialect,
      options: raised.options,
      wrapping: raised.wrapping,
      names: jobNames(raised),
      checkpoint: raised.checkpoint,
      staleMs: this.#staleTimes.of(jobId, clock.monotonic()),
    };
  }

  /** The runner has told its last, and its lease ends: decide what becomes of the job. */
  #conclude(jobId: string, lease: number, decide: (known: JobRecord, live: LiveJob) => Decision): void {
    const { store, ledger, log } = this.options;
    const live = this.#holding(jobId, lease);
    if (live === undefined) return;
    live.lease = 0;
    this.#progress.unplan(live);
    const task = async (): Promise<void> => {
      const record = await store.get(jobId);
      if (record === undefined) return;
      const told = live.take() ?? {};
      try {
        await this.#carryOut(record, told, decide({ ...record, ...told }, live));
      } catch (error) {
        live.giveBack(told);
        throw error;
      }
    };
    ledger.exclusively(jobId, task).catch((error: unknown) => {
      log.error({ err: error, job_id: jobId }, 'what became of a job could not be stored; it will be found out again');
      this.#submitLater(jobId, RETRY_MS, 'run');
    });
  }

  async #carryOut(record: JobRecord, told: JobChanges, decision: Decision): Promise<void> {
    const { ledger, clock, log } = this.options;
    const { jobId } = record;
    switch (decision.kind) {
      case 'end': {
        const ended = await ledger.change(record, { ...told, ...end(record, decision, clock) });
        this.#live.delete(jobId);
        this.#settleDelays.forget(jobId);
        log.info({ job_id: jobId, state: ended.state, error: ended.error }, 'job ended');
        await this.#dropSpool(ended);
        return;
      }
      case 'amend': {
        const { error, checkpoint, settled } = decision;
        await ledger.change(record, { error, checkpoint, settled });
        this.#live.delete(jobId);
        this.#settleDelays.forget(jobId);
        return;
      }
      case 'again': {
        const { known, delayMs } = decision;
        const intent = decideIntent({ ...record, ...known }) ?? 'settle';
        if (known.verdict) log.error({ job_id: jobId, verdict: known.verdict }, 'job will fail once it is settled');
        await this.#keep(record, { ...told, ...known });
        if (delayMs > 0) this.#submitLater(jobId, delayMs, intent);
        else this.submit(jobId, intent);
        return;
      }
      case 'settle-later': {
        if (isTerminal(record.state)) this.#live.delete(jobId);
        else await this.#keep(record, { ...told, ...decision.known });
        const delayMs = this.#settleDelays.next(jobId);
        log.warn({ job_id: jobId, retry_ms: delayMs }, 'what a job has committed could not be found out');
        this.#submitLater(jobId, delayMs, 'settle');
        return;
      }
      case 'leave':
        this.#live.delete(jobId);
    }
  }

  /** Stores what is known of a job that goes on. */
  async #keep(record: JobRecord, changes: JobChanges): Promise<void> {
    const { ledger } = this.options;
    const isVisible = 'fileColumns' in changes || 'checkpoint' in changes || 'bytesDone' in changes;
    if (isVisible) await ledger.change(record, changes);
    else if (Object.keys(changes).length > 0) await ledger.note(record, changes);
  }

  async #dropSpool({ jobId, spooled }: JobRecord): Promise<void> {
    if (spooled) return;
    try {
      await this.options.spool.remove(jobId);
    } catch (error) {
      this.options.log.warn({ err: error, job_id: jobId }, 'a file is left in the spool until the next start');
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
