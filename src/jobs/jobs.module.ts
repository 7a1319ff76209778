import { randomUUID } from 'node:crypto';
import { Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { HealthDetails } from '../api/health/index.js';
import { type ConcurrencyLimit, Downloads } from '../api/index.js';
import { CONFIG, type Config } from '../config/index.js';
import { DATABASE, type Database } from '../database/index.js';
import {
  ClusterProbe,
  claimPrefix,
  createKafka,
  JobProbe,
  jobNames,
  KafkaProbe,
  readBrokerTime,
  serviceTopics,
  TopicAdmin,
} from '../kafka/index.js';
import { ModelService, ModelStore, ModelsModule } from '../models/index.js';
import { LOG } from '../observability/index.js';
import { ChildProcessLink, RunnerPool } from '../runner/index.js';
import { FILE_STORE, type FileStore } from '../storage/index.js';
import { UPLOAD_LIMIT, UploadReceiver } from '../upload/index.js';
import { ClaimLoop } from './coordination/claim-loop.js';
import { JobCommands } from './coordination/commands.js';
import { JobCoordinator } from './coordination/coordinator.js';
import { JobCreation } from './coordination/creation.js';
import { JobExpiry } from './coordination/expiry.js';
import { JobWriter } from './coordination/job-writer.js';
import { keptFile } from './coordination/kept-file.js';
import { LeaseKeeper } from './coordination/lease-keeper.js';
import { JobMaintenance } from './coordination/maintenance.js';
import { PrefixOwnership } from './coordination/prefix-ownership.js';
import { JobRemoval } from './coordination/removal.js';
import { SpareTopics } from './coordination/spare-topics.js';
import { JobSubmission } from './coordination/submission.js';
import { TopicExpiry } from './coordination/topic-expiry.js';
import { systemClock as clock } from './domain/clock.js';
import { newJobId } from './domain/job-id.js';
import { connectJobEvents } from './events/producer.js';
import { JobEventPublisher } from './events/publisher.js';
import { admitJob, JobAdmissionGuard } from './http/job-admission.guard.js';
import { JobQueries } from './http/job-queries.js';
import { JobsController } from './http/jobs.controller.js';
import { RejectedRowsController } from './http/rejected-rows.controller.js';
import { RejectedRows } from './http/rejected-rows.js';
import { JobsLifecycle } from './jobs-lifecycle.js';
import { JOB_NOTIFIER, type JobNotifier } from './queue/job-notifier.js';
import { MemoryNotifier } from './queue/memory/memory-notifier.js';
import { ExpiryStore } from './store/expiry-store.js';
import { InstallationStore } from './store/installation-store.js';
import { JobStore } from './store/job-store.js';
import { LeaseStore } from './store/lease-store.js';
import { RemovalStore } from './store/removal-store.js';
import { SpareStore } from './store/spare-store.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A runner gives up a broker by itself within a call of KAFKA_UNAVAILABLE_AFTER_MS; one that does not is stuck elsewhere. */
const STALLED_BEYOND_MS = 60_000;
/** Each may hold a page of 8 MiB and a connection to the broker. */
const MAX_REJECTED_READERS = 16;
/** This start of the process, as the owner of what it creates and claims. */
const owner = randomUUID();

@Module({
  imports: [ModelsModule],
  controllers: [JobsController, RejectedRowsController],
  providers: [
    { provide: JobStore, inject: [DATABASE], useFactory: (db: Database) => new JobStore(db, clock) },
    { provide: LeaseStore, inject: [DATABASE], useFactory: (db: Database) => new LeaseStore(db, clock) },
    { provide: RemovalStore, inject: [DATABASE], useFactory: (db: Database) => new RemovalStore(db) },
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
      provide: JobEventPublisher,
      inject: [JobStore, TopicAdmin, PrefixOwnership, HealthDetails, LOG, CONFIG],
      useFactory: (
        store: JobStore,
        topics: TopicAdmin,
        ownership: PrefixOwnership,
        health: HealthDetails,
        log: Logger,
        { kafka }: Config,
      ) => {
        const publisher = new JobEventPublisher({
          store,
          topic: topics.service.jobs,
          ensureTopic: () => ownership.check(),
          connect: () => connectJobEvents(kafka, topics.service.jobs),
          clock,
          log,
        });
        health.add('job_events', () => publisher.trouble());
        return publisher;
      },
    },
    {
      provide: JobWriter,
      inject: [JobStore, JobEventPublisher],
      useFactory: (store: JobStore, events: JobEventPublisher) => new JobWriter(store, events, clock),
    },
    {
      provide: JobCoordinator,
      inject: [JobStore, LeaseStore, JobWriter, ModelStore, FILE_STORE, JOB_NOTIFIER, LOG, CONFIG],
      useFactory: (
        store: JobStore,
        leases: LeaseStore,
        writer: JobWriter,
        models: ModelStore,
        files: FileStore,
        notifier: JobNotifier,
        log: Logger,
        { kafka }: Config,
      ) => {
        const maxStalledMs = kafka.unavailableAfterMs;
        return new JobCoordinator({ store, leases, writer, models, files, notifier, owner, clock, log, maxStalledMs });
      },
    },
    {
      provide: LeaseKeeper,
      inject: [LeaseStore, JobCoordinator, JOB_NOTIFIER, LOG],
      useFactory: (leases: LeaseStore, coordinator: JobCoordinator, notifier: JobNotifier, log: Logger) =>
        new LeaseKeeper({ leases, coordinator, notifier, owner, clock, log }),
    },
    {
      provide: ClaimLoop,
      inject: [JobCoordinator, RunnerPool, JOB_NOTIFIER, LOG],
      useFactory: (coordinator: JobCoordinator, runners: RunnerPool, notifier: JobNotifier, log: Logger) =>
        new ClaimLoop({ coordinator, runners, notifier, clock, log }),
    },
    { provide: JOB_NOTIFIER, useClass: MemoryNotifier },
    {
      provide: RunnerPool,
      inject: [JobCoordinator, LOG, CONFIG],
      useFactory: (host: JobCoordinator, log: Logger, config: Config) =>
        new RunnerPool({
          host,
          startRunner: (events) => new ChildProcessLink(events),
          log,
          size: config.jobConcurrency,
          maxRssBytes: config.runnerMaxRssBytes,
          stalledMs: config.kafka.unavailableAfterMs + STALLED_BEYOND_MS,
        }),
    },
    {
      provide: JobCommands,
      inject: [JobStore, JobWriter, JOB_NOTIFIER, FILE_STORE, JobRemoval, ClusterProbe],
      useFactory: (
        store: JobStore,
        writer: JobWriter,
        notifier: JobNotifier,
        files: FileStore,
        removal: JobRemoval,
        cluster: ClusterProbe,
      ) => new JobCommands({ store, writer, notifier, files, removal, clock, requireKafka: () => cluster.check() }),
    },
    {
      provide: JobMaintenance,
      inject: [JobStore, JobWriter, JobCoordinator, RemovalStore, FILE_STORE, KafkaProbe, LOG, CONFIG],
      useFactory: (
        store: JobStore,
        writer: JobWriter,
        coordinator: JobCoordinator,
        removals: RemovalStore,
        files: FileStore,
        kafka: KafkaProbe,
        log: Logger,
        config: Config,
      ) =>
        new JobMaintenance({
          store,
          writer,
          coordinator,
          removals,
          files,
          clock,
          log,
          checkKafka: () => kafka.check(),
          spoolKeepMs: config.spoolKeepHours * HOUR_MS,
        }),
    },
    {
      provide: JobSubmission,
      inject: [ModelService, JobStore, JobCreation, CONFIG],
      useFactory: (models: ModelService, store: JobStore, creation: JobCreation, { kafka: { topicPrefix } }: Config) =>
        new JobSubmission({ models, store, creation, topicPrefix }),
    },
    {
      provide: SpareTopics,
      inject: [DATABASE, RemovalStore, JobCoordinator, LOG, CONFIG],
      useFactory: (db: Database, rows: RemovalStore, coordinator: JobCoordinator, log: Logger, config: Config) => {
        const { topicPrefix, replicationFactor } = config.kafka;
        const spares = new SpareStore(db, { topicPrefix, owner });
        // On a separate connection: a broker answers the requests of one in turn, and uploads must not wait.
        const topics = new TopicAdmin(createKafka(config.kafka), serviceTopics(topicPrefix), replicationFactor);
        return new SpareTopics({
          spares,
          rows,
          topics,
          isWorking: () => coordinator.isWorking,
          clock,
          log,
          maxJobTopics: config.maxJobTopics,
        });
      },
    },
    {
      provide: JobCreation,
      inject: [JobStore, JobWriter, JOB_NOTIFIER, TopicAdmin, SpareTopics, LOG],
      useFactory: (
        store: JobStore,
        writer: JobWriter,
        notifier: JobNotifier,
        topics: TopicAdmin,
        spares: SpareTopics,
        log: Logger,
      ) => new JobCreation({ store, writer, notifier, topics, spares, owner, log }),
    },
    {
      provide: JobRemoval,
      inject: [RemovalStore, JobCreation, JobEventPublisher, TopicAdmin, FILE_STORE, KafkaProbe, LOG],
      useFactory: (
        rows: RemovalStore,
        creation: JobCreation,
        events: JobEventPublisher,
        topics: TopicAdmin,
        files: FileStore,
        kafka: KafkaProbe,
        log: Logger,
      ) =>
        new JobRemoval({
          rows,
          creation,
          topics,
          files,
          clock,
          log,
          publishTombstone: (jobId) => events.publishTombstone(jobId),
          checkKafka: () => kafka.check(),
        }),
    },
    {
      provide: JobExpiry,
      inject: [DATABASE, JobStore, JobWriter, JobCommands, TopicAdmin, HealthDetails, LOG, CONFIG],
      useFactory: (
        db: Database,
        store: JobStore,
        writer: JobWriter,
        commands: JobCommands,
        topics: TopicAdmin,
        health: HealthDetails,
        log: Logger,
        config: Config,
      ) => {
        const kafka = createKafka(config.kafka);
        const rows = new ExpiryStore(db);
        const expiry = new JobExpiry({
          rows,
          commands,
          topics: new TopicExpiry({ rows, store, writer, topics, log }),
          clock,
          brokerTime: () => readBrokerTime(kafka, topics),
          log,
          keepMs: config.jobKeepDays * DAY_MS,
        });
        health.add('purge', () => expiry.trouble());
        return expiry;
      },
    },
    {
      provide: JobQueries,
      inject: [JobStore],
      useFactory: (store: JobStore) => new JobQueries(store, clock),
    },
    {
      provide: UploadReceiver,
      inject: [FILE_STORE, ModelService, JobStore, UPLOAD_LIMIT, CONFIG],
      useFactory: (
        files: FileStore,
        models: ModelService,
        store: JobStore,
        concurrency: ConcurrencyLimit,
        { maxUploadBytes: maxFileBytes, uploadPace: pace }: Config,
      ) =>
        new UploadReceiver(
          files,
          { maxFileBytes, pace, concurrency },
          (...given) => admitJob(models, ...given),
          (jobId) => keptFile(store, jobId),
        ),
    },
    {
      provide: RejectedRows,
      inject: [KafkaProbe, TopicAdmin, CONFIG],
      useFactory: (probe: KafkaProbe, topics: TopicAdmin, { kafka }: Config) =>
        new RejectedRows(createKafka(kafka), probe, topics),
    },
    {
      provide: Downloads,
      inject: [CONFIG],
      useFactory: ({ downloadIdleMs }: Config) => new Downloads(MAX_REJECTED_READERS, downloadIdleMs),
    },
    {
      provide: JobProbe,
      inject: [TopicAdmin, HealthDetails, CONFIG],
      useFactory: (topics: TopicAdmin, health: HealthDetails, { kafka: { topicPrefix } }: Config) => {
        const probe = new JobProbe(() => topics.validateJob(jobNames({ topicPrefix, jobId: newJobId() })));
        health.add('new_jobs', () => probe.trouble());
        return probe;
      },
    },
    JobAdmissionGuard,
    JobsLifecycle,
  ],
})
export class JobsModule {}
