import type { Worker } from 'node:worker_threads';

/** What is needed of a worker. */
export type ThreadWorker = Pick<Worker, 'on' | 'unref' | 'postMessage' | 'terminate'>;

export interface LazyThreadOptions<Answer> {
  start(): ThreadWorker;
  onAnswer(answer: Answer): void;
  /** The thread has died, and nothing that it was asked will be answered. `cause`: its error; undefined: it exited. */
  onEnd(cause: unknown): void;
}

/** A thread that starts when it is first needed, keeps no process alive, and is started anew if it is needed after its death. */
export class LazyThread<Answer> {
  #worker: ThreadWorker | undefined;

  constructor(private readonly options: LazyThreadOptions<Answer>) {}

  /** Throws if no thread can be started. */
  get worker(): ThreadWorker {
    this.#worker ??= this.#start();
    return this.#worker;
  }

  /** Whether the worker has not died. */
  isAlive(worker: ThreadWorker): boolean {
    return this.#worker === worker;
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): ThreadWorker {
    const { start, onAnswer, onEnd } = this.options;
    const worker = start();
    const end = (cause?: unknown): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      onEnd(cause);
    };
    worker.on('message', (answer: Answer) => onAnswer(answer));
    worker.on('error', end);
    worker.on('exit', () => end());
    worker.unref(); // after the listeners: one for messages would undo it
    return worker;
  }
}
