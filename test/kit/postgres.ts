import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { spawnOwned } from './owned-process.js';
import { freePort } from './ports.js';
import { onSmallDisk } from './small-disk.js';

/** A real PostgreSQL of the test's own, on the loopback interface. */
export interface PostgresServer {
  readonly port: number;
  /**
   * The URL of a new database, empty, or a copy of another one that nobody is connected to. It is on the small disk if there
   * is one.
   */
  createDatabase(original?: string): Promise<string>;
  /** A file on the small disk, which tests may write to take its room. */
  readonly ballast: string;
  /** Runs a statement in a database, or in the one that is always there. */
  query(sql: string, url?: string): Promise<Record<string, unknown>[]>;
  /** SIGKILL unless told otherwise. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again with its data, on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const SCRIPT = resolve('scripts/postgres.sh');
const START_TIMEOUT_MS = 300_000;

export interface PostgresOptions {
  /** For the server, as `name=value`. */
  settings?: readonly string[];
  /** The folder of another release of it: of `initdb` and `postgres`. */
  bin?: string;
  /** Its databases are on a disk with room for this number of bytes (see `canMount`). */
  roomBytes?: number;
}

/** Starts a server and waits until it answers. The first time of all it is fetched. */
export async function startPostgres({ settings = [], bin, roomBytes }: PostgresOptions = {}): Promise<PostgresServer> {
  const dir = await mkdtemp(join(tmpdir(), 'batch-postgres-'));
  // The server does not run as root, and has to reach its own folder.
  await chmod(dir, 0o755);
  const disk = join(dir, 'disk');
  await mkdir(disk);
  const port = await freePort();
  const urlOf = (database: string): string => `postgres://batch@127.0.0.1:${port}/${database}`;
  const query = async (sql: string, url = urlOf('postgres')): Promise<Record<string, unknown>[]> => {
    const client = new Client({ connectionString: url });
    client.on('error', () => undefined); // a connection that is cut: the query rejects, too
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  };
  const isReady = (): Promise<true | undefined> =>
    query('SELECT 1').then(
      () => true as const,
      () => undefined,
    );
  const start = async () => {
    // An fsync for each commit is what the service relies on; here nothing outlives the test.
    const args = [
      'run',
      '--dir',
      join(dir, 'data'),
      '--port',
      `${port}`,
      '--',
      ...['fsync=off', ...settings].flatMap((each) => ['-c', each]),
    ];
    const [command, ...rest] = [...(roomBytes === undefined ? [] : onSmallDisk(disk, roomBytes)), SCRIPT, ...args];
    const env = bin === undefined ? process.env : { ...process.env, POSTGRES_BIN: bin };
    const started = spawnOwned(command as string, rest, env);
    await started.until('it answered', START_TIMEOUT_MS, isReady);
    return started;
  };
  let server = await start();
  if (roomBytes !== undefined) await query(`CREATE TABLESPACE small LOCATION '${disk}'`);
  return {
    port,
    query,
    get ballast() {
      return `/proc/${server.pid}/root${disk}/ballast`;
    },
    async createDatabase(original) {
      const name = `batch_${randomBytes(6).toString('hex')}`;
      const template = original === undefined ? '' : ` TEMPLATE ${new URL(original).pathname.slice(1)}`;
      await query(`CREATE DATABASE ${name}${template}${roomBytes === undefined ? '' : ' TABLESPACE small'}`);
      return urlOf(name);
    },
    kill: (signal = 'SIGKILL') => server.kill(signal),
    async restart() {
      await server.stop(5_000);
      server = await start();
    },
    async stop() {
      await server.kill('SIGQUIT');
      await rm(dir, { recursive: true, force: true });
    },
  };
}
