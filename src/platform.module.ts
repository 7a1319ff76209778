import { dirname, join } from 'node:path';
import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Logger } from 'pino';
import { HealthDetails } from './api/health/index.js';
import { ConcurrencyLimit } from './api/index.js';
import { areFilesShared, CONFIG, type Config } from './config/index.js';
import { DATABASE, type Database, openDatabase, openPostgres } from './database/index.js';
import { holdFolder, SqliteThread } from './database/sqlite/index.js';
import {
  ClusterProbe,
  type ClusterState,
  createKafka,
  internalTopicsTrouble,
  KafkaProbe,
  offsetsRetentionTrouble,
  probeId,
  readClusterState,
  serviceTopics,
  TopicAdmin,
  tokenSourceOf,
  topicReplicasTrouble,
  transactionsTrouble,
  transactionTimeoutTrouble,
} from './kafka/index.js';
import { LOG } from './observability/index.js';
import { METRICS, type Metrics } from './observability/metrics/index.js';
import { TRACING, type Tracing } from './observability/tracing/index.js';
import { FILE_STORE, type FileStore, LocalFileStore, S3FileStore } from './storage/index.js';
import { UPLOAD_LIMIT } from './upload/index.js';

/** What every feature stands on: configuration, log, database, uploaded files, the way to Kafka. */
@Module({})
export class PlatformModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly topics: TopicAdmin,
    @Inject(FILE_STORE) private readonly files: FileStore,
    private readonly localFiles: LocalFileStore,
    private readonly cluster: ClusterProbe,
    @Inject(TRACING) private readonly tracing: Tracing,
    @Inject(CONFIG) { spoolKeepHours, kafka }: Config,
    health: HealthDetails,
  ) {
    const ofCluster = (trouble: (state: ClusterState) => string | null) => () =>
      cluster.state === null ? null : trouble(cluster.state);
    health.add('kafka_version', () => topics.knownDefect);
    health.add('topic_configs', () => topics.refusedConfigs);
    health.add('transactions', ofCluster(transactionsTrouble));
    health.add('transaction_timeout', ofCluster(transactionTimeoutTrouble));
    health.add('internal_topics', ofCluster(internalTopicsTrouble));
    health.add(
      'offsets_retention',
      ofCluster((state) => offsetsRetentionTrouble(state, spoolKeepHours)),
    );
    health.add(
      'topic_replicas',
      ofCluster((state) => topicReplicasTrouble(state, kafka.replicationFactor, topics.obtainedReplicas)),
    );
  }

  /** `sqlite`: the database, if it is being opened already. */
  static of(config: Config, log: Logger, metrics: Metrics, tracing: Tracing, sqlite?: SqliteThread): DynamicModule {
    return {
      module: PlatformModule,
      global: true,
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: LOG, useValue: log },
        { provide: METRICS, useValue: metrics },
        { provide: TRACING, useValue: tracing },
        { provide: DATABASE, useFactory: () => openStore(config, log, sqlite) },
        // Only the process that holds the database, or the data folder, may touch the files.
        { provide: LocalFileStore, inject: [DATABASE], useFactory: () => openLocalFiles(config) },
        {
          provide: FILE_STORE,
          inject: [LocalFileStore, DATABASE],
          useFactory: (localFiles: LocalFileStore, database: Database) => openFiles(config, localFiles, database),
        },
        // One for all routes that take files.
        {
          provide: UPLOAD_LIMIT,
          useFactory: () =>
            new ConcurrencyLimit(config.maxUploads, `${config.maxUploads} uploads are under way (MAX_UPLOADS)`),
        },
        {
          provide: TopicAdmin,
          inject: [CONFIG],
          useFactory: ({ kafka }: Config) =>
            new TopicAdmin(createKafka(kafka), serviceTopics(kafka.topicPrefix), kafka.replicationFactor),
        },
        {
          provide: KafkaProbe,
          inject: [TopicAdmin],
          useFactory: (topics: TopicAdmin) => createProbe(config, topics),
        },
        {
          provide: ClusterProbe,
          useFactory: () => {
            const kafka = createKafka(config.kafka);
            return new ClusterProbe(() => readClusterState(kafka, probeId(config.kafka.topicPrefix)));
          },
        },
      ],
      exports: [
        CONFIG,
        LOG,
        METRICS,
        TRACING,
        DATABASE,
        FILE_STORE,
        LocalFileStore,
        UPLOAD_LIMIT,
        TopicAdmin,
        KafkaProbe,
        ClusterProbe,
      ],
    };
  }

  /** Nobody waits for it: the first upload finds what it says, if it is there by then. */
  onApplicationBootstrap(): void {
    void this.cluster.look();
  }

  /** The last step of a shutdown: nobody uses the database any more. */
  async onApplicationShutdown(): Promise<void> {
    await this.topics.close();
    await this.files.close();
    if (this.files !== this.localFiles) await this.localFiles.close();
    await this.database.destroy();
    await this.tracing.close();
  }
}

/** The database, held for this process alone, as is the data folder. */
async function openStore(config: Config, log: Logger, sqlite?: SqliteThread): Promise<Database> {
  const { role, dataDir, database, migrate } = config;
  const isFolderHeld = database.kind === 'sqlite' && dirname(database.file) === dataDir;
  // Until the process ends. A worker has nothing there.
  if (!isFolderHeld && role !== 'worker') holdFolder(dataDir);
  if (database.kind === 'sqlite') return openDatabase(sqlite ?? new SqliteThread(dataDir, database), migrate);
  const onIdleError = (error: Error): void => log.warn({ err: error }, 'a connection to the database has ended');
  return openPostgres({ url: database.url, onIdleError }, migrate);
}

function createProbe({ kafka: { brokers, sasl } }: Config, topics: TopicAdmin): KafkaProbe {
  const tokens = sasl === null || 'username' in sasl ? null : tokenSourceOf(sasl);
  return new KafkaProbe(() => topics.ping(), brokers, tokens);
}

/**
 * The folder of files that this process alone has. Files whose schema is inferred are always here: the process that reads
 * them knows no secrets. Those of jobs are, too, unless other processes may use them.
 */
async function openLocalFiles(config: Config): Promise<LocalFileStore> {
  const { role, storage, dataDir, minFreeBytes } = config;
  const others = join(dataDir, storage.kind === 'local' ? 'samples' : 'spool');
  const folder = storage.kind === 'local' && !areFilesShared(config) ? storage.folder : others;
  const files = new LocalFileStore(folder, minFreeBytes);
  if (role === 'worker') return files; // it takes none
  await files.open();
  await files.removeUncommitted();
  return files;
}

async function openFiles(config: Config, localFiles: LocalFileStore, database: Database): Promise<FileStore> {
  if (!areFilesShared(config)) return localFiles;
  const { storage, minFreeBytes, uploadBufferBytes: bufferBytes, maxUploads } = config;
  const { id: installationId } = await database.selectFrom('installation').select('id').executeTakeFirstOrThrow();
  let files: FileStore;
  if (storage.kind === 'local') files = new LocalFileStore(storage.folder, minFreeBytes, installationId);
  else {
    const { kind: _kind, ...settings } = storage;
    files = new S3FileStore({ settings, installationId, bufferBytes, maxUploads });
  }
  await files.open();
  return files;
}
