import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { DatabaseError, Pool, type PoolClient, type QueryResult, type QueryResultRow, TypeOverrides } from 'pg';
import { ServiceError } from '../../errors/index.js';

/** Connections of one process. Statements beyond that wait for one, no longer than for a new connection. */
const MAX_CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 5_000;
/** The process's own, since a pooler between may not let the server's setting through. */
const STATEMENT_TIMEOUT_MS = 30_000;
/**
 * The server ends a transaction in which a process stands still, or is gone without a word, after this time: its locks
 * would stop all others. For the transaction alone, since a pooler lends the session to others next.
 */
const IDLE_IN_TRANSACTION_MS = 10_000;
const BEGIN = /^(?:begin|start transaction)\b/;
const INT8 = 20;

/** SQLSTATE: disk_full. */
const DISK_FULL = '53100';
/**
 * What passes, or is not the statement's fault: connection, resources, the server's shutdown, login, a server that became a
 * standby, a transaction that stood still, deadlock and serialization.
 */
const UNAVAILABLE = /^(08|28|40|53|57P|25006|25P03|3D000)/;

export interface PostgresOptions {
  /** As libpq's, with `sslmode` and `sslrootcert`. */
  url: string;
  /** A connection that nobody used has broken: others are opened when they are needed. */
  onIdleError: (error: Error) => void;
}

/**
 * The connections to a PostgreSQL, as Kysely takes them. Statements have no names, so that a pooler may give each
 * transaction another connection. Errors that are not the statement's fault come as STORE_UNAVAILABLE, a full disk as
 * INSUFFICIENT_STORAGE. A connection whose state is not known after an error is not used again.
 */
export function createPool({ url, onIdleError }: PostgresOptions): PostgresPool {
  const types = new TypeOverrides();
  types.setTypeParser(INT8, safeInteger);
  const pool = new Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS,
    keepAlive: true,
    types,
  });
  pool.on('error', onIdleError);
  // One that breaks in the same packet in which it is opened belongs to nobody yet: its first statement says so.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return {
    options: {},
    async connect() {
      try {
        return lent(await pool.connect());
      } catch (error) {
        throw asStoreError(error);
      }
    },
    end: () => pool.end(),
  };
}

/** The connection until it is released. */
function lent(client: PoolClient): PostgresPoolClient {
  /** Why it is broken: no further statement is run, not even the ROLLBACK of one that hangs. */
  let broken: { error: unknown } | undefined;
  // One that breaks while it is lent says so here, and in the statement that is run next.
  const onError = (error: unknown): void => {
    broken ??= { error };
  };
  client.on('error', onError);
  const query = async <R>(sql: string, parameters: readonly unknown[]): Promise<QueryResult<R & QueryResultRow>> => {
    if (broken !== undefined) throw asStoreError(broken.error);
    const text = BEGIN.test(sql)
      ? `${sql}; SET LOCAL idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS}`
      : sql;
    try {
      return await client.query<R & QueryResultRow>(text, parameters.map(withoutNul));
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.severity === 'FATAL') onError(error);
      throw asStoreError(error);
    }
  };
  const release = (): void => {
    client.off('error', onError);
    client.release(broken !== undefined);
  };
  // Cursors are for streams, which nobody asks for.
  return { query: query as unknown as PostgresPoolClient['query'], release };
}

/** Text with the character U+0000, which PostgreSQL does not store. */
function withoutNul(value: unknown): unknown {
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\u{fffd}') : value;
}

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Error(`The database holds ${text}, which is not a safe integer`);
  return value;
}

function asStoreError(error: unknown): unknown {
  if (error instanceof DatabaseError) {
    if (error.code === DISK_FULL) {
      const detail = `The database cannot be written: ${error.message}`;
      return new ServiceError('INSUFFICIENT_STORAGE', detail, { cause: error });
    }
    if (!UNAVAILABLE.test(error.code ?? '')) return error;
  }
  const { message } = error instanceof Error ? error : new Error(String(error));
  return new ServiceError('STORE_UNAVAILABLE', `The database does not answer as expected: ${message}`, {
    cause: error,
  });
}
