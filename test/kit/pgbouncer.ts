import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { spawnOwned } from './owned-process.js';
import { freePort } from './ports.js';
import type { PostgresServer } from './postgres.js';

const SCRIPT = resolve('scripts/pgbouncer.sh');
const START_TIMEOUT_MS = 300_000;

/** There is a PgBouncer, or Debian's packages to fetch it; otherwise its tests are skipped. */
export const hasPgbouncer = spawnSync(SCRIPT, ['available']).status === 0;

/** A PgBouncer in transaction mode, with three connections to each database. */
export interface Pgbouncer {
  /** The URL of a database of the server, by way of the pooler. */
  through(url: string): string;
  stop(): Promise<void>;
}

/** Starts one before a server and waits until it answers. The first time of all it is fetched. */
export async function startPgbouncer(server: PostgresServer): Promise<Pgbouncer> {
  const dir = await mkdtemp(join(tmpdir(), 'batch-pgbouncer-'));
  const port = await freePort();
  const through = (url: string): string => url.replace(`:${server.port}/`, `:${port}/`);
  const pooler = spawnOwned(SCRIPT, ['run', '--dir', dir, '--port', `${port}`, '--server', `${server.port}`]);
  await pooler.until('it answered', START_TIMEOUT_MS, async () => {
    const client = new Client({ connectionString: `postgres://batch@127.0.0.1:${port}/postgres` });
    return client
      .connect()
      .then(() => true as const)
      .catch(() => undefined)
      .finally(() => client.end());
  });
  return {
    through,
    async stop() {
      await pooler.kill('SIGKILL');
      await rm(dir, { recursive: true, force: true });
    },
  };
}
