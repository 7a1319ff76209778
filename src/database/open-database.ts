import { Kysely, PostgresDialect } from 'kysely';
import { migrate } from './migrations.js';
import { DatabaseOwner } from './postgres/owner.js';
import type { PostgresOptions } from './postgres/pool.js';
import { SqliteThreadDialect } from './sqlite/dialect.js';
import { SqliteThread } from './sqlite/thread.js';
import type { Tables } from './tables.js';

export type Database = Kysely<Tables>;

export interface PostgresDatabaseOptions extends PostgresOptions {
  /** Absent: others may use the database beside this process. */
  onLost?: (error: Error) => void;
}

/**
 * The database of a data folder, or one that is being opened already, with its tables up to date. It is held until
 * `destroy()` or the end of the process. Throws what `SqliteThread.open` does.
 */
export async function openDatabase(source: string | SqliteThread): Promise<Database> {
  const thread = typeof source === 'string' ? new SqliteThread(source) : source;
  await thread.open();
  return upToDate(new Kysely<Tables>({ dialect: new SqliteThreadDialect(thread) }));
}

/**
 * A database in a PostgreSQL, with its tables up to date. With `onLost`, no other service has it until `destroy()`; it is
 * called if another one has taken it over, because this one stood still or could not reach it.
 * Throws STORE_UNAVAILABLE, also if another service has the database.
 */
export async function openPostgres({ onLost, ...options }: PostgresDatabaseOptions): Promise<Database> {
  // Its client takes memory and time that SQLite does not need.
  const { createPool } = await import('./postgres/pool.js');
  const pool = createPool(options);
  const owner = onLost && new DatabaseOwner(pool, onLost);
  let isOwned = false;
  const end = async (): Promise<void> => {
    // If the database is away, the lease ends by itself.
    if (isOwned) await owner?.release().catch(() => undefined);
    await pool.end();
  };
  const db = await upToDate(new Kysely<Tables>({ dialect: new PostgresDialect({ pool: { ...pool, end } }) }));
  try {
    await owner?.acquire();
    isOwned = true;
    return db;
  } catch (error) {
    await db.destroy();
    throw error;
  }
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
