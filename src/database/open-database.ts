import { Kysely } from 'kysely';
import { type MigrateMode, migrate } from './migrations.js';
import { UnlockedPostgresDialect } from './postgres/dialect.js';
import type { PostgresOptions } from './postgres/pool.js';
import { SqliteThreadDialect } from './sqlite/dialect.js';
import { SqliteThread } from './sqlite/thread.js';
import type { Tables } from './tables.js';

export type Database = Kysely<Tables>;

/** Takes the names of the migrations that were run. */
type OnMigrated = (names: readonly string[]) => void;

/**
 * The database of a data folder, or one that is being opened already, with its tables up to date. It is held until
 * `destroy()` or the end of the process. Throws what `SqliteThread.open` and `migrate` do.
 */
export async function openDatabase(
  source: string | SqliteThread,
  mode?: MigrateMode,
  onMigrated?: OnMigrated,
): Promise<Database> {
  const thread = typeof source === 'string' ? new SqliteThread(source) : source;
  await thread.open();
  return upToDate(new Kysely<Tables>({ dialect: new SqliteThreadDialect(thread) }), mode, onMigrated);
}

/** A database in a PostgreSQL, with its tables up to date, until `destroy()`. Throws what `migrate` does. */
export async function openPostgres(
  options: PostgresOptions,
  mode?: MigrateMode,
  onMigrated?: OnMigrated,
): Promise<Database> {
  // Its client takes memory and time that SQLite does not need.
  const { createPool } = await import('./postgres/pool.js');
  return upToDate(
    new Kysely<Tables>({ dialect: new UnlockedPostgresDialect({ pool: createPool(options) }) }),
    mode,
    onMigrated,
  );
}

async function upToDate(db: Database, mode?: MigrateMode, onMigrated?: OnMigrated): Promise<Database> {
  try {
    const names = await migrate(db, mode);
    onMigrated?.(names);
    return db;
  } catch (error) {
    await db.destroy();
    throw error;
  }
}
