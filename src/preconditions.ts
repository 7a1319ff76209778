import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Config } from './config/index.js';

/** A setting that nothing can be done with; the message says what to do. */
export class UnusableSetting extends Error {
  override readonly name = 'UnusableSetting';
}

/**
 * Throws what would keep the service from listening or from opening its database, before its modules are loaded: a start
 * that must fail does so at once, and has done no work.
 */
export async function checkPreconditions({ role, host, port, dataDir, errorsLog }: Config): Promise<void> {
  await tryAddress(host, port);
  if (errorsLog !== null && role !== 'api') await tryAppending(errorsLog.path);
  if (role === 'worker') return;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  new DatabaseSync(join(dataDir, 'batch.db')).close();
}

async function tryAppending(path: string): Promise<void> {
  try {
    await (await open(path, 'a', 0o640)).close();
  } catch (error) {
    throw new UnusableSetting(
      `ERRORS_LOG cannot be written: ${(error as Error).message}. Name a file in a folder that exists and that this user may write to.`,
    );
  }
}

/** Fails as listening would. */
async function tryAddress(host: string, port: number): Promise<void> {
  const server = createServer();
  server.listen({ host, port });
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}
