import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { migrate } from './migrations.js';
import { NodeSqliteDialect } from './sqlite-dialect.js';
import type { Tables } from './tables.js';

export type Database = Kysely<Tables>;

const SQLITE_BUSY = 5;

/**
 * Opens `<dataDir>/batch.db`, creating what is missing, and holds it until `destroy()` or the end of the process,
 * however it ends: the lock is the system's, nothing has to be cleaned up after a kill -9.
 * Throws if another process holds the same folder, after waiting `timeoutMs` for one that is just closing.
 */
export async function openDatabase(dataDir: string, timeoutMs = 2000): Promise<Database> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const connection = new DatabaseSync(join(dataDir, 'batch.db'));
  try {
    takeExclusively(connection, dataDir, timeoutMs);
    const db = new Kysely<Tables>({ dialect: new NodeSqliteDialect(connection) });
    await migrate(db);
    return db;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function takeExclusively(connection: DatabaseSync, dataDir: string, timeoutMs: number): void {
  try {
    connection.exec(`PRAGMA busy_timeout = ${timeoutMs}`);
    // Before WAL is first touched: the index of the log then lives in memory and the lock is never let go.
    connection.exec('PRAGMA locking_mode = EXCLUSIVE');
    connection.exec('PRAGMA journal_mode = WAL');
    connection.exec('PRAGMA synchronous = FULL');
    connection.exec('PRAGMA foreign_keys = ON');
    // The lock is taken by the first access, not by the pragma.
    connection.exec('BEGIN EXCLUSIVE; COMMIT');
  } catch (error) {
    if (!isBusy(error)) throw error;
    throw new Error(
      `Another process uses the data folder ${dataDir}: stop it, or start this one with another DATA_DIR.`,
      { cause: error },
    );
  }
}

function isBusy(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY
  );
}
