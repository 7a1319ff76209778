import { type ChildProcess, fork } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import type { SinkName } from '../ingest/index.js';
import { residentBytes } from '../runner/index.js';
import type { FromSink, SinkAssignment, SinkOutcome, SinkProgress, ToSink } from './ipc.js';

const SINK_MAIN = fileURLToPath(new URL('./main.js', import.meta.url));
/** A thread for each processor and a large heap for young objects are of no use to it: its blocks lie in buffers. */
const FLAGS = ['--v8-pool-size=1', '--max-semi-space-size=4'];
const WATCH_MS = 1_000;
/** It gives a sign of life every 5 s. */
const SILENT_MS = 60_000;
const FIRST_RESPAWN_MS = 50;
const MAX_RESPAWN_MS = 5_000;
const CRASH_SIGNALS: ReadonlySet<string> = new Set(['SIGSEGV', 'SIGABRT', 'SIGILL', 'SIGBUS', 'SIGFPE', 'SIGTRAP']);

/** Why a process is gone. */
export interface SinkLoss {
  /** Its own fault (memory, a crash signal, an exception) as opposed to a kill from outside. */
  crash: boolean;
  /** For the log and the user, never row values. */
  detail: string;
}

/** What the process tells, each quick and never throwing. */
export interface SinkProcessEvents {
  /** It takes assignments from now on. */
  ready(): void;
  /** To be answered by `stored` when it is durable. */
  progress(id: string, progress: SinkProgress): void;
  finished(id: string, outcome: SinkOutcome): void;
  /** The process is gone, and what it had with it; a new one is started. */
  exited(loss: SinkLoss): void;
}

export interface SinkProcessOptions {
  name: SinkName;
  log: Logger;
  maxRssBytes: number;
}

/** One child process that loads jobs into one sink, replaced when it goes. Above the memory ceiling, or silent, it is killed. */
export class SinkProcess {
  #child: ChildProcess | undefined;
  #isReady = false;
  #silentMs = 0;
  #respawnMs = FIRST_RESPAWN_MS;
  #killedFor: string | undefined;
  #watch: NodeJS.Timeout | undefined;
  #respawn: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor(
    private readonly options: SinkProcessOptions,
    private readonly events: SinkProcessEvents,
  ) {}

  get isReady(): boolean {
    return this.#isReady;
  }

  /** For the log, and for tests that signal it; undefined: none is there. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    this.#spawn();
    this.#watch = setInterval(() => void this.#look(), WATCH_MS);
    this.#watch.unref();
  }

  /** One that is going may not get it; `exited` follows then. */
  send(message: ToSink): void {
    if (this.#child?.connected) this.#child.send(message, () => undefined);
  }

  /** false: there is no process to take it. One that goes later says so by `exited`. */
  assign(assignment: SinkAssignment): boolean {
    if (!this.#isReady || !this.#child?.connected) return false;
    this.send({ type: 'assign', assignment });
    return true;
  }

  /** What the process is doing is lost. `exited` follows. */
  kill(detail: string): void {
    this.#killedFor ??= detail;
    this.#child?.kill('SIGKILL');
  }

  /** Lets the process go, at the latest after `graceMs`. What it was writing is written or not: the next start sees. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#watch);
    clearTimeout(this.#respawn);
    const child = this.#child;
    if (child === undefined) return;
    if (child.connected) child.disconnect();
    for (const giveUpAt = performance.now() + graceMs; this.#child !== undefined; await sleep(20)) {
      if (performance.now() >= giveUpAt) child.kill('SIGKILL');
    }
  }

  #spawn(): void {
    const { name, log } = this.options;
    const child = fork(SINK_MAIN, [name], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [...process.execArgv, ...FLAGS],
    });
    this.#child = child;
    this.#silentMs = 0;
    this.#killedFor = undefined;
    yieldTo(child.pid);
    child.on('message', (message) => this.#take(message as FromSink));
    let isGone = false;
    const gone = (own: SinkLoss): void => {
      if (isGone) return;
      isGone = true;
      this.#child = undefined;
      this.#isReady = false;
      if (this.#isStopping) return;
      const loss = this.#killedFor === undefined ? own : { crash: true, detail: this.#killedFor };
      log.warn({ sink: name, reason: loss.detail }, 'the process of a sink is gone, starting another');
      this.events.exited(loss);
      this.#respawn = setTimeout(() => this.#spawn(), this.#respawnMs);
      this.#respawnMs = Math.min(MAX_RESPAWN_MS, this.#respawnMs * 2);
    };
    child.on('exit', (code, signal) => {
      if (signal === null) gone({ crash: true, detail: `exit status ${code}` });
      else gone({ crash: CRASH_SIGNALS.has(signal), detail: `ended by ${signal}` });
    });
    child.on('error', (error) => {
      // A failed spawn has no exit; a failed send or kill is followed by one.
      if (child.pid === undefined) gone({ crash: false, detail: `it could not be started: ${error.message}` });
    });
  }

  #take(message: FromSink): void {
    this.#silentMs = 0;
    switch (message.type) {
      case 'ready':
        this.#isReady = true;
        this.events.ready();
        break;
      case 'alive':
        this.#respawnMs = FIRST_RESPAWN_MS;
        break;
      case 'progress':
        this.events.progress(message.id, message.progress);
        break;
      case 'finished':
        this.events.finished(message.id, message.outcome);
        break;
    }
  }

  async #look(): Promise<void> {
    this.#silentMs += WATCH_MS;
    if (this.#silentMs > SILENT_MS) this.kill('killed: it gave no sign of life for a minute');
    const rss = await residentBytes(this.pid);
    const { maxRssBytes } = this.options;
    if (rss > maxRssBytes) this.kill(`killed: ${rss} bytes of memory, more than SINK_MAX_RSS_BYTES (${maxRssBytes})`);
  }
}

/** Delivery to Kafka comes first. Where that is not allowed, it is as it was. */
function yieldTo(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // The system knows no priorities, or does not let us set them.
  }
}
