import { type Expression, type Kysely, PostgresAdapter, type RawBuilder, sql } from 'kysely';
import type { Tables } from './tables.js';

/** Whether statements go to a PostgreSQL, where others run at the same time. Otherwise it is SQLite, which runs one by one. */
export function isPostgres(db: Pick<Kysely<unknown>, 'getExecutor'>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}

/**
 * The time by the store's clock, in whole milliseconds since the epoch, as a value of a statement. Several machines write
 * to a PostgreSQL, so its clock counts (at the start of the statement: what is constant can be looked up in an index); the
 * one process that has a SQLite says the time itself, as `processTime`.
 */
export function storeTime(db: Pick<Kysely<unknown>, 'getExecutor'>, processTime: number): Expression<number> {
  return isPostgres(db)
    ? sql<number>`CAST(extract(epoch FROM statement_timestamp()) * 1000 AS bigint)`
    : sql<number>`CAST(${processTime} AS integer)`;
}

/** `agoMs` before that time, as ISO text. */
export function storeIsoTime(
  db: Pick<Kysely<unknown>, 'getExecutor'>,
  processTime: number,
  agoMs = 0,
): RawBuilder<string> {
  const ago = sql.lit(`${agoMs} milliseconds`);
  return isPostgres(db)
    ? sql<string>`to_char((statement_timestamp() - interval ${ago}) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
    : sql<string>`CAST(${new Date(processTime - agoMs).toISOString()} AS text)`;
}

/** The next place in the order of a table's rows, as a value of the statement that writes it. */
export function nextSeq(
  db: Pick<Kysely<Tables>, 'getExecutor'>,
  table: 'jobs' | 'models' | 'feeds' | 'api_keys',
): Expression<number> {
  return isPostgres(db)
    ? sql<number>`nextval(${sql.lit(`${table}_order`)})`
    : sql<number>`(SELECT coalesce(max(seq), 0) + 1 FROM ${sql.table(table)})`;
}
