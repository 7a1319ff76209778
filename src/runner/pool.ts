import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Assignment, FromRunner } from './messages.js';
import type { JobRunners, RunnerLoss, RunnerPoolHost } from './pool-host.js';
import { RunnerProcess } from './runner-process.js';

const CANCEL_ANSWER_MS = 5_000;
const RSS_CHECK_MS = 1_000;
/** A file that unpacks to far more than its size can grow by gigabytes in a second. */
const PARQUET_RSS_CHECK_MS = 100;
/** A runner that says nothing for so long hangs in the decoder of Parquet. */
const SILENT_MS = 60_000;
const FIRST_RESPAWN_MS = 50;
const MAX_RESPAWN_MS = 5_000;

export interface RunnerPoolOptions {
  host: RunnerPoolHost;
  log: Logger;
  /** Runner processes, and so jobs at a time. */
  size: number;
  maxRssBytes: number;
}

interface Member {
  process: RunnerProcess;
  ready: boolean;
  /** It is on its way out, and gets no more work. */
  isSpent: boolean;
  /** Of its last message, in ms of a clock that never goes back. */
  heardAt: number;
  work: { jobId: string; assignment: Assignment | null; cancelled: boolean; timer?: NodeJS.Timeout } | null;
}

/**
 * Keeps `size` warm runner processes, gives each queued job to the next free one, and replaces a runner that goes.
 * A runner above the memory ceiling, or deaf to a cancel, is killed.
 */
export class RunnerPool implements JobRunners {
  readonly running = new Map<string, number>();
  readonly #queue: string[] = [];
  readonly #members = new Map<RunnerProcess, Member>();
  #respawnMs = FIRST_RESPAWN_MS;
  readonly #watches: NodeJS.Timeout[] = [];
  #stopping = false;

  constructor(private readonly options: RunnerPoolOptions) {}

  start(): void {
    for (let i = 0; i < this.options.size; i++) this.#spawn();
    this.#watches.push(
      setInterval(() => void this.#watch([...this.#members.values()]), RSS_CHECK_MS),
      setInterval(() => void this.#watch([...this.#members.values()].filter(hasParquet)), PARQUET_RSS_CHECK_MS),
    );
  }

  submit(jobId: string): void {
    if (this.#stopping || this.#queue.includes(jobId) || this.#memberOf(jobId) !== undefined) return;
    this.#queue.push(jobId);
    this.#hand();
  }

  withdraw(jobId: string): boolean {
    const at = this.#queue.indexOf(jobId);
    if (at < 0) return false;
    this.#queue.splice(at, 1);
    return true;
  }

  cancel(jobId: string): void {
    const member = this.#memberOf(jobId);
    if (member?.work == null || member.work.cancelled) return;
    member.work.cancelled = true;
    if (member.work.assignment !== null) this.#sendCancel(member);
  }

  /**
   * Lets every runner finish its transaction, for at most `graceMs`; then kills what is left. Jobs that are not
   * finished stay as they are in the store and go on at the next start.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#queue.length = 0;
    for (const watch of this.#watches) clearInterval(watch);
    for (const member of this.#members.values()) {
      if (member.work === null) member.process.dismiss();
      else member.process.send({ type: 'stop' });
    }
    const deadline = performance.now() + graceMs;
    while (this.#members.size > 0 && performance.now() < deadline) await sleep(20);
    const left = [...this.#members.keys()];
    for (const process of left) process.kill({ crash: false, detail: 'killed: it did not stop in time' });
    while (this.#members.size > 0 && performance.now() < deadline + 1_000) await sleep(20);
  }

  #spawn(): void {
    const process = new RunnerProcess({
      message: (runner, message) => this.#onMessage(runner, message),
      exit: (runner, loss) => this.#onExit(runner, loss),
    });
    this.#members.set(process, { process, ready: false, isSpent: false, heardAt: performance.now(), work: null });
  }

  /** Gives queued jobs to free runners. */
  #hand(): void {
    for (const member of this.#members.values()) {
      if (!member.ready || member.isSpent || member.work !== null) continue;
      const jobId = this.#queue.shift();
      if (jobId === undefined) return;
      void this.#hire(member, jobId);
    }
  }

  async #hire(member: Member, jobId: string): Promise<void> {
    const work: NonNullable<Member['work']> = { jobId, assignment: null, cancelled: false };
    member.work = work;
    const assignment = await this.options.host.hire(jobId);
    if (member.work !== work) return; // the runner went meanwhile, and `lost` was not due: it had no lease
    if (assignment === null || this.#stopping) {
      this.#release(member);
      return;
    }
    work.assignment = assignment;
    member.heardAt = performance.now();
    if (member.process.pid !== undefined) this.running.set(jobId, member.process.pid);
    member.process.send({ type: 'assign', assignment });
    if (work.cancelled) this.#sendCancel(member);
  }

  #sendCancel(member: Member): void {
    const { work } = member;
    if (work === null) return;
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
    if (this.#stopping || member.isSpent) member.process.dismiss();
    else this.#hand();
  }

  #onMessage(runner: RunnerProcess, message: FromRunner): void {
    const member = this.#members.get(runner);
    if (member === undefined) return;
    member.heardAt = performance.now();
    const { host } = this.options;
    switch (message.type) {
      case 'alive':
        break;
      case 'ready':
        member.ready = true;
        this.#respawnMs = FIRST_RESPAWN_MS;
        if (this.#stopping) member.process.dismiss();
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
        host.progress(message.jobId, message.lease, message.bytesDone);
        break;
      case 'committed':
        host.committed(message.jobId, message.lease, message.checkpoint);
        break;
      case 'finished':
        // What the decoder has taken it does not give back, and a hostile file may have broken it.
        member.isSpent = hasParquet(member);
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
    if (work.assignment !== null) this.options.host.lost(work.jobId, work.assignment.lease, loss);
    else this.submit(work.jobId);
  }

  /** A runner that never came up is replaced with growing delays, any other at once. */
  #replace(gone: Member): void {
    if (gone.ready) {
      this.#spawn();
      return;
    }
    this.options.log.error({ pid: gone.process.pid, retry_ms: this.#respawnMs }, 'a runner could not start');
    setTimeout(() => {
      if (!this.#stopping) this.#spawn();
    }, this.#respawnMs).unref();
    this.#respawnMs = Math.min(this.#respawnMs * 2, MAX_RESPAWN_MS);
  }

  /** Kills those that take too much memory, or hang in a file. */
  async #watch(members: readonly Member[]): Promise<void> {
    for (const member of members) {
      const rss = await member.process.rss();
      if (rss > this.options.maxRssBytes) {
        const detail = `killed: ${rss} bytes of memory, above RUNNER_MAX_RSS_BYTES`;
        member.process.kill({ crash: true, outOfMemory: true, detail });
      }
      if (hasParquet(member) && performance.now() - member.heardAt > SILENT_MS) {
        member.process.kill({ crash: true, detail: `killed: no sign of life for ${SILENT_MS / 1000} s` });
      }
    }
  }

  #memberOf(jobId: string): Member | undefined {
    for (const member of this.#members.values()) if (member.work?.jobId === jobId) return member;
    return undefined;
  }
}

function hasParquet({ work }: Member): boolean {
  return work?.assignment?.format === 'parquet';
}
