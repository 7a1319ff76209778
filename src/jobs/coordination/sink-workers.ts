import type { Logger } from 'pino';
import type { JobNotifier } from '../queue/job-notifier.js';
import type { SinkWorker } from './sink-worker.js';

const START_AGAIN_MS = 5_000;

/** The workers of all sinks that are configured: each with its own process, leases and breaker. */
export class SinkWorkers {
  #isStopped = false;

  constructor(
    private readonly workers: readonly SinkWorker[],
    notifier: Pick<JobNotifier, 'onWake'>,
    private readonly log: Logger,
    private readonly startAgainMs = START_AGAIN_MS,
  ) {
    if (workers.length === 0) return;
    notifier.onWake((jobId) => {
      for (const worker of workers) worker.wake(jobId);
    });
  }

  start(): void {
    for (const worker of this.workers) this.#start(worker);
  }

  /** Tries again if the store does not answer. */
  #start(worker: SinkWorker): void {
    worker.start().catch((error: unknown) => {
      this.log.error({ err: error }, 'the loads of a sink could not be taken up, retrying');
      setTimeout(() => !this.#isStopped && this.#start(worker), this.startAgainMs).unref();
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }
}
