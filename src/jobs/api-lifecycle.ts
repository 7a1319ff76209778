import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  Optional,
} from '@nestjs/common';
import { CONFIG, type Config } from '../config/index.js';
import { ClusterMetrics } from './coordination/cluster-metrics.js';
import { JobCreation } from './coordination/creation.js';
import { DeadJobs } from './coordination/dead-jobs.js';
import { JobExpiry } from './coordination/expiry.js';
import { JobFiles } from './coordination/job-files.js';
import { JobWorker } from './coordination/job-worker.js';
import { LEADER, type Leader, Leadership } from './coordination/leadership.js';
import { JobMaintenance } from './coordination/maintenance.js';
import { PrefixClaims } from './coordination/prefix-claims.js';
import { PrefixOwnership } from './coordination/prefix-ownership.js';
import { JobRemoval } from './coordination/removal.js';
import { SinkTopics } from './coordination/sink-topics.js';
import { SpareTopics } from './coordination/spare-topics.js';
import { JobUploads } from './coordination/uploads.js';
import { JobEventPublisher } from './events/publisher.js';
import { JOB_NOTIFIER, type JobNotifier } from './queue/job-notifier.js';

/** How long a shutdown waits for the last job events to be acknowledged. */
const EVENTS_GRACE_MS = 1_000;
/** Who starts a service whose prefix is another's is to see it fail; without a broker it goes on at once. */
const FIRST_ANSWER_MS = 5_000;

/** Starts what goes on beside the requests of a process before the first one, and ends it after the last one. */
@Injectable()
export class ApiLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  #isStopping = false;

  constructor(
    private readonly maintenance: JobMaintenance,
    private readonly creation: JobCreation,
    @Inject(JobUploads) private readonly uploads: JobUploads | null,
    @Inject(JobFiles) private readonly files: JobFiles | null,
    @Inject(CONFIG) private readonly config: Config,
    private readonly removal: JobRemoval,
    private readonly expiry: JobExpiry,
    private readonly spares: SpareTopics,
    private readonly sinkTopics: SinkTopics,
    @Inject(DeadJobs) private readonly dead: DeadJobs | null,
    @Inject(JOB_NOTIFIER) private readonly notifier: JobNotifier,
    private readonly events: JobEventPublisher,
    private readonly ownership: PrefixOwnership,
    private readonly claims: PrefixClaims,
    private readonly clusterMetrics: ClusterMetrics,
    @Inject(LEADER) private readonly leader: Leader | Leadership,
    @Optional() private readonly worker?: JobWorker,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.leader instanceof Leadership) this.leader.start();
    this.claims.start();
    this.events.start();
    // The other starts of a process on SQLite are dead; on a server, time tells.
    if (this.config.database.kind === 'sqlite') {
      await this.removal.recover();
      await this.files?.recover();
    }
    this.uploads?.start();
    this.creation.start();
    this.files?.start();
    await this.maintenance.rescueInterrupted();
    void this.ownership.claimed.then(() => this.#begin());
    this.maintenance.start();
    this.clusterMetrics.start();
    this.dead?.start();
    await this.ownership.firstAnswer(FIRST_ANSWER_MS);
  }

  /** Whatever writes to Kafka, or removes there. */
  #begin(): void {
    if (this.#isStopping) return;
    this.worker?.start();
    this.removal.start();
    this.expiry.start();
    this.spares.start();
    this.sinkTopics.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#isStopping = true;
    await Promise.all([
      this.claims.stop(),
      this.worker?.stop(),
      this.maintenance.stop(),
      this.clusterMetrics.stop(),
      this.dead?.stop(),
      this.uploads?.stop(),
      this.creation.stop(),
      this.files?.stop(),
      this.expiry.stop(),
      this.removal.stop(),
      this.spares.stop(),
      this.sinkTopics.stop(),
    ]);
    await this.events.stop(EVENTS_GRACE_MS);
    if (this.leader instanceof Leadership) await this.leader.stop();
  }

  /** Once no request is answered any more: the last ones may have created jobs, which others are to be told. */
  async onApplicationShutdown(): Promise<void> {
    await this.notifier.close();
  }
}
