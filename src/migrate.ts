import type { Config } from './config/index.js';
import { openDatabase, openPostgres } from './database/index.js';
import { SqliteThread } from './database/sqlite/index.js';

/** Brings the database up to date, and says in a sentence what was done. Throws what opening it does. */
export async function migrateDatabase({ database, dataDir }: Config): Promise<string> {
  const run: string[] = [];
  const onMigrated = (names: readonly string[]): void => void run.push(...names);
  const db =
    database.kind === 'sqlite'
      ? await openDatabase(new SqliteThread(dataDir, database), 'on', onMigrated)
      : await openPostgres({ url: database.url, onIdleError: () => undefined }, 'on', onMigrated);
  await db.destroy();
  return run.length === 0
    ? 'The database was up to date.'
    : `The database is up to date. Migrations run: ${run.join(', ')}.`;
}
