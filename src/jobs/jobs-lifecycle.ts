import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { RunnerPool } from '../runner/index.js';
import { ClaimLoop } from './coordination/claim-loop.js';
import { JobCoordinator } from './coordination/coordinator.js';
import { JobExpiry } from './coordination/expiry.js';
import { LeaseKeeper } from './coordination/lease-keeper.js';
import { JobMaintenance } from './coordination/maintenance.js';
import { PrefixOwnership } from './coordination/prefix-ownership.js';
import { JobRemoval } from './coordination/removal.js';
import { SpareTopics } from './coordination/spare-topics.js';
import { JobEventPublisher } from './events/publisher.js';
import { JOB_NOTIFIER, type JobNotifier } from './queue/job-notifier.js';

/** How long a shutdown waits for the runners' open transactions. */
const RUNNER_GRACE_MS = 4_000;
/** How long it waits for the last job events to be acknowledged. */
const EVENTS_GRACE_MS = 1_000;
/** Who starts a service whose prefix is another's is to see it fail; without a broker it goes on at once. */
const FIRST_ANSWER_MS = 5_000;

/** Starts the work on jobs before the first request, and ends it after the last one was taken. */
@Injectable()
export class JobsLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #isStopping = false;

  constructor(
    private readonly maintenance: JobMaintenance,
    private readonly removal: JobRemoval,
    private readonly expiry: JobExpiry,
    private readonly spares: SpareTopics,
    private readonly coordinator: JobCoordinator,
    private readonly pool: RunnerPool,
    private readonly claims: ClaimLoop,
    private readonly leases: LeaseKeeper,
    @Inject(JOB_NOTIFIER) private readonly notifier: JobNotifier,
    private readonly events: JobEventPublisher,
    private readonly ownership: PrefixOwnership,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.coordinator.setRunners(this.pool);
    this.pool.onFree((intent) => this.claims.wake(intent));
    this.events.start(); // its first connection claims the topic prefix
    await this.removal.recover();
    await this.maintenance.rescueInterrupted();
    void this.ownership.claimed.then(() => this.#begin());
    this.maintenance.start();
    await this.ownership.firstAnswer(FIRST_ANSWER_MS);
  }

  /** Whatever writes to Kafka, or removes there. */
  #begin(): void {
    if (this.#isStopping) return;
    this.pool.start();
    this.claims.start();
    this.leases.start();
    this.removal.start();
    this.expiry.start();
    this.spares.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#isStopping = true;
    await this.claims.stop();
    await Promise.all([
      this.notifier.close(),
      this.maintenance.stop(),
      this.expiry.stop(),
      this.removal.stop(),
      this.spares.stop(),
      this.pool.stop(RUNNER_GRACE_MS),
    ]);
    await this.coordinator.stop();
    await this.leases.stop();
    await this.events.stop(EVENTS_GRACE_MS);
  }
}
