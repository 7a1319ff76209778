import { type Expression, type Kysely, PostgresAdapter, sql } from 'kysely';
import type { Tables } from './tables.js';

/** Whether statements go to a PostgreSQL, where others run at the same time. Otherwise it is SQLite, which runs one by one. */
export function isPostgres(db: Pick<Kysely<unknown>, 'getExecutor'>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}

/** The next place in the order of a table's rows, as a value of the statement that writes it. */
export function nextSeq(db: Pick<Kysely<Tables>, 'getExecutor'>, table: 'jobs' | 'models'): Expression<number> {
  return isPostgres(db)
    ? sql<number>`nextval(${sql.lit(`${table}_order`)})`
    : sql<number>`(SELECT coalesce(max(seq), 0) + 1 FROM ${sql.table(table)})`;
}
