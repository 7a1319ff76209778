import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { SinkName } from '../../ingest/index.js';
import { jobNames } from '../../kafka/index.js';
import type { CompiledSchema } from '../../models/schema/index.js';
import type { Metrics } from '../../observability/metrics/index.js';
import type { Span, Tracing } from '../../observability/tracing/index.js';
import type { SinkAssignment, SinkLoss, SinkOutcome, SinkProcessEvents, SinkProgress } from '../../sinks/index.js';
import type { Clock } from '../domain/clock.js';
import { isTerminal } from '../domain/job-state.js';
import {
  decideSinkLoss,
  decideSinkOutcome,
  isLoadable,
  isReadToEnd,
  type SinkDecision,
} from '../domain/sink-transitions.js';
import type { StoredJob } from '../domain/stored-job.js';
import type { JobStore } from '../store/job-store.js';
import { storedReject } from '../store/sink-reject.js';
import type { SinkChanges, SinkLease, SinkLoad, SinkStore } from '../store/sink-store.js';
import { inTime, STORE_ANSWER_MS } from './in-time.js';
import { Rounds } from './rounds.js';
import { Breaker } from './sink-breaker.js';

/** The process of a sink, as its worker uses it. */
export interface SinkLink {
  readonly isReady: boolean;
  start(): void;
  /** false: it is just going, and does not get it. */
  assign(assignment: SinkAssignment): boolean;
  send(message: { type: 'stored' | 'leave'; id: string }): void;
  stop(graceMs: number): Promise<void>;
}

export interface SinkWorkerOptions {
  name: SinkName;
  startProcess: (events: SinkProcessEvents) => SinkLink;
  sinks: SinkStore;
  jobs: Pick<JobStore, 'get'>;
  models: { getVersion(id: string, version: number): Promise<CompiledSchema | undefined> };
  /** Takes every new revision of a job. */
  publish: (job: StoredJob) => void;
  /** This start of the process. */
  owner: string;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  tracing: Tracing;
  /** SINK_CONCURRENCY. */
  concurrency: number;
  /** No other process has the store. */
  isAlone: boolean;
  random?: () => number;
}

/** A load that the process has. */
interface Held {
  id: string;
  load: SinkLoad;
  job: StoredJob;
  /** The last report; null: none came. */
  progress: Omit<SinkProgress, 'rejects'> | null;
  /** It has written something: whatever fails next is another failure than the one before. */
  isFurther: boolean;
  /** When it was last stored, by the monotonic clock. */
  storedAt: number;
  /** Its lease is another process's by now: nothing is stored for it any more. */
  isLost: boolean;
  /** From the claim to what became of it. */
  span: Span;
}

/** A lease lasts for six times as long. */
const RENEW_EVERY_MS = 5_000;
const LOOK_EVERY_MS = 5_000;
const WRITE_EVERY_MS = 1_000;
const NEXT_LOOK_MS = 1_000;
/** After an outage of the store all leases may have lapsed: who has one renews it first. */
const OTHERS_RENEW_WITHIN_MS = 10_000;
const STOP_GRACE_MS = 4_000;
const RETRY_MS = 1_000;
/** By OpenTelemetry's names. */
const DB_SYSTEMS: Readonly<Record<SinkName, string>> = { clickhouse: 'clickhouse', postgres: 'postgresql' };

/** Claims loads for one sink, hands them to its process, and turns what that tells into their states. */
export class SinkWorker implements SinkProcessEvents {
  readonly breaker: Breaker;
  readonly #held = new Map<string, Held>();
  readonly #process: SinkLink;
  readonly #leases: Rounds;
  #claiming: Promise<void> | undefined;
  /** Woken while it was claiming. */
  #isMissed = false;
  #cancelLook: () => void = () => undefined;
  /** Writes that are under way. */
  readonly #writes = new Set<Promise<void>>();
  #answersSince: number | null = null;
  /** Loads of a process that crashed with several, which are tried one by one. */
  #suspects = 0;
  #isRunning = false;

  constructor(private readonly options: SinkWorkerOptions) {
    this.breaker = new Breaker(options.clock);
    this.#process = options.startProcess(this);
    this.#leases = new Rounds({
      ...options,
      round: () => this.#keepLeases(),
      everyMs: () => RENEW_EVERY_MS,
      failure: 'could not renew the leases of loads',
    });
  }

  get name(): SinkName {
    return this.options.name;
  }

  /** For /readyz: why nothing is loaded; null: nothing stands in the way. */
  trouble(): string | null {
    const { reason } = this.breaker;
    return reason === null ? null : `rows are not loaded into ${this.options.name}, trying again: ${reason}`;
  }

  async start(): Promise<void> {
    const { sinks, isAlone } = this.options;
    this.#isRunning = true;
    if (isAlone) await sinks.releaseLapsed(true);
    this.#process.start();
    this.#leases.start();
    this.#look();
  }

  /** Something may have become of a job. */
  wake(jobId?: string): void {
    if (!this.#isRunning) return;
    if ([...this.#held.values()].some(({ job }) => job.jobId === jobId)) this.#leases.wake();
    this.#isMissed = true;
    this.#claiming ??= this.#claimAll().then(() => {
      this.#claiming = undefined;
      // Between the last look and this moment.
      if (this.#isMissed) this.wake();
    });
  }

  /** Ends the process after the blocks that it writes, and gives the loads back. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#cancelLook();
    for (const { id } of this.#held.values()) this.#process.send({ type: 'leave', id });
    const giveUpAt = this.options.clock.monotonic() + STOP_GRACE_MS;
    while (this.#held.size > 0 && this.options.clock.monotonic() < giveUpAt) {
      await new Promise<void>((resolve) => void this.options.clock.schedule(20, resolve));
    }
    await this.#process.stop(0);
    await this.#leases.stop();
    await this.#claiming;
    await Promise.all(this.#writes);
    for (const { load } of this.#held.values()) await this.options.sinks.release(load).catch(() => undefined);
  }

  ready(): void {
    this.wake();
  }

  progress(id: string, { rejects, ...progress }: SinkProgress): void {
    const held = this.#held.get(id);
    if (held === undefined || held.isLost) return;
    const before = held.progress ?? held.load;
    const isFurther = progress.rows + progress.rejected > before.rows + before.rejected;
    // A block was written. That a sink was opened does not say that it takes rows.
    if (isFurther) this.breaker.close();
    held.isFurther ||= isFurther;
    held.progress = progress;
    this.#count('loaded', progress.rows - before.rows);
    this.#count('rejected', progress.rejected - before.rejected);
    const now = this.options.clock.monotonic();
    if (rejects.length === 0 && now - held.storedAt < WRITE_EVERY_MS) {
      // Before each block: at most one insert of a process that has lost its load is under way.
      this.#write(held, async () => {
        if (await this.options.sinks.holds(held.load)) this.#process.send({ type: 'stored', id });
        else this.#lose(held);
      });
      return;
    }
    held.storedAt = now;
    this.#write(held, async () => {
      const { load, job } = held;
      const state = load.state === 'REMOVING' ? load.state : 'LOADING';
      const changes = { ...progress, state, error: null, failures: held.isFurther ? 0 : load.failures } as const;
      await this.#change(
        held,
        changes,
        rejects.map((reject) => storedReject(job.jobId, load.name, reject)),
      );
      held.load = { ...load, ...changes };
      this.#process.send({ type: 'stored', id });
    });
  }

  finished(id: string, outcome: SinkOutcome): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    const isFailure = !['loaded', 'waiting', 'removed', 'left'].includes(outcome.kind);
    const code = outcome.kind === 'failed' ? outcome.code : outcome.kind;
    endSpan(held, outcome.kind, isFailure ? code : undefined);
    if (isFailure) {
      this.options.metrics.sinkFailures.inc({ sink: this.options.name, code });
    }
    // Whatever it said: it answered.
    const isAnswer = outcome.kind === 'failed' && !outcome.isDown;
    if (isAnswer || ['loaded', 'waiting', 'removed'].includes(outcome.kind)) this.breaker.close();
    this.#conclude(held, (job) => decideSinkOutcome(held.load, outcome, job, held.isFurther));
  }

  exited(loss: SinkLoss): void {
    if (loss.crash) this.options.metrics.sinkExits.inc({ sink: this.options.name });
    // One of several is at fault: which one is seen when each is tried alone.
    const isClear = this.#held.size <= 1;
    if (loss.crash && !isClear) this.#suspects = 2 * this.#held.size; // they are given back first
    const own = { ...loss, crash: loss.crash && isClear };
    for (const held of this.#held.values()) {
      endSpan(held, 'lost', 'process_lost');
      this.#conclude(held, () => decideSinkLoss(held.load, own));
    }
  }

  #startSpan({ jobId, name, state }: SinkLoad, { modelId, traceContext }: StoredJob): Span {
    return this.options.tracing.start(`${state === 'REMOVING' ? 'remove from' : 'load'} ${name}`, {
      kind: 'client',
      parent: traceContext,
      attributes: { 'db.system.name': DB_SYSTEMS[name], 'batch.job.id': jobId, 'batch.model.id': modelId },
    });
  }

  #count(result: 'loaded' | 'rejected', rows: number): void {
    if (rows > 0) this.options.metrics.sinkRows.inc({ sink: this.options.name, result }, rows);
  }

  #look(): void {
    const { clock, random = Math.random } = this.options;
    this.wake();
    this.#cancelLook();
    const next = Math.min(LOOK_EVERY_MS * (1 + random()), this.breaker.waitMs || Number.POSITIVE_INFINITY);
    if (this.#isRunning) this.#cancelLook = clock.schedule(next, () => this.#look());
  }

  /** Never rejects. */
  async #claimAll(): Promise<void> {
    const { sinks, name, owner, concurrency, clock, log } = this.options;
    try {
      do {
        this.#isMissed = false;
        const room = this.#suspects > 0 ? 1 : concurrency;
        while (this.#isRunning && this.#process.isReady && this.#held.size < room && this.breaker.tryEnter()) {
          const load = await sinks.claim(name, owner);
          if (load === undefined) {
            this.breaker.leave();
            break;
          }
          await this.#begin(load);
        }
      } while (this.#isMissed);
    } catch (error) {
      this.breaker.leave();
      log.error({ err: error, sink: name }, 'could not claim a load, retrying');
      clock.schedule(RETRY_MS, () => this.wake());
    }
  }

  async #begin(load: SinkLoad): Promise<void> {
    const { sinks, jobs, models, clock, log } = this.options;
    const { jobId } = load;
    try {
      const job = await jobs.get(jobId);
      if (job === undefined || (load.state !== 'REMOVING' && !isLoadable(job))) {
        // One that is loaded while it runs has committed nothing yet.
        const runAfterMs = load.when === 'streaming' && job?.state === 'RUNNING' ? NEXT_LOOK_MS : null;
        await sinks.updateInternal(load, { lease: load }, { leaseOwner: null, runAfterMs });
        if (runAfterMs === null) await this.#wakeIfEnded(jobId);
        else clock.schedule(runAfterMs, () => this.wake());
        this.breaker.leave();
        return;
      }
      const model = await models.getVersion(job.modelId, job.modelVersion);
      if (model === undefined) throw new Error(`Model ${job.modelId} has no version ${job.modelVersion}`);
      const held: Held = {
        ...{ id: randomUUID(), load, job, progress: null, isFurther: false, isLost: false },
        span: this.#startSpan(load, job),
        storedAt: clock.monotonic() - WRITE_EVERY_MS,
      };
      this.#held.set(held.id, held);
      const lastReject = await sinks.lastReject(load);
      if (!this.#process.assign(assignmentOf(held, model, lastReject))) {
        endSpan(held, 'lost', 'process_lost');
        this.#conclude(held, () => decideSinkLoss(load, { crash: false, detail: 'its process was going' }));
        return;
      }
      log.info({ job_id: jobId, sink: load.name, load: load.load }, 'a sink takes a job');
    } catch (error) {
      log.error({ err: error, job_id: jobId }, 'could not hand a load to the process of a sink');
      this.breaker.leave();
      clock.schedule(RETRY_MS, () => void sinks.release(load).catch(() => undefined));
    }
  }

  /** The process is done with a load: decide what becomes of it. */
  #conclude(held: Held, decide: (job: StoredJob) => SinkDecision): void {
    const { jobs, clock, log } = this.options;
    const { jobId } = held.job;
    this.#write(held, async () => {
      try {
        const job = await jobs.get(jobId);
        const decision = decide(job ?? held.job);
        if (decision.trips) this.breaker.trip(decision.error?.message ?? '');
        else this.breaker.leave();
        if (held.isLost) {
          // It may still be ours: the store may have failed.
          await this.options.sinks.release(held.load);
          return;
        }
        await this.#change(held, changesOf(held, decision));
        const { state, error, runAfterMs } = decision;
        if (runAfterMs === null && state === 'PENDING') await this.#wakeIfEnded(jobId);
        else if (runAfterMs !== null && runAfterMs < LOOK_EVERY_MS) clock.schedule(runAfterMs, () => this.wake());
        log[error === null ? 'info' : 'warn'](
          { job_id: jobId, sink: held.load.name, load: held.load.load, state, error, ...held.progress },
          'a sink has left a job',
        );
      } catch (error) {
        this.breaker.leave();
        // The lease lapses if it cannot be given back.
        clock.schedule(RETRY_MS, () => void this.options.sinks.release(held.load).catch(() => undefined));
        throw error;
      } finally {
        this.#held.delete(held.id);
        this.#suspects = Math.max(0, this.#suspects - 1);
        this.#look();
      }
    });
  }

  /** A job that ended while its load was still held has woken nobody. */
  async #wakeIfEnded(jobId: string): Promise<void> {
    const { sinks, jobs } = this.options;
    const job = await jobs.get(jobId);
    if (job !== undefined && isReadToEnd(job) && (await sinks.wake(jobId)) > 0) this.wake();
  }

  async #change(held: Held, changes: SinkChanges, rejects: Parameters<SinkStore['change']>[3] = []): Promise<void> {
    const { sinks, publish } = this.options;
    const job = await sinks.change(held.load, { lease: held.load }, changes, rejects);
    if (job === undefined) this.#lose(held);
    else publish(job);
  }

  /** Another process has it, or its user has taken it from us. The sink itself sees to it that nothing is written twice. */
  #lose(held: Held): void {
    held.isLost = true;
    this.#process.send({ type: 'leave', id: held.id });
  }

  /** One write at a time for each load. */
  #write(held: Held, write: () => Promise<void>): void {
    const { log } = this.options;
    const before = this.#lastWrites.get(held) ?? Promise.resolve();
    const done = before.then(write).catch((error: unknown) => {
      log.error({ err: error, job_id: held.job.jobId }, 'could not store how far a load is');
      // The process waits for an answer: the load goes on from where it is, under a new lease.
      this.#lose(held);
    });
    this.#lastWrites.set(held, done);
    this.#writes.add(done);
    void done.then(() => this.#writes.delete(done));
  }

  readonly #lastWrites = new WeakMap<Held, Promise<void>>();

  async #keepLeases(): Promise<void> {
    const { sinks, owner, clock, log } = this.options;
    const held = [...this.#held.values()];
    try {
      const renewed = await inTime(clock, STORE_ANSWER_MS, sinks.renew(held.map(leaseOf), owner));
      const ours = new Set(renewed.map(keyOf));
      for (const each of held) if (!ours.has(keyOf(each.load)) && this.#held.has(each.id)) this.#lose(each);
      this.#answersSince ??= clock.monotonic();
      if (clock.monotonic() - this.#answersSince < OTHERS_RENEW_WITHIN_MS) return;
      const lapsed = await inTime(clock, STORE_ANSWER_MS, sinks.releaseLapsed());
      if (lapsed > 0) {
        log.warn({ loads: lapsed }, 'the leases of loads have lapsed: their worker is gone');
        this.wake();
      }
    } catch (error) {
      this.#answersSince = null;
      throw error;
    }
  }
}

function endSpan({ span, progress, load }: Held, outcome: string, error?: string): void {
  const { rows, rejected } = progress ?? load;
  span.set({ 'batch.load.outcome': outcome, 'batch.rows.loaded': rows, 'batch.rows.rejected': rejected });
  span.end(error);
}

function leaseOf({ load }: Held): SinkLease {
  return load;
}

function keyOf({ jobId, name, lease, leaseToken }: SinkLease): string {
  return `${jobId} ${name} ${lease} ${leaseToken}`;
}

function changesOf({ load, progress }: Held, decision: SinkDecision): SinkChanges {
  const { state, error, failures, runAfterMs, isRemoved } = decision;
  const told = isRemoved ? { rows: 0, rejected: 0, load: load.load + 1 } : (progress ?? {});
  return { ...told, state, error, failures, runAfterMs, leaseOwner: null };
}

function assignmentOf({ id, load, job }: Held, model: CompiledSchema, lastReject: number): SinkAssignment {
  const { options, checkpoint } = job;
  const isWhole = isReadToEnd(job);
  // What a job under way has committed is known to Kafka, and of one that has failed only if it was found out.
  const isKnown = isWhole || (isTerminal(job.state) && job.checkpointVerified);
  const names = jobNames(job);
  const { ok = 0, errors = 0 } = checkpoint ?? {};
  return {
    id,
    intent: load.state === 'REMOVING' ? 'remove' : 'load',
    job: {
      jobId: job.jobId,
      modelId: job.modelId,
      modelVersion: job.modelVersion,
      columns: model.columns,
      filename: job.filename,
      topics: { data: names.data, dlq: names.dlq },
      load: load.load,
      onConflict: options.onConflict,
      maxErrors: options.maxSinkErrors,
    },
    format: {
      format: job.format,
      columns: model.columns,
      additionalColumns: model.additionalColumns,
      dialect: job.dialect,
      options,
      fileColumns: job.fileColumns,
    },
    names,
    checkpoint: isKnown ? checkpoint : null,
    isWhole,
    summary: {
      ...{ state: job.state, rows: ok + errors, ok, errors },
      createdAt: job.createdAt,
      finishedAt: job.finishedAt,
    },
    lastReject,
  };
}
