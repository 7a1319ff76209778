import type { Logger } from 'pino';
import { type Checkpoint, jobNames } from '../../kafka/index.js';
import type { CompiledSchema } from '../../models/schema/index.js';
import { traceIdOf } from '../../observability/tracing/index.js';
import type { Outcome, RunnerEvents, RunnerLoss, Runners } from '../../runner/index.js';
import type { AllowedSource } from '../../sources/index.js';
import type { FileStore } from '../../storage/index.js';
import type { Clock } from '../domain/clock.js';
import type { JobChanges } from '../domain/job-changes.js';
import { isTerminal } from '../domain/job-state.js';
import { end } from '../domain/phases.js';
import { isLoadable } from '../domain/sink-transitions.js';
import type { StoredJob } from '../domain/stored-job.js';
import { type Decision, decideIntent, decideLoss, decideOutcome } from '../domain/transitions.js';
import type { JobNotifier } from '../queue/job-notifier.js';
import type { Claim, Intent } from '../store/claim.js';
import type { JobStore } from '../store/job-store.js';
import type { HeldLease, LeaseStore } from '../store/lease-store.js';
import type { SinkStore } from '../store/sink-store.js';
import type { JobMetrics } from './job-metrics.js';
import type { JobTraces } from './job-traces.js';
import type { JobWriter } from './job-writer.js';
import { ProgressWriter } from './progress-writer.js';
import { FIRST_RECONCILE_DELAY_MS, ReconcileDelays } from './reconcile-delays.js';
import { RunningJob } from './running-job.js';
import { StaleTimes } from './stale-times.js';

export interface JobCoordinatorOptions {
  store: JobStore;
  leases: Pick<LeaseStore, 'holds'>;
  writer: JobWriter;
  /** Finds the version of a model that a job has pinned. */
  models: { getVersion(id: string, version: number): Promise<CompiledSchema | undefined> };
  files: Pick<FileStore, 'location' | 'remove'>;
  notifier: JobNotifier;
  /** The loads of a job that waited for it. */
  sinks: Pick<SinkStore, 'wake'>;
  /** This start of the process, which has the leases of what it claims. */
  owner: string;
  /** What its runners may read where it lies. */
  sources?: readonly AllowedSource[];
  clock: Clock;
  log: Logger;
  metrics: JobMetrics;
  traces: JobTraces;
  /** A job whose runners crash again and again fails after this time without a commit (KAFKA_UNAVAILABLE_AFTER_MS). */
  maxStalledMs: number;
  /** A job that meets system errors again and again fails after this number of them without a commit (JOB_MAX_ATTEMPTS). */
  maxAttempts: number;
}

/** After a failure of the store. */
const RETRY_MS = 1000;
/** Jobs that had a runner here, and wait for one. */
const MAX_REMEMBERED = 1_000;
/** A job that may be claimed again in this time is announced then; later ones are found by those who look for work. */
const ANNOUNCED_WITHIN_MS = 5_000;

/**
 * Claims jobs for runners and turns what runners tell into the jobs' states. Whatever is lost on the way (a write that
 * failed, a report that never came), the job is claimed again and its checkpoint says where it stands.
 */
export class JobCoordinator implements RunnerEvents {
  readonly #running = new Map<string, RunningJob>();
  /** Each takes back what is to happen later. */
  readonly #planned = new Set<() => void>();
  readonly #reconcileDelays = new ReconcileDelays();
  readonly #staleTimes = new StaleTimes();
  /** Jobs that wait after a system error. */
  readonly #retried = new Set<string>();
  readonly #progress: ProgressWriter;
  #runners: Runners | undefined;
  #isKafkaAway = false;
  #stopping = false;

  constructor(private readonly options: JobCoordinatorOptions) {
    this.#progress = new ProgressWriter(options);
  }

  /** The runners that work for this coordinator; once, before the first job. */
  setRunners(runners: Runners): void {
    this.#runners = runners;
  }

  /** Whether any job is worked on, or its end is being stored, or it waits for a runner here or elsewhere. */
  get isWorking(): boolean {
    return this.#running.size > 0;
  }

  /**
   * Claims the next job for a runner that is free, and assigns it. false: no job needs one, or it cannot be found out what
   * is committed, because no broker answers. Rejects if the store fails.
   */
  async claim(intent: Intent): Promise<boolean> {
    if (this.#stopping || (intent === 'reconcile' && this.#isKafkaAway)) return false;
    const { writer, owner, sources = [], log } = this.options;
    const claim = await writer.claim(intent, owner, sources);
    if (claim === undefined) return false;
    const { jobId, lease, leaseToken } = claim.record;
    try {
      await writer.exclusively(jobId, () => this.#assign(claim, intent));
    } catch (error) {
      log.error({ err: error, job_id: jobId }, 'could not hand a job to a runner');
      this.#releaseLater({ jobId, lease, leaseToken });
    }
    return true;
  }

  /** Has the runners of jobs that are CANCELLING by now reconcile. `jobIds`: the jobs to look at; absent: all that runners have. */
  noticeCancels(jobIds: readonly string[] = [...this.#running.keys()]): void {
    const { store, writer, log } = this.options;
    for (const jobId of jobIds) {
      if (this.#stopping || (this.#running.get(jobId)?.lease ?? 0) === 0) continue;
      writer
        .exclusively(jobId, async () => {
          if ((await store.get(jobId))?.state === 'CANCELLING') this.#pool.cancel(jobId);
        })
        .catch((error: unknown) => log.error({ err: error, job_id: jobId }, 'could not see if a job is cancelled'));
    }
  }

  /** Time without a broker does not count against the jobs, nor their runners: call it while none answers. */
  brokerAway(): void {
    const now = this.options.clock.monotonic();
    for (const running of this.#running.values()) running.lastCommitAt = now;
    this.#staleTimes.brokerAway(now);
    this.#pool.brokerAway();
    this.#isKafkaAway = true;
  }

  /** A broker answers. What could not be reconciled without it is tried again soon. */
  async brokerAnswers(): Promise<void> {
    if (!this.#isKafkaAway) return;
    const { store } = this.options;
    const { jobs } = this.#reconcileDelays;
    if (jobs.length > 0) await store.hasten(jobs, FIRST_RECONCILE_DELAY_MS);
    if (this.#retried.size > 0) await store.hasten([...this.#retried], RETRY_MS);
    for (const jobId of jobs) this.#reconcileDelays.forget(jobId);
    this.#retried.clear();
    this.#isKafkaAway = false;
  }

  /** Writes what is still in memory; call it when the pool has stopped. Later calls change nothing. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const cancel of this.#planned) cancel();
    this.#planned.clear();
    await this.options.writer.idle();
    for (const running of this.#running.values()) this.#progress.write(running);
    await this.options.writer.idle();
    for (const running of this.#running.values()) this.#progress.cancelFlush(running);
    this.#running.clear();
  }

  /** The row decides: a process that stood still remembers leases that others have by now. */
  async isLeaseCurrent(jobId: string, lease: number): Promise<boolean> {
    const { leases, owner, log } = this.options;
    const running = this.#holding(jobId, lease);
    if (running === undefined) return false;
    try {
      return await leases.holds(running.heldLease, owner);
    } catch (error) {
      log.error({ err: error, job_id: jobId }, 'could not see whose the lease of a job is');
      return false;
    }
  }

  /** The leases of the jobs that runners have. */
  get heldLeases(): HeldLease[] {
    return [...this.#running.values()].flatMap((running) => (running.lease > 0 ? [running.heldLease] : []));
  }

  /** Others have the job now, or may have it: its runner is killed, and what it has told is forgotten. */
  leaseLost({ jobId, lease }: HeldLease): void {
    const running = this.#holding(jobId, lease);
    if (running === undefined) return;
    running.endTrace('lost', 'lease_lost');
    running.lease = 0;
    this.#progress.cancelFlush(running);
    this.#running.delete(jobId);
    this.#staleTimes.forget(jobId);
    this.options.metrics.leaseLost();
    this.options.log.warn({ job_id: jobId, lease }, 'lost the lease of a job');
    this.#pool.abandon(jobId);
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

  committed(jobId: string, lease: number, checkpoint: Checkpoint, seconds: number | null = null): void {
    const running = this.#holding(jobId, lease);
    if (running === undefined) return;
    const delta = running.count(checkpoint);
    this.options.metrics.committed(running, delta, checkpoint);
    running.trace?.committed(delta, seconds);
    if (running.committed(checkpoint, this.options.clock.monotonic())) this.#progress.write(running);
    else this.#progress.scheduleFlush(running);
  }

  aborted(jobId: string, lease: number, seconds: number): void {
    this.#holding(jobId, lease)?.trace?.aborted(seconds);
  }

  finished(jobId: string, lease: number, outcome: Outcome): void {
    const running = this.#holding(jobId, lease);
    if (running === undefined) return;
    running.endTrace(outcome.kind, outcome.kind === 'failed' ? outcome.error.code : undefined);
    if (outcome.kind === 'stale') {
      const { detail, staleMs } = outcome;
      this.#staleTimes.note(jobId, staleMs, this.options.clock.monotonic());
      this.options.log.warn({ job_id: jobId, reason: detail, stale_ms: staleMs }, 'a job waits for its checkpoint');
    } else this.#staleTimes.forget(jobId);
    this.#finish(jobId, lease, (record) => decideOutcome(record, outcome, this.options.maxAttempts));
  }

  runnerExited(jobId: string, lease: number, loss: RunnerLoss): void {
    const { clock, maxStalledMs } = this.options;
    if (this.#holding(jobId, lease) !== undefined) this.#staleTimes.forget(jobId);
    this.#holding(jobId, lease)?.endTrace('lost', 'runner_lost');
    this.#finish(jobId, lease, (record, running) =>
      decideLoss(record, loss, clock.monotonic() - running.lastCommitAt, maxStalledMs),
    );
  }

  get #pool(): Runners {
    if (this.#runners === undefined) throw new Error('The coordinator has no runners: set them first');
    return this.#runners;
  }

  /** The job under this lease; undefined: the lease is not current. */
  #holding(jobId: string, lease: number): RunningJob | undefined {
    const running = this.#running.get(jobId);
    return running !== undefined && running.lease === lease && lease > 0 ? running : undefined;
  }

  async #assign({ record: { jobId, lease, leaseToken }, begun }: Claim, intent: Intent): Promise<void> {
    const { store, writer, models, files, clock } = this.options;
    if (intent === 'run') this.#reconcileDelays.forget(jobId);
    this.#retried.delete(jobId);
    // A cancel may have come since the claim.
    const record = await store.get(jobId);
    if (record?.lease !== lease || record.leaseToken !== leaseToken)
      throw new Error(`Lease ${lease} of job ${jobId} is gone`);
    const model = await models.getVersion(record.modelId, record.modelVersion);
    if (model === undefined) throw new Error(`Model ${record.modelId} has no version ${record.modelVersion}`);

    let running = begun ? undefined : this.#running.get(jobId);
    if (running?.isBehind(record)) {
      running = undefined;
      this.#staleTimes.forget(jobId);
    }
    running ??= new RunningJob(record, clock.monotonic());
    running.claimed(record);
    this.#running.set(jobId, running);
    this.#forgetOldest();
    const isAssigned = this.#pool.assign({
      jobId,
      modelId: record.modelId,
      filename: record.filename,
      traceId: traceIdOf(record.traceContext) ?? null,
      lease,
      intent,
      file: record.source ?? files.location(record.fileKey),
      sizeBytes: record.sizeBytes,
      sha256: record.sha256,
      format: record.format,
      columns: model.columns,
      additionalColumns: model.additionalColumns,
      dialect: record.dialect,
      options: record.options,
      sourceEncoding: record.sourceEncoding,
      names: jobNames(record),
      checkpoint: record.checkpoint,
      staleMs: this.#staleTimes.of(jobId, clock.monotonic()),
    });
    if (isAssigned) {
      running.trace = this.options.traces.run(record, lease);
      if (begun) this.options.metrics.started();
      if (begun && record.options.sinkWhen === 'streaming') await this.#wakeSinks(record);
      if (record.state === 'CANCELLING') this.#pool.cancel(jobId);
      return;
    }
    running.lease = 0;
    await writer.updateInternal(record, { leaseOwner: null, runAfterMs: 0 });
  }

  /** Jobs that wait for a runner may be another process's by now, and are not heard of again. */
  #forgetOldest(): void {
    for (const [jobId, { lease }] of this.#running) {
      if (this.#running.size <= MAX_REMEMBERED) return;
      if (lease === 0) this.#running.delete(jobId);
    }
  }

  /** The runner has reported its outcome, and its lease ends: decide what becomes of the job. */
  #finish(jobId: string, lease: number, decide: (known: StoredJob, running: RunningJob) => Decision): void {
    const { store, writer, log } = this.options;
    const running = this.#holding(jobId, lease);
    if (running === undefined) return;
    const held = running.heldLease;
    running.lease = 0;
    this.#progress.cancelFlush(running);
    const task = async (): Promise<void> => {
      const record = await store.get(jobId);
      if (record === undefined) return;
      if (record.lease !== lease || record.leaseToken !== held.leaseToken) {
        log.warn({ job_id: jobId, lease }, "a runner's report comes too late: the job has another lease");
        if (this.#running.get(jobId) === running && running.lease === 0) this.#running.delete(jobId);
        return;
      }
      const pending = running.takePending() ?? {};
      try {
        await this.#carryOut(record, pending, decide({ ...record, ...pending }, running));
      } catch (error) {
        running.restore(pending);
        throw error;
      }
    };
    // A user may cancel or resume it meanwhile, by another process.
    writer.exclusivelyRepeated(jobId, task).catch((error: unknown) => {
      log.error({ err: error, job_id: jobId }, "could not store the job's outcome, retrying");
      this.#releaseLater(held);
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
        if (isLoadable(ended)) await this.#wakeSinks(ended);
        await this.#dropFile(ended);
        this.#announce(jobId, 0); // it may have to be reconciled yet
        return;
      }
      case 'amend': {
        const { error, checkpoint, checkpointVerified } = decision;
        await writer.change(record, { error, checkpoint, checkpointVerified, leaseOwner: null, runAfterMs: null });
        this.#running.delete(jobId);
        this.#reconcileDelays.forget(jobId);
        return;
      }
      case 'again': {
        const { known, delayMs } = decision;
        if (known.failures !== undefined) this.#retry(jobId, known.failures, delayMs);
        if (known.pendingError)
          log.error({ job_id: jobId, pending_error: known.pendingError }, 'job will fail once it is reconciled');
        const waits = record.state === 'PENDING';
        const bytesDone = known.checkpoint?.bytesDone;
        await this.#keep(record, {
          ...pending,
          ...known,
          ...(waits && bytesDone !== undefined ? { bytesDone } : {}),
          leaseOwner: null,
          runAfterMs: delayMs,
        });
        if (waits) this.#running.delete(jobId);
        this.#announce(jobId, delayMs);
        return;
      }
      case 'reconcile-later': {
        const delayMs = this.#reconcileDelays.next(jobId);
        const known = isTerminal(record.state) ? {} : { ...pending, ...decision.known };
        await this.#keep(record, { ...known, leaseOwner: null, runAfterMs: delayMs });
        if (isTerminal(record.state)) this.#running.delete(jobId);
        log.warn({ job_id: jobId, retry_ms: delayMs }, 'could not find out what the job has committed, retrying');
        return;
      }
      case 'leave':
        await this.#keep(record, { leaseOwner: null, runAfterMs: decideIntent(record) === null ? null : 0 });
        this.#running.delete(jobId);
    }
  }

  /** The job has met a system error, and runs again later. */
  #retry(jobId: string, failures: number, delayMs: number): void {
    const { clock, maxAttempts, log } = this.options;
    const running = this.#running.get(jobId);
    if (running !== undefined) running.lastCommitAt = clock.monotonic();
    this.options.metrics.retried();
    if (this.#retried.size < MAX_REMEMBERED) this.#retried.add(jobId);
    log.warn({ job_id: jobId, failures, max_attempts: maxAttempts, retry_ms: delayMs }, 'a job failed, and is retried');
  }

  /** Stores what is known of a job that goes on. */
  async #keep(record: StoredJob, changes: JobChanges): Promise<void> {
    const { writer } = this.options;
    const isVisible = 'fileColumns' in changes || 'checkpoint' in changes || 'bytesDone' in changes;
    if (isVisible) await writer.change(record, changes);
    else await writer.updateInternal(record, changes);
  }

  /** One that is not woken here is found within half a minute. */
  async #wakeSinks(record: StoredJob): Promise<void> {
    if (record.sinks.length === 0) return;
    try {
      if ((await this.options.sinks.wake(record.jobId)) > 0) this.options.notifier.notify(record.jobId);
    } catch (error) {
      this.options.log.warn(
        { err: error, job_id: record.jobId },
        'could not wake the sinks of a job; they see it later',
      );
    }
  }

  async #dropFile({ jobId, fileKey, spooled, source }: StoredJob): Promise<void> {
    if (spooled || source !== null) return;
    try {
      await this.options.files.remove(fileKey);
    } catch (error) {
      this.options.log.warn(
        { err: error, job_id: jobId },
        'could not remove a file that its job no longer needs; it is removed later',
      );
    }
  }

  /** Tells those who look for work of a job that may be claimed soon. */
  #announce(jobId: string, delayMs: number): void {
    const { notifier } = this.options;
    if (delayMs === 0) notifier.notify(jobId);
    else if (delayMs <= ANNOUNCED_WITHIN_MS) this.#later(delayMs, () => notifier.notify(jobId));
  }

  /** Gives a lease back whose job no runner has, as soon as the store takes it. */
  #releaseLater(held: HeldLease): void {
    const { jobId } = held;
    const { store, writer, notifier, log } = this.options;
    this.#later(RETRY_MS, () => {
      writer
        .exclusively(jobId, () => store.release(held))
        .then(
          () => notifier.notify(jobId),
          (error: unknown) => {
            log.error({ err: error, job_id: jobId }, 'could not give a job back, retrying');
            this.#releaseLater(held);
          },
        );
    });
  }

  #later(ms: number, action: () => void): void {
    if (this.#stopping) return;
    const cancel = this.options.clock.schedule(ms, () => {
      this.#planned.delete(cancel);
      action();
    });
    this.#planned.add(cancel);
  }
}
