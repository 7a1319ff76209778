import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { spawnOwned } from './owned-process.js';

/** The built service (`dist/main.js`) as a process of the test's own. */
export interface Service {
  /** Where it listens, without a slash at the end. */
  readonly url: string;
  readonly pid: number;
  /** This process, and those of its workers if it has separate ones: the parents of the runners. */
  readonly pids: readonly number[];
  /** Its DATA_DIR: pass it to the next `startService` to see a restart. */
  readonly dataDir: string;
  /** Its KAFKA_TOPIC_PREFIX. */
  readonly topicPrefix: string;
  /** Everything it has logged so far. */
  log(): string;
  /** null while it runs; otherwise its exit status or signal. */
  ending(): string | null;
  /** SIGKILL unless told otherwise; resolves when the process is gone (SIGSTOP and SIGCONT: at once). The data stay. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Ends it and removes its data, unless the caller named the folder. */
  stop(): Promise<void>;
}

const ENTRY = resolve('dist/main.js');
/** Far more than is needed, as the machine may be busy. */
const START_TIMEOUT_MS = 120_000;
const STOP_GRACE_MS = 60_000;

const POSTGRES_URL = process.env['E2E_POSTGRES_URL'];

/** For tests of what one process has for itself: its SQLite, and files that are named after their jobs. */
export const ONE_PROCESS = { ROLE: 'all' };

/** By DATA_DIR. Many services, each with its own data, come to one broker: each has its own names there. */
const prefixes = new Map<string, string>();

function prefixOf(dataDir: string): string {
  const prefix = prefixes.get(dataDir) ?? `batch_${randomBytes(4).toString('hex')}`;
  prefixes.set(dataDir, prefix);
  return prefix;
}

export interface ServiceOptions {
  brokers: string;
  env?: Record<string, string>;
  dataDir?: string;
  /** Another program and its arguments, which becomes the service: `prlimit …`. */
  under?: string[];
  /** Another build than this tree's: its `dist/main.js`. */
  entry?: string;
}

/**
 * Starts the service on a port of the system's choice; rejects with its log when it does not say that it listens. With
 * E2E_POSTGRES_URL it is an API with workers on a database there, unless the test says what it is.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { env = {} } = options;
  const isGiven = ['ROLE', 'DATABASE_URL', 'STORAGE_URL', 'QUEUE_URL'].some((name) => name in env);
  if (POSTGRES_URL === undefined || isGiven) return startProcess(options);
  const { startClusterService } = await import('./cluster-service.js');
  return startClusterService(options, POSTGRES_URL);
}

/** One process. */
export async function startProcess(options: ServiceOptions): Promise<Service> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'batch-data-')));
  const topicPrefix = options.env?.['KAFKA_TOPIC_PREFIX'] ?? prefixOf(dataDir);
  const [command, ...args] = [...(options.under ?? []), process.execPath, options.entry ?? ENTRY];
  const service = spawnOwned(command as string, args, {
    ...process.env,
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'info',
    MIN_FREE_BYTES: '0',
    DATA_DIR: dataDir,
    KAFKA_BROKERS: options.brokers,
    KAFKA_TOPIC_PREFIX: topicPrefix,
    ...options.env,
  });
  const url = await service.until('it listened', START_TIMEOUT_MS, () => listeningUrl(service.output()));
  return {
    url,
    pid: service.pid,
    pids: [service.pid],
    dataDir,
    topicPrefix,
    log: () => service.output(),
    ending: () => service.ending(),
    kill: (signal = 'SIGKILL') => service.kill(signal),
    async stop() {
      await service.stop(STOP_GRACE_MS);
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** From the log line with msg "listening"; undefined before it is there. */
function listeningUrl(log: string): string | undefined {
  for (const line of log.split('\n')) {
    if (!line.includes('"listening"')) continue;
    const { msg, url } = JSON.parse(line) as { msg?: string; url?: string };
    if (msg === 'listening' && url !== undefined) return url.replace(/\/$/, '');
  }
  return undefined;
}
