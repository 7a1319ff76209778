import type { Provider } from '@nestjs/common';
import type { Logger } from 'pino';
import { HealthDetails } from '../api/health/index.js';
import { CONFIG, type Config } from '../config/index.js';
import { DATABASE, type Database } from '../database/index.js';
import { KafkaProbe } from '../kafka/index.js';
import { ModelStore } from '../models/index.js';
import { ErrorsLog, LOG } from '../observability/index.js';
import { METRICS, type Metrics } from '../observability/metrics/index.js';
import { TRACING, type Tracing } from '../observability/tracing/index.js';
import { ChildProcessLink, RunnerPool } from '../runner/index.js';
import { SinkProcess } from '../sinks/index.js';
import { FILE_STORE, type FileStore } from '../storage/index.js';
import { BrokerWatch } from './coordination/broker-watch.js';
import { ClaimLoop } from './coordination/claim-loop.js';
import { JobCoordinator } from './coordination/coordinator.js';
import { JobFiles } from './coordination/job-files.js';
import { JobMetrics } from './coordination/job-metrics.js';
import { JobTraces } from './coordination/job-traces.js';
import { JobWorker } from './coordination/job-worker.js';
import { JobWriter } from './coordination/job-writer.js';
import { LeaseKeeper } from './coordination/lease-keeper.js';
import { SinkWorker } from './coordination/sink-worker.js';
import { SinkWorkers } from './coordination/sink-workers.js';
import { WorkerPresence } from './coordination/worker-presence.js';
import { systemClock as clock } from './domain/clock.js';
import { JobEventPublisher } from './events/publisher.js';
import { JOB_NOTIFIER, type JobNotifier } from './queue/job-notifier.js';
import { owner } from './shared-providers.js';
import { JobStore } from './store/job-store.js';
import { LeaseStore } from './store/lease-store.js';
import { SinkStore } from './store/sink-store.js';
import { WorkerStore } from './store/worker-store.js';

/** A runner gives up a broker by itself within a call of KAFKA_UNAVAILABLE_AFTER_MS; one that does not is stuck elsewhere. */
const STALLED_BEYOND_MS = 60_000;

/** What a process needs that works on jobs. */
export const workerProviders: Provider[] = [
  { provide: LeaseStore, inject: [DATABASE], useFactory: (db: Database) => new LeaseStore(db, clock) },
  {
    provide: JobCoordinator,
    inject: [
      ...[JobStore, LeaseStore, JobWriter, ModelStore, FILE_STORE, JobFiles, JOB_NOTIFIER, SinkStore],
      ...[JobMetrics, JobTraces, LOG, CONFIG],
    ],
    useFactory: (
      store: JobStore,
      leases: LeaseStore,
      writer: JobWriter,
      models: ModelStore,
      files: FileStore,
      jobFiles: JobFiles | null,
      notifier: JobNotifier,
      sinks: SinkStore,
      metrics: JobMetrics,
      traces: JobTraces,
      log: Logger,
      { kafka, jobMaxAttempts: maxAttempts, sources: { allowed: sources } }: Config,
    ) => {
      const maxStalledMs = kafka.unavailableAfterMs;
      return new JobCoordinator({
        store,
        leases,
        writer,
        models,
        files: jobFiles ?? files,
        notifier,
        sinks,
        owner,
        sources,
        clock,
        log,
        metrics,
        traces,
        maxStalledMs,
        maxAttempts,
      });
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
  {
    // null: nobody keeps it.
    provide: ErrorsLog,
    inject: [HealthDetails, METRICS, LOG, CONFIG],
    useFactory: (health: HealthDetails, metrics: Metrics, log: Logger, { errorsLog }: Config) => {
      if (errorsLog === null) return null;
      const count = (result: string, rows: number): void => metrics.errorsLogRows.inc({ result }, rows);
      const writer = new ErrorsLog({ ...errorsLog, log, count });
      health.add('errors_log', () => writer.trouble());
      return writer;
    },
  },
  {
    provide: RunnerPool,
    inject: [JobCoordinator, ErrorsLog, METRICS, LOG, CONFIG],
    useFactory: (host: JobCoordinator, errorsLog: ErrorsLog | null, metrics: Metrics, log: Logger, config: Config) =>
      new RunnerPool({
        host,
        startRunner: (events) => new ChildProcessLink(events),
        log,
        metrics,
        size: config.jobConcurrency,
        maxRssBytes: config.runnerMaxRssBytes,
        stalledMs: config.kafka.unavailableAfterMs + STALLED_BEYOND_MS,
        errorsLog,
      }),
  },
  {
    provide: BrokerWatch,
    inject: [JobCoordinator, KafkaProbe, LOG],
    useFactory: (coordinator: JobCoordinator, kafka: KafkaProbe, log: Logger) =>
      new BrokerWatch({ coordinator, checkKafka: () => kafka.check(), clock, log }),
  },
  {
    provide: SinkWorkers,
    inject: [
      JobStore,
      SinkStore,
      ModelStore,
      JOB_NOTIFIER,
      { token: JobEventPublisher, optional: true },
      HealthDetails,
      METRICS,
      TRACING,
      LOG,
      CONFIG,
    ],
    useFactory: (
      jobs: JobStore,
      sinks: SinkStore,
      models: ModelStore,
      notifier: JobNotifier,
      events: JobEventPublisher | undefined,
      health: HealthDetails,
      metrics: Metrics,
      tracing: Tracing,
      log: Logger,
      config: Config,
    ) => {
      const { urls, concurrency, maxRssBytes } = config.sinks;
      const workers = [...urls.keys()].map((name) => {
        const worker = new SinkWorker({
          name,
          startProcess: (told) => new SinkProcess({ name, log, maxRssBytes }, told),
          sinks,
          jobs,
          models,
          publish: (job) => events?.publish(job),
          owner,
          clock,
          log,
          metrics,
          tracing,
          concurrency,
          isAlone: config.database.kind === 'sqlite',
        });
        health.add(`sink_${name}`, () => worker.trouble());
        return worker;
      });
      metrics.gauge(
        'batch_sink_up',
        '0 while nothing is loaded because the sink does not answer.',
        () => workers.map((worker) => ({ labels: { sink: worker.name }, value: Number(worker.trouble() === null) })),
        ['sink'],
      );
      return new SinkWorkers(workers, notifier, log);
    },
  },
  {
    provide: JobWorker,
    inject: [
      ...[JobCoordinator, RunnerPool, ClaimLoop, LeaseKeeper, BrokerWatch, SinkWorkers, WorkerStore, ErrorsLog],
      ...[LOG, CONFIG],
    ],
    useFactory: (
      coordinator: JobCoordinator,
      pool: RunnerPool,
      claims: ClaimLoop,
      leases: LeaseKeeper,
      brokers: BrokerWatch,
      sinks: SinkWorkers,
      workers: WorkerStore,
      errorsLog: ErrorsLog | null,
      log: Logger,
      { sources: { allowed } }: Config,
    ) => {
      const presence = new WorkerPresence({ workers, owner, sources: allowed, clock, log });
      return new JobWorker({ coordinator, pool, claims, leases, brokers, sinks, presence, errorsLog });
    },
  },
];
