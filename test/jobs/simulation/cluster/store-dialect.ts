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
import type { SharedStore } from './shared-store.js';

/** The way from a process to the store. Each call resolves or rejects when the answer is there. */
export interface StoreLink {
  readonly store: SharedStore;
  /** The process. */
  readonly name: string;
  ask<T>(arrive: () => T): Promise<T>;
  /** As `ask`, but the answer comes without delay: the transaction goes on at once. */
  begin<T>(arrive: () => T): Promise<T>;
  /** As `ask`, but the request arrives without delay. If it is lost, `undo` is called instead. */
  commit(arrive: () => void, undo: () => void): Promise<void>;
}

/** Kysely over a store that is shared with other processes. */
export class StoreDialect implements Dialect {
  constructor(private readonly link: StoreLink) {}

  createDriver(): Driver {
    const { link } = this;
    const { store, name } = link;
    return {
      init: async () => undefined,
      acquireConnection: async () => new StoreConnection(link),
      beginTransaction: async (connection) => {
        (connection as StoreConnection).transaction = 'to begin';
      },
      commitTransaction: async (connection) => {
        (connection as StoreConnection).transaction = 'none';
        await link.commit(
          () => store.end(name, 'COMMIT'),
          () => store.end(name, 'ROLLBACK'),
        );
      },
      rollbackTransaction: async (connection) => {
        if ((connection as StoreConnection).transaction === 'begun') store.end(name, 'ROLLBACK');
        (connection as StoreConnection).transaction = 'none';
      },
      releaseConnection: async () => undefined,
      destroy: async () => undefined,
    };
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): SqliteAdapter {
    return new ParallelAdapter();
  }

  createIntrospector(db: ConstructorParameters<typeof SqliteIntrospector>[0]): SqliteIntrospector {
    return new SqliteIntrospector(db);
  }
}

class ParallelAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

class StoreConnection implements DatabaseConnection {
  transaction: 'none' | 'to begin' | 'begun' = 'none';

  constructor(private readonly link: StoreLink) {}

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { link } = this;
    const run = (): QueryResult<R> => link.store.run(link.name, query);
    if (this.transaction === 'none') return link.ask(run);
    if (this.transaction === 'begun') return run();
    return link.begin(() => {
      link.store.begin();
      this.transaction = 'begun';
      return run();
    });
  }

  streamQuery(): never {
    throw new Error('nothing is streamed');
  }
}
