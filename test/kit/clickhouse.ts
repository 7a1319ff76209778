import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { spawnOwned } from './owned-process.js';
import { freePort } from './ports.js';
import { onSmallDisk } from './small-disk.js';

/** What the server does to the next INSERTs (`down`: to all requests); see clickhouse-front.mjs. */
export interface ClickHouseFault {
  kind: 'hold' | 'drop' | 'half' | 'answer' | 'down';
  times?: number;
  /** Only INSERTs into this one. */
  table?: string;
  code?: number;
  name?: string;
  status?: number;
}

export interface ClickHouseState {
  /** INSERTs that wait for `release`. */
  held: number;
  /** Executed. */
  inserts: number;
  /** That have not come about yet. */
  faults: number;
}

/** ClickHouse's engine of the test's own behind its HTTP interface, on the loopback interface. */
export interface ClickHouseServer {
  readonly port: number;
  /** A file on the disk of its data, which tests may write to take its room. */
  readonly ballast: string;
  /** A new, empty database: the URL of it. */
  createDatabase(): Promise<string>;
  /** The rows that a statement gives in the database of this URL. Numbers of 64 bits and more come as text. */
  query<T = Record<string, unknown>>(sql: string, url: string): Promise<T[]>;
  fault(fault: ClickHouseFault): Promise<void>;
  /** Forgets the faults that did not come about. */
  heal(): Promise<void>;
  state(): Promise<ClickHouseState>;
  /** Executes the INSERTs that are held, to their end. */
  release(): Promise<void>;
  kill(): Promise<void>;
  /** Starts it again with its data, on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const SCRIPT = resolve('scripts/clickhouse.sh');
const START_TIMEOUT_MS = 300_000;

export interface ClickHouseOptions {
  /** Asked of whoever connects. */
  login?: { user: string; password: string };
  /** Its data are on a disk with room for this number of bytes (see `canMount`). */
  roomBytes?: number;
}

/** Starts a server and waits until it answers. The first time of all it is fetched. */
export async function startClickHouse({ login, roomBytes }: ClickHouseOptions = {}): Promise<ClickHouseServer> {
  const dir = await mkdtemp(join(tmpdir(), 'batch-clickhouse-'));
  const disk = join(dir, 'data');
  await mkdir(disk);
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const account = login === undefined ? '' : `${login.user}:${login.password}@`;
  const urlOf = (database: string): string => `http://${account}127.0.0.1:${port}/${database}`;
  const clients = new Map<string, ClickHouseClient>();
  const clientOf = (url: string): ClickHouseClient => {
    const client = clients.get(url) ?? createClient({ url, keep_alive: { enabled: false } });
    clients.set(url, client);
    return client;
  };
  const control = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`${origin}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
    return answer.json();
  };
  const isReady = (): Promise<true | undefined> =>
    fetch(`${origin}/ping`).then(
      () => true as const,
      () => undefined,
    );
  const start = async () => {
    const env =
      login === undefined ? process.env : { ...process.env, FRONT_USER: login.user, FRONT_PASSWORD: login.password };
    const small = roomBytes === undefined ? [] : onSmallDisk(disk, roomBytes);
    const [command, ...rest] = [...small, SCRIPT, 'run', '--dir', dir, '--port', `${port}`];
    const started = spawnOwned(command as string, rest, env);
    await started.until('it answered', START_TIMEOUT_MS, isReady);
    return started;
  };
  let server = await start();
  return {
    port,
    get ballast() {
      return `/proc/${server.pid}/root${disk}/ballast`;
    },
    async createDatabase() {
      const name = `batch_${randomBytes(6).toString('hex')}`;
      await clientOf(urlOf('default')).command({ query: `CREATE DATABASE ${name}` });
      return urlOf(name);
    },
    async query<T>(sql: string, url: string) {
      const client = clientOf(url);
      if (!/^\s*(select|with|show|describe)/i.test(sql)) {
        await client.command({ query: sql });
        return [];
      }
      const result = await client.query({
        query: sql,
        format: 'JSONEachRow',
        clickhouse_settings: { output_format_json_quote_64bit_integers: 1, output_format_json_quote_decimals: 1 },
      });
      return result.json<T>();
    },
    async fault(fault) {
      await control('POST', '/_fault', fault);
    },
    async heal() {
      await control('DELETE', '/_fault');
    },
    state: () => control('GET', '/_state') as Promise<ClickHouseState>,
    async release() {
      await control('POST', '/_release');
    },
    kill: () => server.kill('SIGKILL'),
    async restart() {
      await server.kill('SIGKILL');
      server = await start();
    },
    async stop() {
      await Promise.all([...clients.values()].map((client) => client.close()));
      await server.kill('SIGKILL');
      await rm(dir, { recursive: true, force: true });
    },
  };
}
