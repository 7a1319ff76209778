import type { SinkDdl } from '../../config/index.js';
import { SinkError } from '../sink.js';
import type { Client, Connections } from './connections.js';
import { isUndefinedTable } from './errors.js';
import { MIGRATIONS, MIGRATIONS_TABLE, type Migration } from './migrations.js';

/** Any number that no other program uses for its advisory locks is as good. */
const MIGRATION_LOCK = 7_305_229_101;

/**
 * Makes the tables, or brings those of an earlier release up to date. With SINK_DDL=off: throws SINK_SCHEMA_CONFLICT with
 * the statements that are missing.
 */
export async function ensureSchema(connections: Connections, ddl: SinkDdl): Promise<void> {
  // Without a right to create anything, tables that are there will do.
  const missing = await missingMigrations(connections);
  if (missing.length === 0) return;
  if (ddl === 'off') {
    const record = `INSERT INTO sink_migrations (version) VALUES ${missing.map(({ version }) => `(${version})`).join(', ')};`;
    const statements = [MIGRATIONS_TABLE, ...missing.map(({ sql }) => sql), record].join('\n');
    throw new SinkError(
      'SINK_SCHEMA_CONFLICT',
      `SINK_DDL is off, and these statements were not run yet:\n${statements}`,
    );
  }
  await connections.transaction(async (client) => {
    // Others may start at the same time. The lock ends with the transaction.
    await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    await client.query(MIGRATIONS_TABLE);
    for (const { version, sql } of await notApplied(client)) {
      await client.query(sql);
      await client.query('INSERT INTO sink_migrations (version) VALUES ($1)', [version]);
    }
  });
}

async function missingMigrations(connections: Connections): Promise<readonly Migration[]> {
  try {
    return await connections.transaction(notApplied);
  } catch (error) {
    if (error instanceof SinkError && isUndefinedTable(error.cause)) return MIGRATIONS;
    throw error;
  }
}

async function notApplied(client: Client): Promise<Migration[]> {
  const { rows } = await client.query<{ version: number }>('SELECT version FROM sink_migrations');
  const applied = new Set(rows.map(({ version }) => version));
  return MIGRATIONS.filter(({ version }) => !applied.has(version));
}
