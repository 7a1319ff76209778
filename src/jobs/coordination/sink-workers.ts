import type { JobNotifier } from '../queue/job-notifier.js';
import type { SinkWorker } from './sink-worker.js';

/** The workers of all sinks that are configured: each with its own process, leases and breaker. */
export class SinkWorkers {
  constructor(
    private readonly workers: readonly SinkWorker[],
    notifier: Pick<JobNotifier, 'onWake'>,
  ) {
    if (workers.length === 0) return;
    notifier.onWake((jobId) => {
      for (const worker of workers) worker.wake(jobId);
    });
  }

  start(): void {
    for (const worker of this.workers) worker.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }
}
