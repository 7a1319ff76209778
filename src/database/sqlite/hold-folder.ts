import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const SQLITE_BUSY = 5;
const BUSY_TIMEOUT_MS = 2000;

export function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY;
}

export function folderInUse(dataDir: string, cause: unknown): Error {
  return new Error(
    `Another process uses the data folder ${dataDir}: stop it, or start this one with another DATA_DIR.`,
    { cause },
  );
}

/** Those that are held, which must not be collected. */
const held: DatabaseSync[] = [];

/**
 * Keeps a data folder to this process, until it ends, by the lock that a database in the folder would have: its database
 * is elsewhere. Throws if another process has the folder.
 */
export function holdFolder(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(join(dataDir, 'batch.db'));
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; BEGIN EXCLUSIVE`);
  } catch (error) {
    database.close();
    throw isBusy(error) ? folderInUse(dataDir, error) : error;
  }
  held.push(database);
}
