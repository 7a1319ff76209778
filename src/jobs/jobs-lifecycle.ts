import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { RunnerPool } from '../runner/index.js';
import { JobExpiry } from './job-expiry.js';
import { JobRemoval } from './job-removal.js';
import { JobSupervisor } from './job-supervisor.js';
import { JobUpkeep } from './job-upkeep.js';
import { SnapshotPublisher } from './snapshot-publisher.js';

/** How long a shutdown waits for the runners' open transactions. */
const RUNNER_GRACE_MS = 4_000;
/** How long it waits for the last snapshots to be acknowledged. */
const SNAPSHOT_GRACE_MS = 1_000;

/** Starts the work on jobs before the first request, and ends it after the last one was taken. */
@Injectable()
export class JobsLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    private readonly upkeep: JobUpkeep,
    private readonly removal: JobRemoval,
    private readonly expiry: JobExpiry,
    private readonly supervisor: JobSupervisor,
    private readonly pool: RunnerPool,
    private readonly snapshots: SnapshotPublisher,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.supervisor.attach(this.pool);
    this.snapshots.start();
    this.pool.start();
    await this.removal.recover();
    await this.upkeep.recover();
    this.upkeep.start();
    this.removal.start();
    this.expiry.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([this.upkeep.stop(), this.expiry.stop(), this.removal.stop(), this.pool.stop(RUNNER_GRACE_MS)]);
    await this.supervisor.stop();
    await this.snapshots.stop(SNAPSHOT_GRACE_MS);
  }
}
