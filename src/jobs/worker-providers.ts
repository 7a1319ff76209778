import type { Provider } from '@nestjs/common';
import type { Logger } from 'pino';
import { CONFIG, type Config } from '../config/index.js';
import { DATABASE, type Database } from '../database/index.js';
import { KafkaProbe } from '../kafka/index.js';
import { ModelStore } from '../models/index.js';
import { LOG } from '../observability/index.js';
import { ChildProcessLink, RunnerPool } from '../runner/index.js';
import { FILE_STORE, type FileStore } from '../storage/index.js';
import { BrokerWatch } from './coordination/broker-watch.js';
import { ClaimLoop } from './coordination/claim-loop.js';
import { JobCoordinator } from './coordination/coordinator.js';
import { JobFiles } from './coordination/job-files.js';
import { JobWorker } from './coordination/job-worker.js';
import { JobWriter } from './coordination/job-writer.js';
import { LeaseKeeper } from './coordination/lease-keeper.js';
import { systemClock as clock } from './domain/clock.js';
import { JOB_NOTIFIER, type JobNotifier } from './queue/job-notifier.js';
import { owner } from './shared-providers.js';
import { JobStore } from './store/job-store.js';
import { LeaseStore } from './store/lease-store.js';

/** A runner gives up a broker by itself within a call of KAFKA_UNAVAILABLE_AFTER_MS; one that does not is stuck elsewhere. */
const STALLED_BEYOND_MS = 60_000;

/** What a process needs that works on jobs. */
export const workerProviders: Provider[] = [
  { provide: LeaseStore, inject: [DATABASE], useFactory: (db: Database) => new LeaseStore(db, clock) },
  {
    provide: JobCoordinator,
    inject: [JobStore, LeaseStore, JobWriter, ModelStore, FILE_STORE, JobFiles, JOB_NOTIFIER, LOG, CONFIG],
    useFactory: (
      store: JobStore,
      leases: LeaseStore,
      writer: JobWriter,
      models: ModelStore,
      files: FileStore,
      jobFiles: JobFiles | null,
      notifier: JobNotifier,
      log: Logger,
      { kafka, jobMaxAttempts: maxAttempts }: Config,
    ) => {
      const maxStalledMs = kafka.unavailableAfterMs;
      return new JobCoordinator({
        store,
        leases,
        writer,
        models,
        files: jobFiles ?? files,
        notifier,
        owner,
        clock,
        log,
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
    provide: BrokerWatch,
    inject: [JobCoordinator, KafkaProbe, LOG],
    useFactory: (coordinator: JobCoordinator, kafka: KafkaProbe, log: Logger) =>
      new BrokerWatch({ coordinator, checkKafka: () => kafka.check(), clock, log }),
  },
  {
    provide: JobWorker,
    inject: [JobCoordinator, RunnerPool, ClaimLoop, LeaseKeeper, BrokerWatch],
    useFactory: (
      coordinator: JobCoordinator,
      pool: RunnerPool,
      claims: ClaimLoop,
      leases: LeaseKeeper,
      brokers: BrokerWatch,
    ) => new JobWorker({ coordinator, pool, claims, leases, brokers }),
  },
];
