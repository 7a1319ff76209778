import { mkdirSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { ServiceError } from '../../errors/index.js';
import { folderInUse, isBusy } from './hold-folder.js';

const WORKER = fileURLToPath(new URL(`./worker${extname(import.meta.url)}`, import.meta.url));
/** A bound, not what the thread needs: it takes up and gives back a few megabytes of values at a time. */
const MEMORY = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 2 };
/** Statements that wait or run. More callers than that are not served any sooner if they wait as well. */
const MAX_STATEMENTS = 10_000;

export type Value = null | number | bigint | string | Uint8Array;
export type Row = Record<string, Value>;

export interface SqliteThreadOptions {
  /** Path of the database; absent: `<dataDir>/batch.db`. */
  file?: string;
  /** How long another process that holds the file is waited for. */
  busyTimeoutMs?: number;
  /** Called if the thread ends without having been closed. */
  onCrash?: (error: Error) => void;
}

/** What the thread opens. */
export interface DatabaseFile {
  path: string;
  busyTimeoutMs: number;
}

/** What the thread is asked. A transaction begins with its first statement, and until its end nothing else is asked. */
export type Request = { id: number } & (
  | { sql: string; parameters: readonly Value[]; isInTransaction: boolean }
  | { end: 'commit' | 'rollback' }
  | { isClose: true }
);

/** The answer to each request, and under id 0 to the opening. A long result comes in parts, the last without `isPart`. */
export type Answer = { id: number } & ({ rows: Row[]; changes: number; isPart?: true } | { failure: Failure });

export interface Failure {
  message: string;
  stack: string | undefined;
  /** SQLite's extended result code, if the error is SQLite's. */
  errcode: number | undefined;
}

export interface Result {
  rows: Row[];
  /** Rows that were inserted, updated or deleted. */
  changes: number;
}

interface Pending {
  rows: Row[];
  resolve: (result: Result) => void;
  reject: (error: Error) => void;
}

/** Who comes while a transaction is open. `proceed` is called at its turn. */
interface Waiting {
  isTransaction: boolean;
  proceed: () => void;
}

/** A request before it has its number. */
type Task = Request extends infer R ? (R extends Request ? Omit<R, 'id'> : never) : never;

/**
 * A SQLite database on a separate thread, so that neither statements nor the fsync of a commit hold up the thread that
 * answers HTTP. Statements need not wait for one another's answers: writes that arrive together are committed together.
 * An error of SQLite has its `errcode`. If the thread dies, everything that waits for it fails, and whatever comes after.
 */
export class SqliteThread {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #waiting: Waiting[] = [];
  readonly #opened: Promise<Result>;
  readonly #ended = Promise.withResolvers<void>();
  #isInTransaction = false;
  #isClosing = false;
  #lastId = 0;
  #crash: Error | undefined;

  /** Begins to open the database of a data folder, creating what is missing. */
  constructor(
    private readonly dataDir: string,
    { file = join(dataDir, 'batch.db'), busyTimeoutMs = 2000, onCrash = () => undefined }: SqliteThreadOptions = {},
  ) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const workerData: DatabaseFile = { path: file, busyTimeoutMs };
    this.#worker = new Worker(WORKER, { name: 'sqlite', resourceLimits: MEMORY, workerData });
    this.#worker.on('message', (answers: Answer[]) => {
      for (const answer of answers) this.#take(answer);
    });
    const fail = (cause?: unknown): void => {
      if (this.#crash !== undefined) return;
      this.#crash = new Error('The thread of the database has ended', { cause });
      for (const { reject } of this.#pending.values()) reject(this.#crash);
      this.#pending.clear();
      for (const { proceed } of this.#waiting.splice(0)) proceed();
      if (!this.#isClosing) onCrash(this.#crash);
    };
    this.#worker.on('error', fail);
    this.#worker.on('exit', () => {
      fail();
      this.#ended.resolve();
    });
    this.#opened = new Promise((resolve, reject) => this.#pending.set(0, { rows: [], resolve, reject }));
    this.#opened.catch(() => undefined); // `open` reports it
  }

  /**
   * Resolves when the file is open, and held until `close` or the end of the process, however it ends: the lock is the
   * system's, nothing has to be cleaned up after a kill -9. Throws if another process holds it, after waiting for one
   * that is just closing; otherwise SQLite's error. The thread has ended then.
   */
  async open(): Promise<void> {
    try {
      await this.#opened;
    } catch (error) {
      this.#worker.ref();
      await this.#ended.promise;
      throw isBusy(error) ? folderInUse(this.dataDir, error) : error;
    }
  }

  /** Resolves when the thread has ended, for whatever reason. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Runs a statement; what it writes is durable when this resolves. Throws SERVICE_BUSY if too many wait already. */
  async run(sql: string, parameters: readonly Value[]): Promise<Result> {
    this.#requireRoom();
    const task = { sql, parameters, isInTransaction: false };
    if (!this.#isInTransaction) return this.#ask(task);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ isTransaction: false, proceed: () => void this.#ask(task).then(resolve, reject) });
    });
  }

  /** Resolves when this transaction has the database: others wait until `end`. Throws SERVICE_BUSY. */
  async begin(): Promise<void> {
    this.#requireRoom();
    if (!this.#isInTransaction) {
      this.#isInTransaction = true;
      return;
    }
    await new Promise<void>((resolve) => {
      this.#waiting.push({ isTransaction: true, proceed: resolve });
    });
  }

  /** Runs a statement of the transaction that has the database. */
  async runInTransaction(sql: string, parameters: readonly Value[]): Promise<Result> {
    return this.#ask({ sql, parameters, isInTransaction: true });
  }

  /** Ends the transaction. It is durable when a commit resolves, and undone if it rejects. */
  async end(end: 'commit' | 'rollback'): Promise<void> {
    const ended = this.#ask({ end });
    this.#isInTransaction = false;
    // The thread keeps the order: the next ones need not wait for the answer.
    while (!this.#isInTransaction) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#isInTransaction = next.isTransaction;
      next.proceed();
    }
    await ended;
  }

  /** Does what was asked before, closes the file and ends the thread. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#ask({ isClose: true });
    await this.#ended.promise;
  }

  #requireRoom(): void {
    if (this.#pending.size + this.#waiting.length < MAX_STATEMENTS) return;
    throw new ServiceError('SERVICE_BUSY', `${MAX_STATEMENTS} statements wait for the database`);
  }

  #ask(task: Task): Promise<Result> {
    if (this.#crash !== undefined) return Promise.reject(this.#crash);
    const id = ++this.#lastId;
    if (this.#pending.size === 0) this.#worker.ref();
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { rows: [], resolve, reject });
      this.#worker.postMessage({ ...task, id } satisfies Request);
    });
  }

  #take(answer: Answer): void {
    const pending = this.#pending.get(answer.id);
    if (pending === undefined) return;
    if ('rows' in answer) {
      pending.rows = pending.rows.length === 0 ? answer.rows : pending.rows.concat(answer.rows);
      if (answer.isPart) return;
    }
    this.#pending.delete(answer.id);
    // The thread ends if it cannot open the file, and Node may tell both in one go.
    if (answer.id === 0 && 'failure' in answer) this.#isClosing = true;
    // A database that nobody waits for keeps no process alive.
    if (this.#pending.size === 0 && !this.#isClosing) this.#worker.unref();
    if ('rows' in answer) pending.resolve({ rows: pending.rows, changes: answer.changes });
    else pending.reject(sqliteError(answer.failure));
  }
}

/** As node:sqlite throws it; an error that is sent from thread to thread loses its own members. */
function sqliteError({ message, stack, errcode }: Failure): Error {
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return errcode === undefined ? error : Object.assign(error, { code: 'ERR_SQLITE_ERROR', errcode });
}
