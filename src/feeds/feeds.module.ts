import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Module,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { CONFIG, type Config } from '../config/index.js';
import { DATABASE, type Database } from '../database/index.js';
import {
  systemClock as clock,
  JobAdmission,
  JobCommands,
  JobStore,
  JobSubmission,
  LEADER,
  type Leader,
  owner,
  PrefixOwnership,
} from '../jobs/index.js';
import { ModelService, ModelsModule } from '../models/index.js';
import { LOG } from '../observability/index.js';
import { METRICS, type Metrics } from '../observability/metrics/index.js';
import { Sources } from '../sources/index.js';
import { FeedCoordinator } from './coordination/feed-coordinator.js';
import { FeedMetrics } from './coordination/feed-metrics.js';
import { FolderWatches } from './coordination/folder-watches.js';
import { FeedService } from './feed-service.js';
import { FeedsController } from './http/feeds.controller.js';
import { requireNotificationSecret } from './http/notification-secret.js';
import { FeedFileStore } from './store/feed-file-store.js';
import { FeedStore } from './store/feed-store.js';

const DAY_MS = 86_400_000;

/** Files that are taken from their sources as they arrive; each becomes a job. */
@Module({})
export class FeedsModule implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  #isStopping = false;

  constructor(
    private readonly coordinator: FeedCoordinator,
    private readonly watches: FolderWatches,
    private readonly metrics: FeedMetrics,
    private readonly ownership: PrefixOwnership,
    private readonly feeds: FeedService,
    private readonly http: HttpAdapterHost<FastifyAdapter>,
  ) {}

  onModuleInit(): void {
    requireNotificationSecret(this.http.httpAdapter.getInstance(), this.feeds);
  }

  static of(jobs: DynamicModule): DynamicModule {
    return {
      module: FeedsModule,
      imports: [ModelsModule, jobs],
      controllers: [FeedsController],
      providers: [
        { provide: FeedStore, inject: [DATABASE], useFactory: (db: Database) => new FeedStore(db, clock) },
        { provide: FeedFileStore, inject: [DATABASE], useFactory: (db: Database) => new FeedFileStore(db, clock) },
        {
          provide: FeedCoordinator,
          inject: [FeedStore, FeedFileStore, Sources, JobStore, JobSubmission, JobCommands, JobAdmission, LOG, CONFIG],
          useFactory: (
            feeds: FeedStore,
            files: FeedFileStore,
            sources: Sources,
            store: JobStore,
            submission: JobSubmission,
            commands: JobCommands,
            admission: JobAdmission,
            log: Logger,
            { database, feedHistoryDays }: Config,
          ) =>
            new FeedCoordinator({
              feeds,
              files,
              sources,
              jobs: store,
              submission,
              commands,
              admission,
              isAlone: database.kind === 'sqlite',
              historyMs: feedHistoryDays * DAY_MS,
              owner,
              clock,
              log,
            }),
        },
        {
          provide: FolderWatches,
          inject: [FeedStore, Sources, FeedCoordinator, LOG],
          useFactory: (feeds: FeedStore, sources: Sources, coordinator: FeedCoordinator, log: Logger) =>
            new FolderWatches({ feeds, sources, wake: () => coordinator.wake(), clock, log }),
        },
        {
          provide: FeedMetrics,
          inject: [FeedStore, FeedFileStore, METRICS, LEADER, LOG],
          useFactory: (feeds: FeedStore, files: FeedFileStore, metrics: Metrics, leader: Leader, log: Logger) =>
            new FeedMetrics({ feeds, files, metrics, leader, clock, log }),
        },
        {
          provide: FeedService,
          inject: [FeedStore, FeedFileStore, ModelService, Sources, FeedCoordinator],
          useFactory: (
            feeds: FeedStore,
            files: FeedFileStore,
            models: ModelService,
            sources: Sources,
            coordinator: FeedCoordinator,
          ) => new FeedService({ feeds, files, models, sources, coordinator }),
        },
      ],
    };
  }

  /** Jobs need their names in Kafka to be the service's own. */
  onApplicationBootstrap(): void {
    this.metrics.start();
    void this.ownership.claimed.then(() => {
      if (this.#isStopping) return;
      this.coordinator.start();
      this.watches.start();
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#isStopping = true;
    await Promise.all([this.coordinator.stop(), this.watches.stop(), this.metrics.stop()]);
  }
}
