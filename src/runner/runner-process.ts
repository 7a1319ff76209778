import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { EXIT_LEASE_LOST, type FromRunner, type ToRunner } from './ipc.js';
import { residentBytes } from './resident-memory.js';
import type { RunnerLoss } from './runner-events.js';

const RUNNER_MAIN = fileURLToPath(new URL('../delivery/main.js', import.meta.url));
/**
 * V8 brings along a thread for each processor and 16 MiB for young objects. A runner, one of several, has little for
 * them to do: readers and batches live in buffers.
 */
export const RUNNER_FLAGS = ['--v8-pool-size=1', '--max-semi-space-size=2'];
const CRASH_SIGNALS: ReadonlySet<string> = new Set(['SIGSEGV', 'SIGABRT', 'SIGILL', 'SIGBUS', 'SIGFPE', 'SIGTRAP']);

export interface ProcessEvents {
  message(runner: RunnerProcess, message: FromRunner): void;
  exit(runner: RunnerProcess, loss: RunnerLoss): void;
}

/** One child process and the channel to it. The child leaves by itself when this process is gone. */
export class RunnerProcess {
  readonly pid: number | undefined;
  readonly #child: ChildProcess;
  #killedFor: RunnerLoss | undefined;

  constructor(events: ProcessEvents) {
    this.#child = fork(RUNNER_MAIN, [], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [...process.execArgv, ...RUNNER_FLAGS],
    });
    this.pid = this.#child.pid;
    this.#child.on('message', (message) => events.message(this, message as FromRunner));
    let gone = false;
    const exit = (loss: RunnerLoss) => {
      if (gone) return;
      gone = true;
      events.exit(this, this.#killedFor ?? loss);
    };
    this.#child.on('exit', (code, signal) => exit(lossOf(code, signal)));
    this.#child.on('error', (error) => {
      // A failed spawn has no exit; a failed send or kill is followed by one.
      if (this.pid === undefined) exit({ crash: false, detail: `the runner could not be started: ${error.message}` });
    });
  }

  /** A message to a runner that is going is lost; its exit follows. */
  send(message: ToRunner): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  /** Lets an idle runner go. */
  dismiss(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  kill(loss: RunnerLoss): void {
    this.#killedFor ??= loss;
    this.#child.kill('SIGKILL');
  }

  /** Resident memory in bytes; 0 if the process is gone or the system does not tell. */
  rss(): Promise<number> {
    return residentBytes(this.pid);
  }
}

function lossOf(code: number | null, signal: NodeJS.Signals | null): RunnerLoss {
  if (signal !== null) return { crash: CRASH_SIGNALS.has(signal), detail: `ended by ${signal}` };
  return { crash: code !== EXIT_LEASE_LOST, detail: `exit status ${code}` };
}
