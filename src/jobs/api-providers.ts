import type { Provider } from '@nestjs/common';
import type { Logger } from 'pino';
import { HealthDetails } from '../api/health/index.js';
import { type ConcurrencyLimit, Downloads } from '../api/index.js';
import { areFilesShared, CONFIG, type Config } from '../config/index.js';
import { DATABASE, type Database } from '../database/index.js';
import {
  ClusterProbe,
  createKafka,
  JobProbe,
  jobNames,
  KafkaProbe,
  readBrokerTime,
  serviceTopics,
  TopicAdmin,
} from '../kafka/index.js';
import { ModelService } from '../models/index.js';
import { LOG } from '../observability/index.js';
import { METRICS, type Metrics } from '../observability/metrics/index.js';
import { TRACING, type Tracing } from '../observability/tracing/index.js';
import { Sources } from '../sources/index.js';
import { FILE_STORE, type FileStore, LocalFileStore, untracked } from '../storage/index.js';
import { UPLOAD_LIMIT, UploadReceiver } from '../upload/index.js';
import { JobAdmission } from './coordination/admission.js';
import { ClusterMetrics } from './coordination/cluster-metrics.js';
import { JobCommands } from './coordination/commands.js';
import { JobCreation } from './coordination/creation.js';
import { DeadJobs } from './coordination/dead-jobs.js';
import { JobExpiry } from './coordination/expiry.js';
import { JobFiles } from './coordination/job-files.js';
import { JobTraces } from './coordination/job-traces.js';
import { JobWorker } from './coordination/job-worker.js';
import { JobWriter } from './coordination/job-writer.js';
import { keptFile } from './coordination/kept-file.js';
import { type ConfirmedLeader, LEADER, type Leader, Leadership } from './coordination/leadership.js';
import { JobMaintenance } from './coordination/maintenance.js';
import { PrefixOwnership } from './coordination/prefix-ownership.js';
import { JobRemoval } from './coordination/removal.js';
import { SinkCommands } from './coordination/sink-commands.js';
import { SinkTopics } from './coordination/sink-topics.js';
import { SpareTopics } from './coordination/spare-topics.js';
import { JobSubmission } from './coordination/submission.js';
import { TopicExpiry } from './coordination/topic-expiry.js';
import { JobUploads } from './coordination/uploads.js';
import { systemClock as clock } from './domain/clock.js';
import { newJobId } from './domain/job-id.js';
import { connectJobEvents } from './events/producer.js';
import { JobEventPublisher } from './events/publisher.js';
import { JobAccessGuard } from './http/job-access.guard.js';
import { admitJob, JobAdmissionGuard } from './http/job-admission.guard.js';
import { JobQueries } from './http/job-queries.js';
import { RejectedRows } from './http/rejected-rows.js';
import { replaceDeadJobs } from './queue/bullmq/dead-jobs-queue.js';
import { JOB_NOTIFIER, type JobNotifier } from './queue/job-notifier.js';
import { owner } from './shared-providers.js';
import { ExpiryStore } from './store/expiry-store.js';
import { FileRows } from './store/file-rows.js';
import { JobStore } from './store/job-store.js';
import { LeaderStore } from './store/leader-store.js';
import { RemovalStore } from './store/removal-store.js';
import { SinkStore } from './store/sink-store.js';
import { SpareStore } from './store/spare-store.js';
import { StatisticsStore } from './store/statistics-store.js';
import { UploadStore } from './store/upload-store.js';
import { WorkerStore } from './store/worker-store.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Each may hold a page of 8 MiB and a connection to the broker. */
const MAX_REJECTED_READERS = 16;

/** What a process needs that takes requests; it also publishes job events, and removes what is to go. */
export const apiProviders: Provider[] = [
  {
    provide: LEADER,
    inject: [DATABASE, LOG, CONFIG],
    useFactory: (db: Database, log: Logger, { database }: Config): ConfirmedLeader =>
      // Nobody else is there to lead.
      database.kind === 'sqlite'
        ? { epoch: 1, confirm: () => Promise.resolve(1) }
        : new Leadership({ store: new LeaderStore(db, 'leader', clock), owner, clock, log }),
  },
  { provide: RemovalStore, inject: [DATABASE], useFactory: (db: Database) => new RemovalStore(db) },
  {
    // null: this process alone has the files.
    provide: JobUploads,
    inject: [FILE_STORE, UploadStore, LOG, CONFIG],
    useFactory: (files: FileStore, rows: UploadStore, log: Logger, config: Config) =>
      areFilesShared(config) ? new JobUploads({ files, rows, clock, log }) : null,
  },
  {
    provide: JobEventPublisher,
    inject: [JobStore, TopicAdmin, PrefixOwnership, LEADER, HealthDetails, METRICS, LOG, CONFIG],
    useFactory: (
      store: JobStore,
      topics: TopicAdmin,
      ownership: PrefixOwnership,
      leader: ConfirmedLeader,
      health: HealthDetails,
      metrics: Metrics,
      log: Logger,
      { kafka, database }: Config,
    ) => {
      const publisher = new JobEventPublisher({
        store,
        topic: topics.service.jobs,
        ensureTopic: () => ownership.check(),
        connect: () => connectJobEvents(kafka, topics.service.jobs),
        leader,
        othersWrite: database.kind !== 'sqlite',
        clock,
        log,
        metrics,
      });
      health.add('job_events', () => publisher.trouble());
      return publisher;
    },
  },
  { provide: StatisticsStore, inject: [DATABASE], useFactory: (db: Database) => new StatisticsStore(db, clock) },
  {
    provide: ClusterMetrics,
    inject: [StatisticsStore, METRICS, LEADER, LOG, CONFIG],
    useFactory: (
      statistics: StatisticsStore,
      metrics: Metrics,
      leader: Leader,
      log: Logger,
      { maxJobTopics, sinks }: Config,
    ) => new ClusterMetrics({ statistics, metrics, leader, clock, log, maxJobTopics, sinks: [...sinks.urls.keys()] }),
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
    inject: [JobStore, JobWriter, RemovalStore, FileRows, LocalFileStore, JobFiles, LEADER, LOG, CONFIG],
    useFactory: (
      store: JobStore,
      writer: JobWriter,
      removals: RemovalStore,
      fileRows: FileRows,
      localFiles: LocalFileStore,
      jobFiles: JobFiles | null,
      leader: Leader,
      log: Logger,
      config: Config,
    ) =>
      new JobMaintenance({
        store,
        writer,
        removals,
        fileRows,
        files: jobFiles ?? localFiles,
        ownFiles: jobFiles === null ? localFiles : null,
        sweep: async () => jobFiles?.sweep(),
        leader,
        clock,
        log,
        isAlone: config.database.kind === 'sqlite',
        spoolKeepMs: config.spoolKeepHours * HOUR_MS,
      }),
  },
  {
    provide: Sources,
    inject: [CONFIG],
    useFactory: ({ sources }: Config) => new Sources(sources),
  },
  {
    provide: JobSubmission,
    inject: [ModelService, JobStore, JobCreation, JobTraces, CONFIG],
    useFactory: (
      models: ModelService,
      store: JobStore,
      creation: JobCreation,
      traces: JobTraces,
      { kafka, sinks }: Config,
    ) => new JobSubmission({ models, store, creation, traces, topicPrefix: kafka.topicPrefix, sinks }),
  },
  {
    provide: SpareTopics,
    inject: [DATABASE, RemovalStore, { token: JobWorker, optional: true }, LOG, CONFIG],
    useFactory: (db: Database, rows: RemovalStore, worker: JobWorker | undefined, log: Logger, config: Config) => {
      const { topicPrefix, replicationFactor } = config.kafka;
      const spares = new SpareStore(db, { topicPrefix, owner, isAlone: config.database.kind === 'sqlite' });
      // On a separate connection: a broker answers the requests of one in turn, and uploads must not wait.
      const topics = new TopicAdmin(createKafka(config.kafka), serviceTopics(topicPrefix), replicationFactor);
      return new SpareTopics({
        spares,
        rows,
        topics,
        isWorking: () => worker?.isWorking ?? false,
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
    ) => new JobCreation({ store, writer, notifier, topics, spares, owner, clock, log }),
  },
  {
    provide: JobRemoval,
    inject: [RemovalStore, JobCreation, JobEventPublisher, TopicAdmin, FILE_STORE, KafkaProbe, LEADER, LOG],
    useFactory: (
      rows: RemovalStore,
      creation: JobCreation,
      events: JobEventPublisher,
      topics: TopicAdmin,
      files: FileStore,
      kafka: KafkaProbe,
      leader: Leader,
      log: Logger,
    ) =>
      new JobRemoval({
        leader,
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
    inject: [DATABASE, JobStore, JobWriter, JobCommands, TopicAdmin, HealthDetails, LEADER, LOG, CONFIG],
    useFactory: (
      db: Database,
      store: JobStore,
      writer: JobWriter,
      commands: JobCommands,
      topics: TopicAdmin,
      health: HealthDetails,
      leader: Leader,
      log: Logger,
      config: Config,
    ) => {
      const kafka = createKafka(config.kafka);
      const rows = new ExpiryStore(db);
      const expiry = new JobExpiry({
        leader,
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
    provide: SinkCommands,
    inject: [JobStore, SinkStore, TopicAdmin, JOB_NOTIFIER, JobEventPublisher, CONFIG],
    useFactory: (
      jobs: JobStore,
      sinks: SinkStore,
      topics: TopicAdmin,
      notifier: JobNotifier,
      events: JobEventPublisher,
      { sinks: config }: Config,
    ) => new SinkCommands({ jobs, sinks, topics, notifier, publish: (job) => events.publish(job), config }),
  },
  {
    provide: SinkTopics,
    inject: [SinkStore, TopicAdmin, JobEventPublisher, HealthDetails, LEADER, LOG],
    useFactory: (
      sinks: SinkStore,
      topics: TopicAdmin,
      events: JobEventPublisher,
      health: HealthDetails,
      leader: Leader,
      log: Logger,
    ) => {
      const kept = new SinkTopics({ sinks, topics, publish: (job) => events.publish(job), leader, clock, log });
      health.add('sink_topics', () => kept.trouble());
      return kept;
    },
  },
  {
    // null: there is no Redis.
    provide: DeadJobs,
    inject: [JobStore, LEADER, LOG, CONFIG],
    useFactory: (store: JobStore, leader: Leader, log: Logger, { queueUrl: url, kafka: { topicPrefix } }: Config) =>
      url === null
        ? null
        : new DeadJobs({
            store,
            replace: (...given) => replaceDeadJobs({ url, topicPrefix }, ...given),
            leader,
            clock,
            log,
          }),
  },
  {
    provide: JobQueries,
    inject: [JobStore, WorkerStore],
    useFactory: (store: JobStore, workers: WorkerStore) => new JobQueries(store, workers, clock),
  },
  {
    provide: UploadReceiver,
    inject: [FILE_STORE, JobUploads, ModelService, JobStore, UPLOAD_LIMIT, METRICS, TRACING, CONFIG],
    useFactory: (
      files: FileStore,
      uploads: JobUploads | null,
      models: ModelService,
      store: JobStore,
      concurrency: ConcurrencyLimit,
      metrics: Metrics,
      tracing: Tracing,
      { maxUploadBytes: maxFileBytes, uploadPace: pace }: Config,
    ) =>
      new UploadReceiver(
        uploads ?? untracked(files),
        { maxFileBytes, pace, concurrency, metrics, tracing },
        (...given) => admitJob(models, ...given),
        (...given) => keptFile(store, ...given),
      ),
  },
  {
    provide: RejectedRows,
    inject: [KafkaProbe, TopicAdmin, SinkStore, CONFIG],
    useFactory: (probe: KafkaProbe, topics: TopicAdmin, sinks: SinkStore, { kafka }: Config) =>
      new RejectedRows(createKafka(kafka), probe, topics, sinks),
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
  {
    provide: JobAdmission,
    inject: [KafkaProbe, ClusterProbe, PrefixOwnership, JobProbe, RemovalStore, CONFIG],
    useFactory: (
      kafka: KafkaProbe,
      cluster: ClusterProbe,
      ownership: PrefixOwnership,
      probe: JobProbe,
      rows: RemovalStore,
      config: Config,
    ) => new JobAdmission({ kafka, cluster, ownership, probe, rows, config }),
  },
  JobAccessGuard,
  JobAdmissionGuard,
];
