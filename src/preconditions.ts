import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Config } from './config/index.js';

/**
 * Throws what would keep the service from listening or from opening its database, before its modules are loaded: a start
 * that must fail does so at once, and has done no work.
 */
export async function checkPreconditions({ role, host, port, dataDir }: Config): Promise<void> {
  await tryAddress(host, port);
  if (role === 'worker') return;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  new DatabaseSync(join(dataDir, 'batch.db')).close();
}

/** Fails as listening would. */
async function tryAddress(host: string, port: number): Promise<void> {
  const server = createServer();
  server.listen({ host, port });
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}
