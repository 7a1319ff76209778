import { Kysely, PostgresDialect } from 'kysely';
import { migrate } from './migrations.js';
import type { PostgresOptions } from './postgres/pool.js';
import { SqliteThreadDialect } from './sqlite/dialect.js';
import { SqliteThread } from './sqlite/thread.js';
import type { Tables } from './tables.js';

export type Database = Kysely<Tables>;

/**
 * The database of a data folder, or one that is being opened already, with its tables up to date. It is held until
 * `destroy()` or the end of the process. Throws what `SqliteThread.open` does.
 */
export async function openDatabase(source: string | SqliteThread): Promise<Database> {
  const thread = typeof source === 'string' ? new SqliteThread(source) : source;
  await thread.open();
  return upToDate(new Kysely<Tables>({ dialect: new SqliteThreadDialect(thread) }));
}

/** A database in a PostgreSQL, with its tables up to date, until `destroy()`. Throws STORE_UNAVAILABLE. */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  // Its client takes memory and time that SQLite does not need.
  const { createPool } = await import('./postgres/pool.js');
  return upToDate(new Kysely<Tables>({ dialect: new PostgresDialect({ pool: createPool(options) }) }));
}

async function upToDate(db: Database): Promise<Database> {
  try {
    await migrate(db);
    return db;
  } catch (error) {
    await db.destroy();
    throw error;
  }
}
