import { mkdir, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Adjusted, adjustRestored } from './backup/index.js';
import { areFilesShared, type Config } from './config/index.js';
import { type Database, openDatabase, openPostgres } from './database/index.js';
import {
  copyDurably,
  removeDatabase,
  replaceDatabase,
  requireBackup,
  requireUnused,
  SqliteThread,
  UnusableBackup,
} from './database/sqlite/index.js';
import { LocalFileStore } from './storage/index.js';

const KEYS_AT_ONCE = 500;

/**
 * Takes a backup of SQLite for the database of a service that does not run, or makes a PostgreSQL that was restored safe to
 * work on. Says in lines what was done. Throws UnusableBackup in words for people, if nothing was.
 */
export async function restore(config: Config, file: string | undefined): Promise<string> {
  const { database } = config;
  if (database.kind === 'postgres') {
    if (file !== undefined) {
      throw new UnusableBackup(
        'DATABASE_URL is a PostgreSQL: restore it with pg_restore, then run this without a file.',
      );
    }
    const db = await openPostgres({ url: database.url, onIdleError: () => undefined });
    try {
      return summary(await adjustRestored(db, Date.now()));
    } finally {
      await db.destroy();
    }
  }
  if (file === undefined) throw new UnusableBackup('Name the backup: node dist/main.js restore FILE');
  requireBackup(resolve(file));
  return restoreSqlite(config, database.file, resolve(file));
}

async function restoreSqlite(config: Config, file: string, backup: string): Promise<string> {
  const stamp = new Date().toISOString().replaceAll(/[-:.]/g, '');
  const next = `${file}.restoring`;
  const former = `${file}.before-${stamp}`;
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  requireUnused(file);
  await removeDatabase(next); // of a restore that was interrupted
  let adjusted: Adjusted;
  let unknown: string[];
  try {
    await copyDurably(backup, next);
    const db = await openDatabase(new SqliteThread(config.dataDir, { file: next }));
    try {
      adjusted = await adjustRestored(db, Date.now());
      unknown = await unknownFiles(config, db);
    } finally {
      await db.destroy();
    }
    await replaceDatabase(file, next, former, () => setAside(config, unknown, stamp));
  } finally {
    await removeDatabase(next);
  }
  const aside =
    unknown.length === 0
      ? []
      : [`${unknown.length} files that the backup does not know are in ${asideOf(config, stamp)}.`];
  return [summary(adjusted), ...aside, `The database that was there, if any, is ${former}.`].join('\n');
}

/** Stored files that the service would take for nobody's, and delete after a while. */
async function unknownFiles(config: Config, db: Database): Promise<string[]> {
  if (areFilesShared(config) || config.storage.kind !== 'local') return [];
  const keys = await new LocalFileStore(config.storage.folder, 0).list();
  const unknown: string[] = [];
  for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
    const some = keys.slice(at, at + KEYS_AT_ONCE);
    const rows = await db.selectFrom('jobs').select('file_key').where('file_key', 'in', some).execute();
    const known = new Set(rows.map(({ file_key }) => file_key));
    unknown.push(...some.filter((key) => !known.has(key)));
  }
  return unknown;
}

/** Where the service leaves them alone. */
async function setAside(config: Config, keys: readonly string[], stamp: string): Promise<void> {
  if (config.storage.kind !== 'local' || keys.length === 0) return;
  const folder = asideOf(config, stamp);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const key of keys) await rename(join(config.storage.folder, key), join(folder, key));
}

function asideOf({ storage, dataDir }: Config, stamp: string): string {
  return join(storage.kind === 'local' ? storage.folder : dataDir, `unknown-${stamp}`);
}

function summary({ jobs, unfinished, feeds, keys }: Adjusted): string {
  const old =
    keys === 0
      ? []
      : [`${keys} API keys are those of the backup: revoke again what was revoked since (batch key list).`];
  const paused =
    feeds.length === 0
      ? []
      : [
          `${feeds.length} feeds are paused, because files that they took since the backup would be taken again: ${feeds.join(', ')}. See to that, then: batch feed resume ID`,
        ];
  return [
    `Restored: ${jobs} jobs, all of which are published again; ${unfinished} unfinished ones go on from what Kafka holds.`,
    ...paused,
    ...old,
  ].join('\n');
}
