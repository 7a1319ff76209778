import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { type CompiledQuery, Kysely, type QueryResult } from 'kysely';
import type { Tables } from '../../../../src/database/index.js';
import { migrate } from '../../../../src/database/migrations.js';
import { ModelStore } from '../../../../src/models/model-store.js';
import { StoreDialect } from './store-dialect.js';

/** What a statement has instead of the store's time, which the store puts there when the statement arrives. */
export const STORE_TIME = 8_888_888_888_888;

/** Read after every write. */
const ROWS = `SELECT job_id, state, phase, lease, lease_token, lease_owner, lease_until, run_after, revision,
  published_revision, checkpoint, checkpoint_verified, pending_error_code, error_code, attempt FROM jobs`;
/** What a restored backup brings back. */
const RESTORED = ['jobs', 'leases'] as const;

export interface JobRow {
  job_id: string;
  state: string;
  phase: string | null;
  lease: number;
  lease_token: string | null;
  lease_owner: string | null;
  lease_until: number | null;
  run_after: number | null;
  revision: number;
  published_revision: number;
  checkpoint: string | null;
  checkpoint_verified: number;
  pending_error_code: string | null;
  error_code: string | null;
  attempt: number;
}

/** Hears of every write, with the name of the process that made it. */
export type OnWrite = (by: string) => void;

/** The one store of all processes: a SQLite in memory, whose clock is the world's. */
export class SharedStore {
  readonly #database = new DatabaseSync(':memory:');
  readonly #statements = new Map<string, { statement: StatementSync; givesRows: boolean; isWrite: boolean }>();
  #inTransaction = false;
  /** Milliseconds since the epoch. */
  time: () => number = () => 0;
  onWrite: OnWrite = () => undefined;

  static async open(): Promise<SharedStore> {
    const store = new SharedStore();
    const db = new Kysely<Tables>({
      dialect: new StoreDialect({
        ask: async (arrive) => arrive(),
        begin: async (arrive) => arrive(),
        commit: async (arrive) => arrive(),
        store,
        name: 'the test',
      }),
    });
    await migrate(db);
    await new ModelStore(db).create('orders', {
      name: 'Orders',
      schema: { id: 'Int32' },
      compiled: { columns: [{ name: 'id', type: 'Int32', nullable: false, constraints: {} }], additionalColumns: true },
    });
    return store;
  }

  close(): void {
    this.#database.close();
  }

  empty(): void {
    for (const table of RESTORED) this.#database.exec(`DELETE FROM ${table}`);
  }

  run(by: string, { sql, parameters }: CompiledQuery): QueryResult<never> {
    const { statement, givesRows, isWrite } = this.#prepare(sql);
    const now = this.time();
    const values = parameters.map((value) => (value === STORE_TIME ? now : value)) as SQLInputValue[];
    const rows = givesRows ? (statement.all(...values) as never[]) : [];
    const changes = givesRows ? 0 : Number(statement.run(...values).changes);
    const isDone = rows.length > 0 || changes > 0;
    if (isWrite && isDone && !this.#inTransaction) this.onWrite(by);
    return { rows, numAffectedRows: BigInt(changes) };
  }

  begin(): void {
    this.#database.exec('BEGIN');
    this.#inTransaction = true;
  }

  end(by: string, how: 'COMMIT' | 'ROLLBACK'): void {
    if (!this.#inTransaction) return;
    this.#database.exec(how);
    this.#inTransaction = false;
    this.onWrite(by);
  }

  /** No process can be stopped in the middle of a transaction. */
  get isInTransaction(): boolean {
    return this.#inTransaction;
  }

  rows(): JobRow[] {
    return this.#prepare(ROWS).statement.all() as unknown as JobRow[];
  }

  backUp(): void {
    for (const table of RESTORED) {
      this.#database.exec(
        `DROP TABLE IF EXISTS backup_${table}; CREATE TABLE backup_${table} AS SELECT * FROM ${table}`,
      );
    }
  }

  restore(): void {
    for (const table of RESTORED) {
      this.#database.exec(`DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM backup_${table}`);
    }
    this.onWrite('a restore');
  }

  #prepare(sql: string): { statement: StatementSync; givesRows: boolean; isWrite: boolean } {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    const isWrite = /^\s*(with\b.*\b)?(insert into|update|delete from) "?jobs\b/is.test(sql);
    const prepared = { statement, givesRows: statement.columns().length > 0, isWrite };
    this.#statements.set(sql, prepared);
    return prepared;
  }
}
