import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { FORMATS } from '../ingest/index.js';
import type { ErrorsLog } from '../observability/index.js';
import type { Metrics, RunnerExitReason } from '../observability/metrics/index.js';
import type { Assignment, FromRunner, Transaction } from './ipc.js';
import type { RunnerEvents, RunnerLoss, Runners } from './runner-events.js';
import type { RunnerLink, StartRunner } from './runner-link.js';

const CANCEL_ANSWER_MS = 5_000;
const WATCH_MS = 1_000;
/** A file that unpacks to far more than its size can grow by gigabytes in a second. */
const PARQUET_RSS_CHECK_MS = 100;
/** A busy runner that sends nothing for this time is frozen, hangs in its file, or did not start. An idle one sends nothing. */
const HEARTBEAT_TIMEOUT_MS = 60_000;
/** A runner that reconciles leaves after this time without a job. */
const RECONCILER_IDLE_MS = 5_000;
const FIRST_RESPAWN_MS = 50;
const MAX_RESPAWN_MS = 5_000;

export interface RunnerPoolOptions {
  host: RunnerEvents;
  startRunner: StartRunner;
  log: Logger;
  metrics: Metrics;
  /** Runner processes, and so jobs at a time. */
  size: number;
  maxRssBytes: number;
  /**
   * A runner that neither commits nor advances in its file for this time, while a broker answers, is killed. Longer than
   * a runner itself waits for a slow broker.
   */
  stalledMs: number;
  /** ERRORS_LOG; null: it is off. */
  errorsLog: Pick<ErrorsLog, 'write' | 'leftOut'> | null;
}

type Intent = Assignment['intent'];

interface Member {
  link: RunnerLink;
  /** What it is there for: one that reconciles never takes the place of one that runs jobs. */
  intent: Intent;
  ready: boolean;
  /** It is on its way out, and gets no more work. */
  isSpent: boolean;
  /** How long it has had no job. */
  idleMs: number;
  /** How long it has said nothing; and for how long its job has not advanced. */
  silentMs: number;
  stalledMs: number;
  work: { assignment: Assignment; cancelled: boolean; timer?: NodeJS.Timeout } | null;
  bytesRead: number;
  /** Resident memory when it was read last, in bytes. */
  rss: number;
}

/**
 * Keeps `size` warm runner processes, gives jobs to free ones, and replaces a runner that goes. Jobs that are only to be
 * reconciled are given to one more process, which is there while any come. A runner that is above the memory ceiling,
 * deaf to a cancel, silent or stuck is killed.
 */
export class RunnerPool implements Runners {
  readonly running = new Map<string, number>();
  readonly #members = new Set<Member>();
  /** A reconciler runs, or will be started after a delay. */
  #hasReconciler = false;
  #respawnMs = FIRST_RESPAWN_MS;
  #isFree: (intent: Intent) => void = () => undefined;
  readonly #watches: NodeJS.Timeout[] = [];
  #watchedAt = performance.now();
  #stopping = false;

  constructor(private readonly options: RunnerPoolOptions) {
    this.#offerMetrics();
  }

  start(): void {
    for (let i = 0; i < this.options.size; i++) this.#spawn('run');
    this.#watchedAt = performance.now();
    this.#watches.push(
      setInterval(() => this.#watch(), WATCH_MS),
      setInterval(() => void this.#watchMemory([...this.#members].filter(hasForeignDecoder)), PARQUET_RSS_CHECK_MS),
    );
  }

  onFree(listener: (intent: Intent) => void): void {
    this.#isFree = listener;
  }

  free(intent: Intent): number {
    if (this.#stopping) return 0;
    const free = [...this.#members].filter((member) => member.intent === intent && isFree(member)).length;
    return intent === 'reconcile' && !this.#hasReconciler ? 1 : free;
  }

  assign(assignment: Assignment): boolean {
    if (this.free(assignment.intent) === 0) return false;
    if (assignment.intent === 'reconcile' && !this.#hasReconciler) this.#spawn('reconcile');
    const members = [...this.#members].filter(({ intent }) => intent === assignment.intent);
    // A reconciler that has just been started has its job before it is up.
    const member = members.find(isFree) ?? members.find(({ ready, work }) => !ready && work === null);
    if (member === undefined) return false;
    member.work = { assignment, cancelled: false };
    if (member.ready) this.#begin(member);
    return true;
  }

  cancel(jobId: string): void {
    const member = this.#memberOf(jobId);
    if (member?.work == null || member.work.cancelled) return;
    member.work.cancelled = true;
    if (member.ready) this.#sendCancel(member);
  }

  abandon(jobId: string): void {
    this.#memberOf(jobId)?.link.kill({ crash: false, detail: 'killed: the lease of its job is lost' });
  }

  brokerAway(): void {
    for (const member of this.#members) member.stalledMs = 0;
  }

  /**
   * Lets every runner finish its transaction, for at most `graceMs`; then kills what is left. Jobs that are not
   * finished stay as they are in the store and go on at the next start.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    for (const watch of this.#watches) clearInterval(watch);
    for (const member of this.#members) {
      if (member.work === null) this.#dismiss(member);
      else if (member.ready) member.link.send({ type: 'stop' });
      else member.link.kill({ crash: false, detail: 'killed: it was not up when the service was stopped' });
    }
    const deadline = performance.now() + graceMs;
    while (this.#members.size > 0 && performance.now() < deadline) await sleep(20);
    for (const { link } of this.#members) link.kill({ crash: false, detail: 'killed: it did not stop in time' });
    while (this.#members.size > 0 && performance.now() < deadline + 1_000) await sleep(20);
  }

  #spawn(intent: Intent): void {
    const member: Member = {
      link: this.options.startRunner({
        message: (message) => this.#onMessage(member, message),
        exit: (loss) => this.#onExit(member, loss),
      }),
      intent,
      ready: false,
      isSpent: false,
      idleMs: 0,
      silentMs: 0,
      stalledMs: 0,
      work: null,
      bytesRead: 0,
      rss: 0,
    };
    this.#members.add(member);
    if (intent === 'reconcile') this.#hasReconciler = true;
  }

  /** Sends a runner that is up the job that it has. */
  #begin(member: Member): void {
    if (member.work === null) return;
    const { assignment, cancelled } = member.work;
    member.idleMs = 0;
    member.silentMs = 0;
    member.stalledMs = 0;
    member.bytesRead = 0;
    if (member.link.pid !== undefined) this.running.set(assignment.jobId, member.link.pid);
    member.link.send({ type: 'assign', assignment });
    if (cancelled) this.#sendCancel(member);
  }

  #sendCancel(member: Member): void {
    const { work } = member;
    // One that reconciles does what a cancel asks for, and for a bounded time.
    if (work === null || work.assignment.intent === 'reconcile') return;
    member.link.send({ type: 'cancel' });
    work.timer = setTimeout(() => {
      member.link.kill({ crash: false, detail: 'killed: it did not answer a cancel in time' });
    }, CANCEL_ANSWER_MS);
  }

  #release(member: Member): void {
    if (member.work !== null) {
      clearTimeout(member.work.timer);
      this.running.delete(member.work.assignment.jobId);
      member.work = null;
    }
    if (this.#stopping || member.isSpent) this.#dismiss(member);
    else this.#isFree(member.intent);
  }

  /** Lets an idle runner go. It is still watched: a frozen one does not leave. */
  #dismiss(member: Member): void {
    member.isSpent = true;
    member.silentMs = 0;
    member.link.dismiss();
  }

  #onMessage(member: Member, message: FromRunner): void {
    member.silentMs = 0;
    const { host, metrics } = this.options;
    switch (message.type) {
      case 'alive':
        break;
      case 'ready':
        member.ready = true;
        this.#respawnMs = FIRST_RESPAWN_MS;
        if (this.#stopping) this.#dismiss(member);
        else if (member.work !== null) this.#begin(member);
        else this.#isFree(member.intent);
        break;
      case 'lease-question':
        void host.isLeaseCurrent(message.jobId, message.lease).then((current) => {
          member.link.send({ type: 'lease-answer', current });
        });
        break;
      case 'header':
        host.header(message.jobId, message.lease, message.columns);
        break;
      case 'progress':
        if (message.bytesRead > member.bytesRead) member.stalledMs = 0;
        member.bytesRead = Math.max(member.bytesRead, message.bytesRead);
        host.progress(message.jobId, message.lease, message.bytesDone);
        break;
      case 'committed':
        member.stalledMs = 0;
        if (message.transaction !== null) this.#count(message.transaction);
        host.committed(message.jobId, message.lease, message.checkpoint, message.transaction?.seconds ?? null);
        break;
      case 'rejected':
        this.options.errorsLog?.write(message.lines, message.rows);
        if (message.omitted > 0) this.options.errorsLog?.leftOut(message.omitted);
        break;
      case 'aborted':
        metrics.transactions.inc({ result: 'aborted' });
        if (member.work !== null) {
          const { jobId, lease } = member.work.assignment;
          host.aborted(jobId, lease, message.seconds);
        }
        break;
      case 'kafka-failure':
        metrics.kafkaFailures.inc({ kind: message.kind });
        break;
      case 'repaired':
        metrics.hangingTransactions.inc();
        break;
      case 'finished':
        // What the decoder has taken it does not give back, and a hostile file may have broken it.
        member.isSpent = hasForeignDecoder(member);
        this.#release(member);
        host.finished(message.jobId, message.lease, message.outcome);
        break;
    }
  }

  #onExit(member: Member, loss: RunnerLoss): void {
    this.#members.delete(member);
    const { work } = member;
    if (work !== null) {
      clearTimeout(work.timer);
      this.running.delete(work.assignment.jobId);
    }
    if (!this.#stopping) {
      this.#replace(member);
      if (work !== null || !member.isSpent) this.options.metrics.runnerExits.inc({ reason: reasonOf(loss) });
    }
    if (work === null) return;
    const { jobId, lease } = work.assignment;
    this.options.log.warn({ job_id: jobId, runner_pid: member.link.pid, ...loss }, 'runner lost');
    this.options.host.runnerExited(jobId, lease, loss);
  }

  /** A runner that never came up is replaced with growing delays, any other at once. */
  #replace(gone: Member): void {
    const replace = (): void => {
      if (this.#stopping) return;
      if (gone.intent === 'run') this.#spawn('run');
      else {
        this.#hasReconciler = false;
        this.#isFree('reconcile');
      }
    };
    if (gone.ready) {
      replace();
      return;
    }
    this.options.log.error({ runner_pid: gone.link.pid, retry_ms: this.#respawnMs }, 'a runner could not start');
    setTimeout(replace, this.#respawnMs).unref();
    this.#respawnMs = Math.min(this.#respawnMs * 2, MAX_RESPAWN_MS);
  }

  /** Kills those that take too much memory, say nothing, or do not advance. */
  #watch(): void {
    const now = performance.now();
    // Time in which this process did not run, and so heard nobody, is not the runners'.
    const passed = Math.min(now - this.#watchedAt, 2 * WATCH_MS);
    this.#watchedAt = now;
    for (const member of this.#members) {
      if (isFree(member)) {
        member.idleMs += passed;
        if (member.intent === 'reconcile' && member.idleMs > RECONCILER_IDLE_MS) this.#dismiss(member);
        continue;
      }
      member.silentMs += passed;
      member.stalledMs += passed;
      if (member.silentMs > HEARTBEAT_TIMEOUT_MS) {
        const detail = `killed: no sign of life for ${HEARTBEAT_TIMEOUT_MS / 1000} s`;
        member.link.kill({ crash: true, stalled: true, detail });
      } else if (member.ready && member.work !== null && member.stalledMs > this.options.stalledMs) {
        const seconds = Math.round(this.options.stalledMs / 1000);
        member.link.kill({ crash: true, stalled: true, detail: `killed: no commit and no progress for ${seconds} s` });
      }
    }
    void this.#watchMemory([...this.#members]);
  }

  async #watchMemory(members: readonly Member[]): Promise<void> {
    for (const member of members) {
      const rss = await member.link.rss();
      member.rss = rss;
      if (rss <= this.options.maxRssBytes) continue;
      const detail = `killed: ${rss} bytes of memory, above RUNNER_MAX_RSS_BYTES`;
      member.link.kill({ crash: true, outOfMemory: true, detail });
    }
  }

  #count({ seconds, rowErrors }: Transaction): void {
    const { metrics } = this.options;
    metrics.transactions.inc({ result: 'committed' });
    metrics.transactionDuration.observe(seconds);
    for (const [code, count] of Object.entries(rowErrors)) metrics.rowErrors.inc({ code }, count);
  }

  #offerMetrics(): void {
    const { metrics, maxRssBytes } = this.options;
    const memory = (): number[] => [...this.#members].map(({ rss }) => rss);
    metrics.gauge(
      'batch_runners',
      'Runner processes.',
      () => {
        const busy = [...this.#members].filter(({ work }) => work !== null).length;
        return [
          { labels: { state: 'busy' }, value: busy },
          { labels: { state: 'idle' }, value: this.#members.size - busy },
        ];
      },
      ['state'],
    );
    metrics.gauge('batch_runner_resident_memory_bytes', 'Resident memory of the runners together.', () =>
      memory().reduce((sum, bytes) => sum + bytes, 0),
    );
    metrics.gauge('batch_runner_resident_memory_max_bytes', 'Resident memory of the largest runner.', () =>
      Math.max(0, ...memory()),
    );
    metrics.gauge('batch_runner_resident_memory_limit_bytes', 'RUNNER_MAX_RSS_BYTES.', () => maxRssBytes);
  }

  #memberOf(jobId: string): Member | undefined {
    for (const member of this.#members) if (member.work?.assignment.jobId === jobId) return member;
    return undefined;
  }
}

/** It is up, stays, and has no job: nothing is expected of it. */
function isFree({ ready, isSpent, work }: Member): boolean {
  return ready && !isSpent && work === null;
}

/** A label has few values. */
function reasonOf({ crash, outOfMemory, stalled }: RunnerLoss): RunnerExitReason {
  if (outOfMemory) return 'memory';
  if (stalled) return 'stalled';
  return crash ? 'crash' : 'ended';
}

function hasForeignDecoder({ work }: Member): boolean {
  return work !== null && FORMATS[work.assignment.format].hasForeignDecoder;
}
