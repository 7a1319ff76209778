import { randomUUID } from 'node:crypto';
import { Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { CONFIG, type Config } from '../config/index.js';
import { DATABASE, type Database } from '../database/index.js';
import { HealthDetails } from '../health/index.js';
import { type ConcurrencyLimit, Downloads } from '../http/index.js';
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
import { LOG } from '../logging/index.js';
import { ModelService, ModelStore, ModelsModule } from '../models/index.js';
import { RunnerPool } from '../runner/index.js';
import { Spool, UPLOAD_LIMIT, UploadReceiver } from '../upload/index.js';
import { systemClock as clock } from './clock.js';
import { ExpiryStore } from './expiry-store.js';
import { InstallationStore } from './installation-store.js';
import { admitJob, JobAdmissionGuard } from './job-admission.guard.js';
import { JobControl } from './job-control.js';
import { JobCreation } from './job-creation.js';
import { JobExpiry } from './job-expiry.js';
import { newJobId } from './job-id.js';
import { JobIntake } from './job-intake.js';
import { JobLedger } from './job-ledger.js';
import { JobRemoval } from './job-removal.js';
import { JobService } from './job-service.js';
import { JobStore } from './job-store.js';
import { JobSupervisor } from './job-supervisor.js';
import { JobUpkeep } from './job-upkeep.js';
import { JobsController } from './jobs.controller.js';
import { JobsLifecycle } from './jobs-lifecycle.js';
import { keptFile } from './kept-file.js';
import { PrefixOwnership } from './prefix-ownership.js';
import { RejectedRowsController } from './rejected-rows.controller.js';
import { RejectedRows } from './rejected-rows.js';
import { RemovalStore } from './removal-store.js';
import { connectSnapshots } from './snapshot-connection.js';
import { SnapshotPublisher } from './snapshot-publisher.js';
import { SpareStore } from './spare-store.js';
import { SpareTopics } from './spare-topics.js';
import { TopicExpiry } from './topic-expiry.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A runner gives up a broker by itself within a call of KAFKA_UNAVAILABLE_AFTER_MS; one that does not is stuck elsewhere. */
const STALLED_BEYOND_MS = 60_000;
/** Each may hold a page of 8 MiB and a connection to the broker. */
const MAX_REJECTED_READERS = 16;
/** This start of the process, as the owner of what it creates. */
const owner = randomUUID();

@Module({
  imports: [ModelsModule],
  controllers: [JobsController, RejectedRowsController],
  providers: [
    { provide: JobStore, inject: [DATABASE], useFactory: (db: Database) => new JobStore(db, clock) },
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
      provide: SnapshotPublisher,
      inject: [JobStore, TopicAdmin, PrefixOwnership, HealthDetails, LOG, CONFIG],
      useFactory: (
        store: JobStore,
        topics: TopicAdmin,
        ownership: PrefixOwnership,
        health: HealthDetails,
        log: Logger,
        { kafka }: Config,
      ) => {
        const publisher = new SnapshotPublisher({
          store,
          topic: topics.service.jobs,
          ensureTopic: () => ownership.check(),
          connect: () => connectSnapshots(kafka, topics.service.jobs),
          clock,
          log,
        });
        health.add('job_snapshots', () => publisher.trouble());
        return publisher;
      },
    },
    {
      provide: JobLedger,
      inject: [JobStore, SnapshotPublisher],
      useFactory: (store: JobStore, snapshots: SnapshotPublisher) => new JobLedger(store, snapshots, clock),
    },
    {
      provide: JobSupervisor,
      inject: [JobStore, JobLedger, ModelStore, Spool, LOG, CONFIG],
      useFactory: (
        store: JobStore,
        ledger: JobLedger,
        models: ModelStore,
        spool: Spool,
        log: Logger,
        { kafka }: Config,
      ) => new JobSupervisor({ store, ledger, models, spool, clock, log, maxStalledMs: kafka.unavailableAfterMs }),
    },
    {
      provide: RunnerPool,
      inject: [JobSupervisor, LOG, CONFIG],
      useFactory: (host: JobSupervisor, log: Logger, config: Config) =>
        new RunnerPool({
          host,
          log,
          size: config.jobConcurrency,
          maxRssBytes: config.runnerMaxRssBytes,
          stalledMs: config.kafka.unavailableAfterMs + STALLED_BEYOND_MS,
        }),
    },
    {
      provide: JobControl,
      inject: [JobStore, JobLedger, JobSupervisor, Spool, ClusterProbe],
      useFactory: (
        store: JobStore,
        ledger: JobLedger,
        supervisor: JobSupervisor,
        spool: Spool,
        cluster: ClusterProbe,
      ) => new JobControl({ store, ledger, supervisor, spool, clock, requireKafka: () => cluster.check() }),
    },
    {
      provide: JobUpkeep,
      inject: [JobStore, JobLedger, JobSupervisor, RemovalStore, Spool, KafkaProbe, LOG, CONFIG],
      useFactory: (
        store: JobStore,
        ledger: JobLedger,
        supervisor: JobSupervisor,
        removals: RemovalStore,
        spool: Spool,
        kafka: KafkaProbe,
        log: Logger,
        config: Config,
      ) =>
        new JobUpkeep({
          store,
          ledger,
          supervisor,
          removals,
          spool,
          clock,
          log,
          checkKafka: () => kafka.check(),
          spoolKeepMs: config.spoolKeepHours * HOUR_MS,
        }),
    },
    {
      provide: JobIntake,
      inject: [ModelService, JobStore, JobCreation, CONFIG],
      useFactory: (models: ModelService, store: JobStore, creation: JobCreation, { kafka: { topicPrefix } }: Config) =>
        new JobIntake({ models, store, creation, topicPrefix }),
    },
    {
      provide: SpareTopics,
      inject: [DATABASE, RemovalStore, JobSupervisor, LOG, CONFIG],
      useFactory: (db: Database, rows: RemovalStore, supervisor: JobSupervisor, log: Logger, config: Config) => {
        const { topicPrefix, replicationFactor } = config.kafka;
        const spares = new SpareStore(db, { topicPrefix, owner });
        // On a connection of its own: a broker answers the requests of one in turn, and uploads are not to wait.
        const topics = new TopicAdmin(createKafka(config.kafka), serviceTopics(topicPrefix), replicationFactor);
        return new SpareTopics({
          spares,
          rows,
          topics,
          isWorking: () => supervisor.isWorking,
          clock,
          log,
          maxJobTopics: config.maxJobTopics,
        });
      },
    },
    {
      provide: JobCreation,
      inject: [JobStore, JobControl, TopicAdmin, SpareTopics, LOG],
      useFactory: (store: JobStore, control: JobControl, topics: TopicAdmin, spares: SpareTopics, log: Logger) =>
        new JobCreation({ store, control, topics, spares, owner, log }),
    },
    {
      provide: JobRemoval,
      inject: [RemovalStore, JobCreation, SnapshotPublisher, TopicAdmin, Spool, KafkaProbe, LOG],
      useFactory: (
        rows: RemovalStore,
        creation: JobCreation,
        snapshots: SnapshotPublisher,
        topics: TopicAdmin,
        spool: Spool,
        kafka: KafkaProbe,
        log: Logger,
      ) =>
        new JobRemoval({
          rows,
          creation,
          topics,
          spool,
          clock,
          log,
          publishTombstone: (jobId) => snapshots.publishTombstone(jobId),
          checkKafka: () => kafka.check(),
        }),
    },
    {
      provide: JobExpiry,
      inject: [DATABASE, JobStore, JobLedger, JobControl, JobRemoval, TopicAdmin, HealthDetails, LOG, CONFIG],
      useFactory: (
        db: Database,
        store: JobStore,
        ledger: JobLedger,
        control: JobControl,
        removal: JobRemoval,
        topics: TopicAdmin,
        health: HealthDetails,
        log: Logger,
        config: Config,
      ) => {
        const kafka = createKafka(config.kafka);
        const rows = new ExpiryStore(db);
        const expiry = new JobExpiry({
          rows,
          control,
          removal,
          topics: new TopicExpiry({ rows, store, ledger, topics, log }),
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
      provide: JobService,
      inject: [JobStore, JobIntake, JobControl, JobRemoval],
      useFactory: (store: JobStore, intake: JobIntake, control: JobControl, removal: JobRemoval) =>
        new JobService({ store, intake, control, removal, clock }),
    },
    {
      provide: UploadReceiver,
      inject: [Spool, ModelService, JobStore, UPLOAD_LIMIT, CONFIG],
      useFactory: (
        spool: Spool,
        models: ModelService,
        store: JobStore,
        concurrency: ConcurrencyLimit,
        { maxUploadBytes: maxFileBytes, uploadPace: pace }: Config,
      ) =>
        new UploadReceiver(
          spool,
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
