import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { ServiceError } from '../../errors/index.js';
import type { SqliteThread, Value } from './thread.js';

const SQLITE_FULL = 13;

/** What SQLite makes of a quota or a limit to the size of files. */
const SQLITE_IOERR_WRITE = 778;

/** Kysely over a database on a separate thread. */
export class SqliteThreadDialect implements Dialect {
  constructor(private readonly thread: SqliteThread) {}

  createDriver(): Driver {
    return new SqliteThreadDriver(this.thread);
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): SqliteAdapter {
    return new SqliteThreadAdapter();
  }

  createIntrospector(db: ConstructorParameters<typeof SqliteIntrospector>[0]): SqliteIntrospector {
    return new SqliteIntrospector(db);
  }
}

class SqliteThreadAdapter extends SqliteAdapter {
  /** The thread puts callers in order: Kysely is not to have each wait for the answer to the one before. */
  override get supportsMultipleConnections(): boolean {
    return true;
  }

  /** SQLite's DDL is transactional, so that a kill in the middle of a migration leaves nothing of it behind. */
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class SqliteThreadDriver implements Driver {
  constructor(private readonly thread: SqliteThread) {}

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new SqliteThreadConnection(this.thread);
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await this.thread.begin();
    (connection as SqliteThreadConnection).isInTransaction = true;
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#end(connection, 'commit');
  }

  /** The error that led here is the one to report. */
  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#end(connection, 'rollback');
  }

  async #end(connection: DatabaseConnection, end: 'commit' | 'rollback'): Promise<void> {
    const ours = connection as SqliteThreadConnection;
    if (!ours.isInTransaction) return; // a commit that fails is followed by a rollback
    ours.isInTransaction = false;
    await withStorageErrors(this.thread.end(end));
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    await this.thread.close();
  }
}

/** What one query or transaction sees of the one connection to the file, which all share. */
class SqliteThreadConnection implements DatabaseConnection {
  isInTransaction = false;

  constructor(private readonly thread: SqliteThread) {}

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const values = parameters as readonly Value[];
    const { rows, changes } = await withStorageErrors(
      this.isInTransaction ? this.thread.runInTransaction(sql, values) : this.thread.run(sql, values),
    );
    return { numAffectedRows: BigInt(changes), rows: rows as R[] };
  }

  streamQuery(): never {
    throw new Error('Queries are not streamed: read pages');
  }
}

/** A full disk as INSUFFICIENT_STORAGE, any other error as it is. */
async function withStorageErrors<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    const code = error instanceof Error && 'errcode' in error ? error.errcode : null;
    if (code !== SQLITE_FULL && code !== SQLITE_IOERR_WRITE) throw error;
    const detail = `The database cannot be written: ${(error as Error).message}`;
    throw new ServiceError('INSUFFICIENT_STORAGE', detail, { cause: error });
  }
}
