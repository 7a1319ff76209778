import type { JobNotifier } from '../job-notifier.js';

/** For a service of one process: every wake arrives, once, in order. */
export class MemoryNotifier implements JobNotifier {
  readonly #listeners: ((jobId: string) => void)[] = [];
  #isClosed = false;

  notify(jobId: string): void {
    queueMicrotask(() => {
      if (this.#isClosed) return;
      for (const listener of this.#listeners) listener(jobId);
    });
  }

  onWake(listener: (jobId: string) => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }
}
