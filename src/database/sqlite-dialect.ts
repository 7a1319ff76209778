import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { ServiceError } from '../errors/index.js';

const SQLITE_FULL = 13;
/** Statements that are kept for the next time: to prepare one takes longer than to run it. */
const KEPT_STATEMENTS = 100;

/** What SQLite makes of a quota or a limit to the size of files. */
const SQLITE_IOERR_WRITE = 778;

/**
 * Kysely over `node:sqlite`. Its statements differ from better-sqlite3's, which Kysely's own dialect is made for:
 * parameters are spread, and whether a statement returns rows is detected from its columns. There is one connection; Kysely
 * hands it to one query or transaction at a time because the adapter says that there are no more.
 */
export class NodeSqliteDialect implements Dialect {
  constructor(private readonly database: DatabaseSync) {}

  createDriver(): Driver {
    return new NodeSqliteDriver(this.database);
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): SqliteAdapter {
    return new NodeSqliteAdapter();
  }

  createIntrospector(db: ConstructorParameters<typeof SqliteIntrospector>[0]): SqliteIntrospector {
    return new SqliteIntrospector(db);
  }
}

/** SQLite's DDL is transactional, so that a kill in the middle of a migration leaves nothing of it behind. */
class NodeSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class NodeSqliteDriver implements Driver {
  readonly #connection: NodeSqliteConnection;

  constructor(private readonly database: DatabaseSync) {
    this.#connection = new NodeSqliteConnection(database);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // SQLite has done so itself after some errors, a full disk among them; the error that led here is the one to tell.
    if (this.database.isTransaction) await connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    this.database.close();
  }
}

class NodeSqliteConnection implements DatabaseConnection {
  readonly #statements = new Map<string, { statement: StatementSync; givesRows: boolean }>();

  constructor(private readonly database: DatabaseSync) {}

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    try {
      return this.#execute(query);
    } catch (error) {
      throw asStorageError(error);
    }
  }

  #execute<R>({ sql, parameters }: CompiledQuery): QueryResult<R> {
    const { statement, givesRows } = this.#prepare(sql);
    const values = parameters as readonly SQLInputValue[];
    if (givesRows) return { rows: statement.all(...values) as R[] };
    const { changes, lastInsertRowid } = statement.run(...values);
    return { numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid), rows: [] };
  }

  #prepare(sql: string): { statement: StatementSync; givesRows: boolean } {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.database.prepare(sql);
    const prepared = { statement, givesRows: statement.columns().length > 0 };
    const [oldest] = this.#statements.keys();
    if (oldest !== undefined && this.#statements.size >= KEPT_STATEMENTS) this.#statements.delete(oldest);
    this.#statements.set(sql, prepared);
    return prepared;
  }

  async *streamQuery<R>({ sql, parameters }: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    const rows = this.database.prepare(sql).iterate(...(parameters as readonly SQLInputValue[]));
    for (const row of rows) yield { rows: [row as R] };
  }
}

/** A full disk as INSUFFICIENT_STORAGE, anything else as it is. */
function asStorageError(error: unknown): unknown {
  const code = typeof error === 'object' && error !== null && 'errcode' in error ? error.errcode : null;
  if (code !== SQLITE_FULL && code !== SQLITE_IOERR_WRITE) return error;
  const detail = `The database cannot be written: ${(error as Error).message}`;
  return new ServiceError('INSUFFICIENT_STORAGE', detail, { cause: error });
}
