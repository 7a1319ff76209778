import { resolve } from 'node:path';
import type { SourceSettings } from '../sources/index.js';
import { type DatabaseConfig, readDatabase } from './database.js';
import { type KafkaSasl, readKafkaSasl } from './kafka-sasl.js';
import { type KafkaTls, readKafkaTls } from './kafka-tls.js';
import { readQueueUrl } from './queue.js';
import { readSinks, SINK_DDL, type SinkDdl, type SinksConfig } from './sinks.js';
import { readSources } from './sources.js';
import { readStorage, type StorageConfig } from './storage.js';
import { readTracing, type TracingConfig } from './tracing.js';

/** The whole configuration, read once at start from the environment; nothing else reads process.env. */
export interface Config {
  /**
   * ROLE: what this process does. `api` takes requests, `worker` works on jobs, `all` does both. Processes that share a
   * PostgreSQL share the storage of files, too.
   */
  readonly role: Role;
  /** HOST: the address to listen on. */
  readonly host: string;
  /**
   * AUTH: `keys`: requests need an API key. `none`: whoever reaches the service may do everything. By default `none` if HOST is
   * this machine alone, else `keys`.
   */
  readonly auth: 'keys' | 'none';
  /**
   * RATE_LIMIT: requests a minute that a process takes from one client; by default none are refused with AUTH=none. RATE_LIMIT_WRONG_KEYS:
   * wrong keys a minute that it takes from one address. 0: no limit.
   */
  readonly rateLimits: { readonly requests: number; readonly wrongKeys: number };
  /** PORT, or METRICS_PORT of a worker, which serves only /healthz, /readyz and /metrics there: 0 lets the system choose. */
  readonly port: number;
  /** DRAIN_MS: an API that is told to stop still answers for this time, while /readyz sends new requests to others. */
  readonly drainMs: number;
  /** ALLOWED_HOSTS: host names (comma-separated, without port) served beside the localhost names and HOST; `*`: any. */
  readonly allowedHosts: readonly string[];
  /** ALLOWED_ORIGINS: origins (comma-separated) whose web pages may make requests, beside the service's own. */
  readonly allowedOrigins: readonly string[];
  /** DATA_DIR: database and, by default, uploaded files; one process per directory. */
  readonly dataDir: string;
  /**
   * DATABASE_URL: `postgres://…` or `sqlite:<path>`, by default SQLite in DATA_DIR. DATABASE_DIRECT_URL: a way to the
   * PostgreSQL without a pooler, for notifications.
   */
  readonly database: DatabaseConfig;
  /** QUEUE_URL: `redis://…` or `rediss://…` of a Redis that tells workers of jobs, may hold a password; null: the database does. */
  readonly queueUrl: string | null;
  /** MIGRATE: `off` refuses to start on tables that are not up to date; `node dist/main.js migrate` brings them there. */
  readonly migrate: 'on' | 'off';
  /**
   * STORAGE_URL: `file:<path>` or `s3://<bucket>/<prefix>`, by default a folder in DATA_DIR. S3_ENDPOINT: a server other
   * than Amazon's. S3_PATH_STYLE: the bucket is a part of the path, by default if there is an endpoint.
   */
  readonly storage: StorageConfig;
  /** UPLOAD_BUFFER_BYTES: memory for parts of uploads on their way to S3, in bytes; at least 1 MiB for each of MAX_UPLOADS. */
  readonly uploadBufferBytes: number;
  /** LOG_LEVEL: fatal, error, warn, info, debug, trace, silent. */
  readonly logLevel: string;
  /**
   * ERRORS_LOG: file with a line for each rejected row; null: none. ERRORS_LOG_MAX_BYTES: the size at which it is rotated.
   * ERRORS_LOG_FILES: how many of these files are kept.
   */
  readonly errorsLog: { readonly path: string; readonly maxBytes: number; readonly files: number } | null;
  /** MAX_UPLOAD_BYTES: the largest file, in bytes. */
  readonly maxUploadBytes: number;
  /** MIN_FREE_BYTES: an upload that would leave less free disk is refused. */
  readonly minFreeBytes: number;
  /** MAX_UPLOADS: how many uploads are received at a time. */
  readonly maxUploads: number;
  /**
   * UPLOAD_IDLE_MS: an upload that sends no byte for this time is ended. MIN_UPLOAD_RATE: so is one that sends fewer bytes
   * per second over 60 s (or ten UPLOAD_IDLE_MS, if that is less); 0: no minimum.
   */
  readonly uploadPace: { readonly idleMs: number; readonly minBytesPerSecond: number };
  /** MAX_JOB_TOPICS: maximum number of topics of jobs; a new job beyond it is refused. Each has two until it is purged or they are empty. */
  readonly maxJobTopics: number;
  /** DOWNLOAD_IDLE_MS: a client that reads no byte of rejected rows for this time is disconnected. */
  readonly downloadIdleMs: number;
  /** SPOOL_KEEP_HOURS: how long the file of a job is kept that has ended otherwise than SUCCESS. */
  readonly spoolKeepHours: number;
  /** JOB_KEEP_DAYS: number of days after its end at which a job is purged; 0: never. */
  readonly jobKeepDays: number;
  /** How long a feed remembers a file that is not listed any more, in days. */
  readonly feedHistoryDays: number;
  /** JOB_MAX_ATTEMPTS: a job that meets system errors fails after this number of them without a commit. */
  readonly jobMaxAttempts: number;
  /** JOB_CONCURRENCY: runner processes, and so jobs at a time. */
  readonly jobConcurrency: number;
  /**
   * MAX_DECOMPRESSED_BYTES: the largest file after decompression. MAX_DECOMPRESSION_RATIO: the most decompressed bytes
   * to one compressed byte, counted beyond the first 64 MiB. A job that passes either fails.
   */
  readonly decompression: { readonly maxBytes: number; readonly maxRatio: number };
  /** RUNNER_MAX_RSS_BYTES: a runner above it is killed. */
  readonly runnerMaxRssBytes: number;
  readonly sinks: SinksConfig;
  /** OpenTelemetry's OTEL_…; null: no traces. */
  readonly tracing: TracingConfig | null;
  /**
   * SOURCES: prefixes of the URIs that jobs may read files from. SOURCE_CONNECTIONS: a YAML file that says how they are
   * reached. MAX_SOURCE_BYTES: the largest of these files.
   */
  readonly sources: SourceSettings;
  readonly kafka: KafkaConfig;
}

export type Role = (typeof ROLES)[number];

export interface KafkaConfig {
  /** KAFKA_BROKERS (alias KAFKA_BOOTSTRAP): comma-separated host:port. */
  readonly brokers: readonly string[];
  /** KAFKA_CLIENT_ID. */
  readonly clientId: string;
  /** KAFKA_TOPIC_PREFIX: what the names of topics, groups and transactional ids begin with. */
  readonly topicPrefix: string;
  /** KAFKA_ADOPT_PREFIX: the prefix is taken over if it is another installation's. */
  readonly adoptPrefix: boolean;
  /** KAFKA_REPLICATION_FACTOR: of the topics that are created; the broker's own if fewer brokers are registered. */
  readonly replicationFactor: number;
  /** KAFKA_UNAVAILABLE_AFTER_MS: a running job fails after this time without a commit, see also `limitsOf`. */
  readonly unavailableAfterMs: number;
  /**
   * KAFKA_SSL: TLS to every broker, whose certificate must be valid for its advertised name; null: plain TCP.
   * KAFKA_SSL_CA: path of a PEM file with the certificate authorities to trust instead of the well-known ones.
   * KAFKA_SSL_CERT, KAFKA_SSL_KEY: paths of PEM files for a client certificate. Files are read once, at start.
   */
  readonly tls: KafkaTls | null;
  /**
   * KAFKA_SASL_MECHANISM: null: no authentication. plain, scram-sha-256, scram-sha-512 by KAFKA_SASL_USERNAME and
   * KAFKA_SASL_PASSWORD; oauthbearer by KAFKA_SASL_OAUTHBEARER_…; aws-msk-iam in KAFKA_SASL_AWS_REGION (or AWS_REGION),
   * with TLS. Without TLS, `plain` and `oauthbearer` send password and token in clear text.
   */
  readonly sasl: KafkaSasl | null;
}

/** No `__` first, which stands for Kafka's own topics, and no prefix of dots alone. */
const TOPIC_PREFIX = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
/** A topic's name may have 249 characters: `<prefix>_<8 of the job's id>_dlq`. */
const MAX_PREFIX = 249 - '_12345678_dlq'.length;
const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const GB = 1e9;
const ROLES = ['all', 'api', 'worker'] as const;
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

/** Reads and checks the environment. Throws one Error that names every variable at fault. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];

  const integer = (name: string, fallback: number, min: number, max = Number.MAX_SAFE_INTEGER): number => {
    const text = env[name]?.trim();
    if (!text) return fallback;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    problems.push(`${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`);
    return fallback;
  };
  const oneOf = (name: string, fallback: string, allowed: readonly string[]): string => {
    const text = env[name]?.trim();
    if (!text) return fallback;
    if (allowed.includes(text)) return text;
    problems.push(`${name} must be one of ${allowed.join(', ')}, not ${JSON.stringify(text)}`);
    return fallback;
  };
  const brokers = (): string[] => {
    const text = env['KAFKA_BROKERS']?.trim() || env['KAFKA_BOOTSTRAP']?.trim() || '127.0.0.1:9092';
    const list = text.split(',').map((entry) => entry.trim());
    for (const entry of list) {
      const port = Number(/^(?:\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):(\d{1,5})$/.exec(entry)?.[1]);
      if (!(port >= 1 && port <= 65_535)) {
        problems.push(`KAFKA_BROKERS must be host:port, comma-separated, not ${JSON.stringify(entry)}`);
      }
    }
    return list;
  };

  const topicPrefix = (): string => {
    const prefix = env['KAFKA_TOPIC_PREFIX']?.trim() || 'batch';
    if (!TOPIC_PREFIX.test(prefix) || prefix.length > MAX_PREFIX) {
      problems.push(
        `KAFKA_TOPIC_PREFIX must be at most ${MAX_PREFIX} letters, digits, dots, underscores and hyphens, with a letter or digit first, not ${JSON.stringify(prefix)}`,
      );
    }
    return prefix;
  };
  const hostNames = (): string[] => {
    const list = (env['ALLOWED_HOSTS'] ?? '').split(',').map((entry) => entry.trim().toLowerCase());
    const names = list.filter((entry) => entry !== '');
    for (const entry of names) {
      if (!/^(?:\*|[a-z0-9._-]+|\[[0-9a-f:.]+\])$/.test(entry)) {
        problems.push(`ALLOWED_HOSTS must be host names without port, comma-separated, not ${JSON.stringify(entry)}`);
      }
    }
    return names;
  };
  const origins = (): string[] => {
    const list = (env['ALLOWED_ORIGINS'] ?? '').split(',').map((entry) => entry.trim());
    const given = list.filter((entry) => entry !== '');
    for (const entry of given) {
      if (URL.parse(entry)?.origin === entry && /^https?:/.test(entry)) continue;
      problems.push(
        `ALLOWED_ORIGINS must be origins like https://app.example.com, comma-separated, without a path and each by name, not ${JSON.stringify(entry)}`,
      );
    }
    return given;
  };

  const dataDir = resolve(env['DATA_DIR']?.trim() || './.data');
  const storage = readStorage(env, dataDir, problems);
  const maxUploads = integer('MAX_UPLOADS', 64, 1, 10_000);
  const uploadBufferBytes = integer('UPLOAD_BUFFER_BYTES', 256 * MiB, MiB);
  if (storage.kind === 's3' && uploadBufferBytes < maxUploads * MiB) {
    problems.push(
      `UPLOAD_BUFFER_BYTES must be at least ${maxUploads * MiB}: 1 MiB for each of MAX_UPLOADS (${maxUploads})`,
    );
  }

  const role = oneOf('ROLE', 'all', ROLES) as Role;
  const database = readDatabase(env, dataDir, problems);
  if (role !== 'all' && database.kind === 'sqlite') {
    problems.push(`ROLE=${role} needs DATABASE_URL=postgres://…, which the processes share`);
  }
  if (role !== 'all' && !env['STORAGE_URL']?.trim()) {
    problems.push(`ROLE=${role} needs STORAGE_URL: s3://… or file:… of a folder that the processes share`);
  }

  const errorsLogPath = env['ERRORS_LOG']?.trim();
  const errorsLogLimits = {
    maxBytes: integer('ERRORS_LOG_MAX_BYTES', 100 * MiB, MiB),
    files: integer('ERRORS_LOG_FILES', 5, 1, 1_000),
  };

  const host = env['HOST']?.trim() || '127.0.0.1';
  const auth = oneOf('AUTH', isLoopback(host) ? 'none' : 'keys', ['keys', 'none']) as Config['auth'];
  const config: Config = {
    role,
    host,
    auth,
    rateLimits: Object.freeze({
      requests: integer('RATE_LIMIT', auth === 'keys' ? 12_000 : 0, 0, 10_000_000),
      wrongKeys: integer('RATE_LIMIT_WRONG_KEYS', 60, 0, 10_000_000),
    }),
    port: role === 'worker' ? integer('METRICS_PORT', 9090, 0, 65_535) : integer('PORT', 8000, 0, 65_535),
    drainMs: integer('DRAIN_MS', role === 'api' ? 2_000 : 0, 0, 60_000),
    allowedHosts: Object.freeze(hostNames()),
    allowedOrigins: Object.freeze(origins()),
    dataDir,
    database: Object.freeze(database),
    queueUrl: readQueueUrl(env, database, problems),
    migrate: oneOf('MIGRATE', 'on', ['on', 'off']) === 'on' ? 'on' : 'off',
    storage,
    uploadBufferBytes,
    logLevel: oneOf('LOG_LEVEL', 'info', LOG_LEVELS),
    errorsLog: errorsLogPath ? Object.freeze({ path: resolve(errorsLogPath), ...errorsLogLimits }) : null,
    maxUploadBytes: integer('MAX_UPLOAD_BYTES', GiB, 1),
    minFreeBytes: integer('MIN_FREE_BYTES', GiB, 0),
    maxUploads,
    uploadPace: {
      idleMs: integer('UPLOAD_IDLE_MS', 30_000, 100),
      minBytesPerSecond: integer('MIN_UPLOAD_RATE', 1024, 0),
    },
    maxJobTopics: integer('MAX_JOB_TOPICS', 20_000, 2),
    downloadIdleMs: integer('DOWNLOAD_IDLE_MS', 60_000, 100),
    spoolKeepHours: integer('SPOOL_KEEP_HOURS', 24, 0),
    jobKeepDays: integer('JOB_KEEP_DAYS', 30, 0, 36_500),
    feedHistoryDays: integer('FEED_HISTORY_DAYS', 400, 1, 36_500),
    jobConcurrency: integer('JOB_CONCURRENCY', 2, 1, 64),
    jobMaxAttempts: integer('JOB_MAX_ATTEMPTS', 10, 1, 1_000),
    decompression: {
      maxBytes: integer('MAX_DECOMPRESSED_BYTES', 16 * GiB, 1),
      maxRatio: integer('MAX_DECOMPRESSION_RATIO', 250, 1),
    },
    runnerMaxRssBytes: integer('RUNNER_MAX_RSS_BYTES', 512 * MiB, 64 * MiB),
    sinks: Object.freeze({
      ...readSinks(env, problems),
      ddl: oneOf('SINK_DDL', 'create', SINK_DDL) as SinkDdl,
      lineage: oneOf('SINK_LINEAGE', 'on', ['on', 'off']) === 'on',
      concurrency: integer('SINK_CONCURRENCY', 1, 1, 16),
      maxRssBytes: integer('SINK_MAX_RSS_BYTES', 512 * MiB, 128 * MiB),
    }),
    tracing: readTracing(env, { integer, oneOf }, problems),
    sources: Object.freeze({
      ...readSources(env, problems),
      maxBytes: integer('MAX_SOURCE_BYTES', 100 * GB, 1),
    }),
    kafka: {
      brokers: brokers(),
      clientId: env['KAFKA_CLIENT_ID']?.trim() || 'batch',
      topicPrefix: topicPrefix(),
      adoptPrefix: oneOf('KAFKA_ADOPT_PREFIX', 'false', ['true', 'false']) === 'true',
      replicationFactor: integer('KAFKA_REPLICATION_FACTOR', 3, 1, 32_767),
      unavailableAfterMs: integer('KAFKA_UNAVAILABLE_AFTER_MS', 300_000, 1_000),
      tls: readKafkaTls(env, problems),
      sasl: readKafkaSasl(env, problems),
    },
  };
  if (problems.length > 0) throw new Error(`The environment is not valid:\n  ${problems.join('\n  ')}`);
  Object.freeze(config.storage);
  Object.freeze(config.kafka.brokers);
  Object.freeze(config.kafka);
  Object.freeze(config.decompression);
  Object.freeze(config.uploadPace);
  return Object.freeze(config);
}

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return host.toLowerCase() === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** Whether other processes may use the files of jobs, now or while this one is away. Else it alone has them. */
export function areFilesShared({ database, storage }: Pick<Config, 'database' | 'storage'>): boolean {
  return database.kind === 'postgres' || storage.kind === 's3';
}
