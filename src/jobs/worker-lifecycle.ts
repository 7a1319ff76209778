import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { JobFiles } from './coordination/job-files.js';
import { JobWorker } from './coordination/job-worker.js';
import { PrefixClaims } from './coordination/prefix-claims.js';
import { PrefixOwnership } from './coordination/prefix-ownership.js';
import { JOB_NOTIFIER, type JobNotifier } from './queue/job-notifier.js';

/** Who starts a service whose prefix is another's is to see it fail; without a broker it goes on at once. */
const FIRST_ANSWER_MS = 5_000;

/** Has a process work on jobs once the topic prefix is known to be this installation's, until the process ends. */
@Injectable()
export class WorkerLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #isStopping = false;

  constructor(
    private readonly worker: JobWorker,
    @Inject(JOB_NOTIFIER) private readonly notifier: JobNotifier,
    private readonly ownership: PrefixOwnership,
    @Inject(JobFiles) private readonly files: JobFiles | null,
    private readonly claims: PrefixClaims,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.files?.start();
    this.claims.start();
    void this.ownership.claimed.then(() => this.#begin());
    await this.ownership.firstAnswer(FIRST_ANSWER_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#isStopping = true;
    await Promise.all([this.claims.stop(), this.worker.stop()]);
    await this.files?.stop();
    await this.notifier.close();
  }

  #begin(): void {
    if (!this.#isStopping) this.worker.start();
  }
}
