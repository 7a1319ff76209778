import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { RunnerPool } from '../runner/index.js';
import { JobSupervisor } from './job-supervisor.js';
import { JobUpkeep } from './job-upkeep.js';

/** How long a shutdown waits for the runners' open transactions. */
const RUNNER_GRACE_MS = 5_000;

/** Starts the work on jobs before the first request, and ends it after the last one was taken. */
@Injectable()
export class JobsLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    private readonly upkeep: JobUpkeep,
    private readonly supervisor: JobSupervisor,
    private readonly pool: RunnerPool,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.supervisor.attach(this.pool);
    this.pool.start();
    await this.upkeep.recover();
    this.upkeep.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.upkeep.stop();
    await this.pool.stop(RUNNER_GRACE_MS);
    await this.supervisor.stop();
  }
}
