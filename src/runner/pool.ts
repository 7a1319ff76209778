import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { FORMATS } from '../ingest/index.js';
import type { Assignment, FromRunner } from './ipc.js';
import type { JobQueue, RunnerEvents, RunnerLoss } from './runner-events.js';
import { RunnerProcess } from './runner-process.js';

const CANCEL_ANSWER_MS = 5_000;
const WATCH_MS = 1_000;
/** A file that unpacks to far more than its size can grow by gigabytes in a second. */
const PARQUET_RSS_CHECK_MS = 100;
/** A busy runner that sends nothing for this time is frozen, hangs in its file, or did not start. An idle one sends nothing. */
const HEARTBEAT_TIMEOUT_MS = 60_000;
const FIRST_RESPAWN_MS = 50;
const MAX_RESPAWN_MS = 5_000;

export interface RunnerPoolOptions {
  host: RunnerEvents;
  log: Logger;
  /** Runner processes, and so jobs at a time. */
  size: number;
  maxRssBytes: number;
  /**
   * A runner that neither commits nor advances in its file for this time, while a broker answers, is killed. Longer than
   * a runner itself waits for a slow broker.
   */
  stalledMs: number;
}

type Intent = Assignment['intent'];

interface Member {
  process: RunnerProcess;
  /** What it is there for: one that reconciles never takes the place of one that runs jobs. */
  intent: Intent;
  ready: boolean;
  /** It is on its way out, and gets no more work. */
  isSpent: boolean;
  /** How long it has said nothing; and for how long its job has not advanced. */
  silentMs: number;
  stalledMs: number;
  work: { jobId: string; assignment: Assignment | null; cancelled: boolean; timer?: NodeJS.Timeout } | null;
  bytesRead: number;
}

/**
 * Keeps `size` warm runner processes, gives each queued job to the next free one, and replaces a runner that goes.
 * Jobs that are only to be reconciled are given to one more process, which is there while any wait. A runner that is above
 * the memory ceiling, deaf to a cancel, silent or stuck is killed.
 */
export class RunnerPool implements JobQueue {
  readonly running = new Map<string, number>();
  readonly #queues: Record<Intent, Set<string>> = { run: new Set(), reconcile: new Set() };
  readonly #members = new Map<RunnerProcess, Member>();
  /** A reconciler runs, or will be started after a delay. */
  #hasReconciler = false;
  #respawnMs = FIRST_RESPAWN_MS;
  readonly #watches: NodeJS.Timeout[] = [];
  #watchedAt = performance.now();
  #stopping = false;

  constructor(private readonly options: RunnerPoolOptions) {}

  start(): void {
    for (let i = 0; i < this.options.size; i++) this.#spawn('run');
    this.#watchedAt = performance.now();
    this.#watches.push(
      setInterval(() => this.#watch(), WATCH_MS),
      setInterval(
        () => void this.#watchMemory([...this.#members.values()].filter(hasForeignDecoder)),
        PARQUET_RSS_CHECK_MS,
      ),
    );
  }

  submit(jobId: string, intent: Intent): void {
    if (this.#stopping || this.#memberOf(jobId) !== undefined) return;
    this.#queues[intent === 'run' ? 'reconcile' : 'run'].delete(jobId);
    this.#queues[intent].add(jobId);
    this.#hand();
  }

  remove(jobId: string): boolean {
    const { run, reconcile } = this.#queues;
    return run.delete(jobId) || reconcile.delete(jobId);
  }

  cancel(jobId: string): void {
    const member = this.#memberOf(jobId);
    if (member?.work == null || member.work.cancelled) return;
    member.work.cancelled = true;
    if (member.work.assignment !== null) this.#sendCancel(member);
  }

  brokerAway(): void {
    for (const member of this.#members.values()) member.stalledMs = 0;
  }

  /**
   * Lets every runner finish its transaction, for at most `graceMs`; then kills what is left. Jobs that are not
   * finished stay as they are in the store and go on at the next start.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    for (const queue of Object.values(this.#queues)) queue.clear();
    for (const watch of this.#watches) clearInterval(watch);
    for (const member of this.#members.values()) {
      if (member.work === null) this.#dismiss(member);
      else member.process.send({ type: 'stop' });
    }
    const deadline = performance.now() + graceMs;
    while (this.#members.size > 0 && performance.now() < deadline) await sleep(20);
    const left = [...this.#members.keys()];
    for (const process of left) process.kill({ crash: false, detail: 'killed: it did not stop in time' });
    while (this.#members.size > 0 && performance.now() < deadline + 1_000) await sleep(20);
  }

  #spawn(intent: Intent): void {
    const process = new RunnerProcess({
      message: (runner, message) => this.#onMessage(runner, message),
      exit: (runner, loss) => this.#onExit(runner, loss),
    });
    const member = {
      process,
      intent,
      ready: false,
      isSpent: false,
      silentMs: 0,
      stalledMs: 0,
      work: null,
      bytesRead: 0,
    };
    this.#members.set(process, member);
    if (intent === 'reconcile') this.#hasReconciler = true;
  }

  /** Gives queued jobs to free runners. */
  #hand(): void {
    if (this.#queues.reconcile.size > 0 && !this.#hasReconciler) this.#spawn('reconcile');
    for (const member of this.#members.values()) {
      if (!member.ready || member.isSpent || member.work !== null) continue;
      const queue = this.#queues[member.intent];
      const [jobId] = queue;
      if (jobId !== undefined) {
        queue.delete(jobId);
        void this.#claim(member, jobId);
      } else if (member.intent === 'reconcile') this.#dismiss(member);
    }
  }

  async #claim(member: Member, jobId: string): Promise<void> {
    const work: NonNullable<Member['work']> = { jobId, assignment: null, cancelled: false };
    member.work = work;
    const claimed = await this.options.host.claim(jobId, member.intent);
    if (member.work !== work) return; // the runner went meanwhile, and `runnerExited` was not due: it had no lease
    if (claimed === null || typeof claimed === 'string' || this.#stopping) {
      this.#release(member);
      if (typeof claimed === 'string') this.submit(jobId, claimed);
      return;
    }
    work.assignment = claimed;
    member.silentMs = 0;
    member.stalledMs = 0;
    member.bytesRead = 0;
    if (member.process.pid !== undefined) this.running.set(jobId, member.process.pid);
    member.process.send({ type: 'assign', assignment: claimed });
    if (work.cancelled) this.#sendCancel(member);
  }

  #sendCancel(member: Member): void {
    const { work } = member;
    // One that reconciles does what a cancel asks for, and for a bounded time.
    if (work === null || work.assignment?.intent === 'reconcile') return;
    member.process.send({ type: 'cancel' });
    work.timer = setTimeout(() => {
      member.process.kill({ crash: false, detail: 'killed: it did not answer a cancel in time' });
    }, CANCEL_ANSWER_MS);
  }

  #release(member: Member): void {
    if (member.work !== null) {
      clearTimeout(member.work.timer);
      this.running.delete(member.work.jobId);
      member.work = null;
    }
    if (this.#stopping || member.isSpent) this.#dismiss(member);
    else this.#hand();
  }

  /** Lets an idle runner go. It is still watched: a frozen one does not leave. */
  #dismiss(member: Member): void {
    member.isSpent = true;
    member.silentMs = 0;
    member.process.dismiss();
  }

  #onMessage(runner: RunnerProcess, message: FromRunner): void {
    const member = this.#members.get(runner);
    if (member === undefined) return;
    member.silentMs = 0;
    const { host } = this.options;
    switch (message.type) {
      case 'alive':
        break;
      case 'ready':
        member.ready = true;
        this.#respawnMs = FIRST_RESPAWN_MS;
        if (this.#stopping) this.#dismiss(member);
        else this.#hand();
        break;
      case 'lease-question':
        void host.isLeaseCurrent(message.jobId, message.lease).then((current) => {
          runner.send({ type: 'lease-answer', current });
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
        host.committed(message.jobId, message.lease, message.checkpoint);
        break;
      case 'finished':
        // What the decoder has taken it does not give back, and a hostile file may have broken it.
        member.isSpent = hasForeignDecoder(member);
        this.#release(member);
        host.finished(message.jobId, message.lease, message.outcome);
        break;
    }
  }

  #onExit(runner: RunnerProcess, loss: RunnerLoss): void {
    const member = this.#members.get(runner);
    if (member === undefined) return;
    this.#members.delete(runner);
    const { work } = member;
    if (work !== null) {
      clearTimeout(work.timer);
      this.running.delete(work.jobId);
    }
    if (!this.#stopping) this.#replace(member);
    if (work === null) return;
    this.options.log.warn({ job_id: work.jobId, pid: runner.pid, ...loss }, 'runner lost');
    if (work.assignment !== null) this.options.host.runnerExited(work.jobId, work.assignment.lease, loss);
    else this.submit(work.jobId, member.intent);
  }

  /** A runner that never came up is replaced with growing delays, any other at once. */
  #replace(gone: Member): void {
    const replace = (): void => {
      if (this.#stopping) return;
      if (gone.intent === 'run') this.#spawn('run');
      else this.#hasReconciler = false;
      this.#hand();
    };
    if (gone.ready) {
      replace();
      return;
    }
    this.options.log.error({ pid: gone.process.pid, retry_ms: this.#respawnMs }, 'a runner could not start');
    setTimeout(replace, this.#respawnMs).unref();
    this.#respawnMs = Math.min(this.#respawnMs * 2, MAX_RESPAWN_MS);
  }

  /** Kills those that take too much memory, say nothing, or do not advance. */
  #watch(): void {
    const now = performance.now();
    // Time in which this process did not run, and so heard nobody, is not the runners'.
    const passed = Math.min(now - this.#watchedAt, 2 * WATCH_MS);
    this.#watchedAt = now;
    for (const member of this.#members.values()) {
      if (isIdle(member)) continue;
      member.silentMs += passed;
      member.stalledMs += passed;
      if (member.silentMs > HEARTBEAT_TIMEOUT_MS) {
        member.process.kill({ crash: true, detail: `killed: no sign of life for ${HEARTBEAT_TIMEOUT_MS / 1000} s` });
      } else if (member.work?.assignment != null && member.stalledMs > this.options.stalledMs) {
        const seconds = Math.round(this.options.stalledMs / 1000);
        member.process.kill({ crash: true, detail: `killed: no commit and no progress for ${seconds} s` });
      }
    }
    void this.#watchMemory([...this.#members.values()]);
  }

  async #watchMemory(members: readonly Member[]): Promise<void> {
    for (const member of members) {
      const rss = await member.process.rss();
      if (rss <= this.options.maxRssBytes) continue;
      const detail = `killed: ${rss} bytes of memory, above RUNNER_MAX_RSS_BYTES`;
      member.process.kill({ crash: true, outOfMemory: true, detail });
    }
  }

  #memberOf(jobId: string): Member | undefined {
    for (const member of this.#members.values()) if (member.work?.jobId === jobId) return member;
    return undefined;
  }
}

/** Nothing is expected of it: it is up, stays, and has no job or one that is not assigned yet. */
function isIdle({ ready, isSpent, work }: Member): boolean {
  return ready && !isSpent && work?.assignment == null;
}

function hasForeignDecoder({ work }: Member): boolean {
  const assignment = work?.assignment;
  return assignment != null && FORMATS[assignment.format].hasForeignDecoder;
}
