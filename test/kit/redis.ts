import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { type OwnedProcess, spawnOwned } from './owned-process.js';
import { freePort } from './ports.js';

/** A real Redis server of the test's own, on the loopback interface. */
export interface RedisServer {
  readonly port: number;
  /** For QUEUE_URL. */
  readonly url: string;
  /** What the server answers to a command. */
  command(name: string, ...args: string[]): Promise<unknown>;
  /** SIGKILL unless told otherwise. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port, with its data or empty. */
  restart(keepsData: boolean): Promise<void>;
  stop(): Promise<void>;
}

const SCRIPT = resolve('scripts/redis.sh');
const START_TIMEOUT_MS = 300_000;

/** There is such a server, or pip to fetch it; otherwise its tests are skipped. */
export const hasRedis = spawnSync(SCRIPT, ['available']).status === 0;

/** Starts a server and waits until it answers. The first time of all it is fetched. `settings`: for the server. */
export async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), 'batch-redis-'));
  const data = join(dir, 'data');
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const command = async (name: string, ...args: string[]): Promise<unknown> => {
    const client = new Redis(url, {
      lazyConnect: true,
      retryStrategy: () => null,
      connectTimeout: 1_000,
      disconnectTimeout: 100,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await client.call(name, ...args);
    } finally {
      client.disconnect();
    }
  };
  const isReady = (): Promise<true | undefined> =>
    command('PING').then(
      () => true as const,
      () => undefined,
    );
  const start = async (): Promise<OwnedProcess> => {
    const started = spawnOwned(SCRIPT, ['run', '--dir', data, '--port', `${port}`, '--', ...settings]);
    await started.until('it answered', START_TIMEOUT_MS, isReady);
    return started;
  };
  let server = await start();
  return {
    port,
    url,
    command,
    kill: (signal = 'SIGKILL') => server.kill(signal),
    async restart(keepsData) {
      await server.kill('SIGKILL');
      if (!keepsData) await rm(data, { recursive: true, force: true });
      server = await start();
    },
    async stop() {
      await server.kill('SIGKILL');
      await rm(dir, { recursive: true, force: true });
    },
  };
}
