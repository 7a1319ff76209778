import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { EXIT_LEASE_LOST, type FromRunner, type ToRunner } from './ipc.js';
import { residentBytes } from './resident-memory.js';
import type { RunnerLoss } from './runner-events.js';
import type { LinkEvents, RunnerLink } from './runner-link.js';

const RUNNER_MAIN = fileURLToPath(new URL('../delivery/main.js', import.meta.url));
/**
 * V8 brings along a thread for each processor and 16 MiB for young objects. A runner, one of several, has little for
 * them to do: readers and batches live in buffers.
 */
export const RUNNER_FLAGS = ['--v8-pool-size=1', '--max-semi-space-size=2'];
const CRASH_SIGNALS: ReadonlySet<string> = new Set(['SIGSEGV', 'SIGABRT', 'SIGILL', 'SIGBUS', 'SIGFPE', 'SIGTRAP']);

/** A child process with an IPC channel. `main`: the program to run, absolute, and what Node needs to run it. */
export class ChildProcessLink implements RunnerLink {
  readonly pid: number | undefined;
  readonly #child: ChildProcess;
  #isGone = false;
  #killedFor: RunnerLoss | undefined;

  constructor(events: LinkEvents, main = RUNNER_MAIN, execArgv = [...process.execArgv, ...RUNNER_FLAGS]) {
    this.#child = fork(main, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv });
    this.pid = this.#child.pid;
    this.#child.on('message', (message) => {
      if (!this.#isGone) events.message(message as FromRunner);
    });
    const exit = (loss: RunnerLoss) => {
      if (this.#isGone) return;
      this.#isGone = true;
      events.exit(this.#killedFor ?? loss);
    };
    this.#child.on('exit', (code, signal) => exit(lossOf(code, signal)));
    this.#child.on('error', (error) => {
      // A failed spawn has no exit; a failed send or kill is followed by one.
      if (this.pid === undefined) exit({ crash: false, detail: `the runner could not be started: ${error.message}` });
    });
  }

  send(message: ToRunner): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  dismiss(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  kill(loss: RunnerLoss): void {
    this.#killedFor ??= loss;
    this.#child.kill('SIGKILL');
  }

  async rss(): Promise<number> {
    return this.#isGone ? 0 : residentBytes(this.pid);
  }
}

function lossOf(code: number | null, signal: NodeJS.Signals | null): RunnerLoss {
  if (signal !== null) return { crash: CRASH_SIGNALS.has(signal), detail: `ended by ${signal}` };
  return { crash: code !== EXIT_LEASE_LOST, detail: `exit status ${code}` };
}
