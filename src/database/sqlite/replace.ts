import { existsSync } from 'node:fs';
import { copyFile, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { folderInUse, isBusy } from './hold-folder.js';

const BUSY_TIMEOUT_MS = 500;
const SQLITE_NOTADB = 26;
const SQLITE_CORRUPT = 11;

/** Why there is nothing to restore, in words for people. */
export class UnusableBackup extends Error {
  override readonly name = 'UnusableBackup';
}

/** Throws UnusableBackup unless the file is a whole SQLite with the tables of this service. */
export function requireBackup(file: string): void {
  if (!existsSync(file)) throw new UnusableBackup(`There is no file ${file}`);
  let problem: unknown;
  try {
    const database = new DatabaseSync(file, { readOnly: true });
    try {
      const [checked] = database.prepare('PRAGMA quick_check(1)').all();
      if (checked?.['quick_check'] !== 'ok')
        throw new UnusableBackup(`${file} is damaged: ${checked?.['quick_check']}`);
      if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'jobs'").all().length > 0) return;
      problem = undefined;
    } finally {
      database.close();
    }
  } catch (error) {
    const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
    if (code !== SQLITE_NOTADB && code !== SQLITE_CORRUPT) throw error;
    problem = error;
  }
  throw new UnusableBackup(`${file} is not a backup of this service`, { cause: problem });
}

/** Copies a file so that it survives a crash. */
export async function copyDurably(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  await syncPath(to);
}

/**
 * Puts a database, which nobody has open, in the place of another, which is kept as `aside`. Meanwhile no process can use
 * either; `during` is run before one can. Throws if a process uses the one that is there.
 */
export async function replaceDatabase(
  file: string,
  by: string,
  aside: string,
  during: () => Promise<void>,
): Promise<void> {
  const former = existsSync(file) ? hold(file) : undefined;
  const next = hold(by);
  try {
    if (former !== undefined) await rename(file, aside);
    await rename(by, file);
    await syncPath(dirname(file));
    await during();
  } finally {
    former?.close();
    next.close();
  }
}

/**
 * Until `close`, under whatever name. Without a separate log (WAL), which SQLite would look for, and delete, by the name
 * that the database had when it was opened.
 */
function hold(file: string): DatabaseSync {
  const database = new DatabaseSync(file);
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA locking_mode = EXCLUSIVE`);
    database.exec('PRAGMA journal_mode = DELETE');
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    throw isBusy(error) ? folderInUse(dirname(file), error) : error;
  }
}

/** Removes a database and what SQLite keeps beside it. */
export async function removeDatabase(file: string): Promise<void> {
  for (const end of ['', '-wal', '-shm', '-journal']) await rm(file + end, { force: true });
}

/** Makes a file, or what a folder lists, survive a crash. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Throws if a process uses the database. */
export function requireUnused(file: string): void {
  if (existsSync(file)) hold(file).close();
}
