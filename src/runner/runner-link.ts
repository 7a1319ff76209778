import type { FromRunner, ToRunner } from './ipc.js';
import type { RunnerLoss } from './runner-events.js';

/** What a link tells the pool: messages in the order in which the runner sent them, then one exit, then nothing. */
export interface LinkEvents {
  message(message: FromRunner): void;
  /** The runner is gone, for whatever reason, or could not be started. */
  exit(loss: RunnerLoss): void;
}

/** One runner and the way to it. No call throws or blocks; after the exit they do nothing. */
export interface RunnerLink {
  /** For the log, and for tests that signal it; undefined: it could not be started, and its exit follows. */
  readonly pid: number | undefined;
  /** Messages arrive in order. One to a runner that is going may be lost; its exit follows. */
  send(message: ToRunner): void;
  /** Has an idle runner leave by itself. A frozen one does not. */
  dismiss(): void;
  /** Ends the runner at once, whatever it does. Its exit tells `loss`; of several calls, that of the first. */
  kill(loss: RunnerLoss): void;
  /** Resident memory in bytes; 0 if the runner is gone or the system does not tell. */
  rss(): Promise<number>;
}

/** Starts a runner. It reports `ready` when it is up, and leaves by itself when this process is gone. Never throws. */
export type StartRunner = (events: LinkEvents) => RunnerLink;

/** The same from within a runner. */
export interface PoolLink {
  /** A message to a pool that is gone is lost. */
  send(message: FromRunner): void;
  /** Messages that are not on their way yet, because the pool takes none. */
  readonly unsent: number;
  onMessage(listener: (message: ToRunner) => void): void;
  /** The pool is gone, or has dismissed this runner. */
  onClose(listener: () => void): void;
}
