import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { RunnerPool } from '../runner/index.js';
import { JobExpiry } from './job-expiry.js';
import { JobRemoval } from './job-removal.js';
import { JobSupervisor } from './job-supervisor.js';
import { JobUpkeep } from './job-upkeep.js';
import { PrefixOwnership } from './prefix-ownership.js';
import { SnapshotPublisher } from './snapshot-publisher.js';
import { SpareTopics } from './spare-topics.js';

/** How long a shutdown waits for the runners' open transactions. */
const RUNNER_GRACE_MS = 4_000;
/** How long it waits for the last snapshots to be acknowledged. */
const SNAPSHOT_GRACE_MS = 1_000;
/** Who starts a service whose prefix is another's is to see it fail; without a broker it goes on at once. */
const FIRST_ANSWER_MS = 5_000;

/** Starts the work on jobs before the first request, and ends it after the last one was taken. */
@Injectable()
export class JobsLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #isStopping = false;

  constructor(
    private readonly upkeep: JobUpkeep,
    private readonly removal: JobRemoval,
    private readonly expiry: JobExpiry,
    private readonly spares: SpareTopics,
    private readonly supervisor: JobSupervisor,
    private readonly pool: RunnerPool,
    private readonly snapshots: SnapshotPublisher,
    private readonly ownership: PrefixOwnership,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.supervisor.attach(this.pool);
    this.snapshots.start(); // its first connection claims the topic prefix
    void this.ownership.claimed.then(() => this.#begin());
    await this.removal.recover();
    await this.upkeep.recover();
    this.upkeep.start();
    await this.ownership.firstAnswer(FIRST_ANSWER_MS);
  }

  /** Whatever writes to Kafka, or removes there. */
  #begin(): void {
    if (this.#isStopping) return;
    this.pool.start();
    this.removal.start();
    this.expiry.start();
    this.spares.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#isStopping = true;
    await Promise.all([
      this.upkeep.stop(),
      this.expiry.stop(),
      this.removal.stop(),
      this.spares.stop(),
      this.pool.stop(RUNNER_GRACE_MS),
    ]);
    await this.supervisor.stop();
    await this.snapshots.stop(SNAPSHOT_GRACE_MS);
  }
}
