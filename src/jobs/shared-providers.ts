import { randomUUID } from 'node:crypto';
import type { Provider } from '@nestjs/common';
import type { Logger } from 'pino';
import { HealthDetails } from '../api/health/index.js';
import { areFilesShared, CONFIG, type Config } from '../config/index.js';
import { DATABASE, type Database, listenPostgres, notifyPostgres } from '../database/index.js';
import { claimPrefix, createKafka, TopicAdmin } from '../kafka/index.js';
import { LOG } from '../observability/index.js';
import { METRICS, type Metrics } from '../observability/metrics/index.js';
import { TRACING, type Tracing } from '../observability/tracing/index.js';
import { FILE_STORE, type FileStore } from '../storage/index.js';
import { JobFiles } from './coordination/job-files.js';
import { logEnd } from './coordination/job-log.js';
import { JobMetrics } from './coordination/job-metrics.js';
import { JobTraces } from './coordination/job-traces.js';
import { JobWriter } from './coordination/job-writer.js';
import { PrefixClaims } from './coordination/prefix-claims.js';
import { PrefixOwnership } from './coordination/prefix-ownership.js';
import { systemClock as clock } from './domain/clock.js';
import { JobEventPublisher } from './events/publisher.js';
import { BullmqNotifier } from './queue/bullmq/bullmq-notifier.js';
import { JOB_NOTIFIER } from './queue/job-notifier.js';
import { MemoryNotifier } from './queue/memory/memory-notifier.js';
import { PostgresNotifier } from './queue/postgres/postgres-notifier.js';
import { FileRows } from './store/file-rows.js';
import { InstallationStore } from './store/installation-store.js';
import { JobStore } from './store/job-store.js';
import { SinkStore } from './store/sink-store.js';
import { UploadStore } from './store/upload-store.js';
import { WorkerStore } from './store/worker-store.js';

/** Channel of PostgreSQL by which jobs are notified. */
const CHANNEL = 'batch_jobs';
/** This start of the process, as the owner of what it creates and claims. */
export const owner: string = randomUUID();

/** What every process needs that has to do with jobs. */
export const sharedProviders: Provider[] = [
  { provide: JobStore, inject: [DATABASE], useFactory: (db: Database) => new JobStore(db, clock) },
  { provide: SinkStore, inject: [DATABASE], useFactory: (db: Database) => new SinkStore(db, clock) },
  { provide: UploadStore, inject: [DATABASE], useFactory: (db: Database) => new UploadStore(db, owner, clock) },
  { provide: WorkerStore, inject: [DATABASE], useFactory: (db: Database) => new WorkerStore(db, clock) },
  { provide: FileRows, inject: [DATABASE], useFactory: (db: Database) => new FileRows(db) },
  {
    // null: one process alone has the files.
    provide: JobFiles,
    inject: [FILE_STORE, FileRows, UploadStore, LOG, CONFIG],
    useFactory: (files: FileStore, rows: FileRows, uploads: UploadStore, log: Logger, config: Config) =>
      areFilesShared(config)
        ? new JobFiles({ files, rows, uploads, uploadIdleMs: config.uploadPace.idleMs, clock, log })
        : null,
  },
  {
    provide: PrefixOwnership,
    inject: [DATABASE, TopicAdmin, HealthDetails, LOG, CONFIG],
    useFactory: (db: Database, topics: TopicAdmin, health: HealthDetails, log: Logger, { kafka }: Config) => {
      const client = createKafka(kafka);
      const ownership = new PrefixOwnership({
        store: new InstallationStore(db),
        topics,
        claim: (...given) => claimPrefix(client, ...given),
        topicPrefix: kafka.topicPrefix,
        adopts: kafka.adoptPrefix,
        log,
      });
      health.addNeed('topic_prefix', () => ownership.refusal);
      health.add('topic_prefix', () => ownership.trouble());
      return ownership;
    },
  },
  {
    provide: PrefixClaims,
    inject: [PrefixOwnership, LOG],
    useFactory: (ownership: PrefixOwnership, log: Logger) => new PrefixClaims(ownership, log, clock),
  },
  { provide: JobTraces, inject: [TRACING], useFactory: (tracing: Tracing) => new JobTraces(tracing) },
  { provide: JobMetrics, inject: [METRICS], useFactory: (metrics: Metrics) => new JobMetrics(metrics) },
  {
    provide: JobWriter,
    inject: [JobStore, JobMetrics, LOG, { token: JobEventPublisher, optional: true }],
    // What a worker changes is published by a process that publishes: it sees what the store holds.
    useFactory: (store: JobStore, metrics: JobMetrics, log: Logger, events: JobEventPublisher | undefined) =>
      new JobWriter(store, events ?? { publish: () => undefined }, clock, (job) => {
        metrics.ended(job);
        logEnd(log, job);
      }),
  },
  {
    provide: JOB_NOTIFIER,
    inject: [DATABASE, HealthDetails, LOG, CONFIG],
    useFactory: (db: Database, health: HealthDetails, log: Logger, { database, queueUrl, kafka }: Config) => {
      if (database.kind === 'sqlite') return new MemoryNotifier();
      const notifier =
        queueUrl === null
          ? new PostgresNotifier({
              listen: (onPayload) => listenPostgres(database.directUrl, CHANNEL, onPayload),
              send: (payloads) => notifyPostgres(db, CHANNEL, payloads),
              log,
            })
          : new BullmqNotifier({ url: queueUrl, topicPrefix: kafka.topicPrefix, log });
      health.add('job_notifier', () => notifier.trouble());
      return notifier;
    },
  },
];
