import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Answer, DatabaseFile, Failure, Request, Row, Value } from './thread.js';

// The program of SqliteThread's thread. Nothing else runs here, so it works synchronously.

type StatementRequest = Extract<Request, { sql: string }>;

/** Statements that are kept for the next time: to prepare one takes longer than to run it. */
const KEPT_STATEMENTS = 100;
/** Requests that are received before they are worked on. */
const MAX_REQUESTS = 64;
/** Characters of text, and bytes, that are received, or held to be sent, at a time. */
const MAX_VALUES = 1_000_000;

class Connection {
  readonly #database: DatabaseSync;
  readonly #answer: (answers: readonly Answer[]) => void;
  readonly #statements = new Map<string, { statement: StatementSync; givesRows: boolean }>();
  /** A transaction of the callers has begun. */
  #isInTransaction = false;

  /** Opens the file, and holds it until `close` or the end of the process. Throws if another process does. */
  constructor({ path, busyTimeoutMs }: DatabaseFile, answer: (answers: readonly Answer[]) => void) {
    this.#answer = answer;
    this.#database = new DatabaseSync(path);
    this.#database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    // Before WAL is first touched: the index of the log then lives in memory and the lock is never let go.
    this.#database.exec('PRAGMA locking_mode = EXCLUSIVE');
    this.#database.exec('PRAGMA journal_mode = WAL');
    this.#database.exec('PRAGMA synchronous = FULL');
    this.#database.exec('PRAGMA foreign_keys = ON');
    // The lock is taken by the first access, not by the pragma.
    this.#database.exec('BEGIN EXCLUSIVE; COMMIT');
  }

  close(): void {
    this.#database.close();
  }

  /**
   * Answers statements that came together, none of them in a transaction. No order among them is promised, so what reads
   * goes first: it need not wait for an fsync.
   */
  runTogether(requests: readonly StatementRequest[]): void {
    const writes: StatementRequest[] = [];
    for (const request of requests) {
      if (isWrite(request.sql)) writes.push(request);
      else this.#runAlone(request);
    }
    for (let done = 0; done < writes.length; ) done += this.#runGroup(writes.slice(done));
  }

  /** Answers a statement of a transaction, which begins with the first one. */
  runInTransaction(request: StatementRequest): void {
    this.attempt(request, () => {
      if (!this.#isInTransaction) this.#database.exec('BEGIN IMMEDIATE');
      else if (!this.#database.isTransaction) throw new Error('The transaction was rolled back after an error');
      this.#isInTransaction = true;
      return this.#run(request);
    });
  }

  /** Ends the transaction, if any statement of it was run. Throws if a commit is not durable; it is undone then. */
  end(end: 'commit' | 'rollback'): void {
    if (!this.#isInTransaction) return;
    this.#isInTransaction = false;
    // After some errors, a full disk among them, SQLite has rolled back by itself.
    if (end === 'commit') this.#commit();
    else this.#rollback();
  }

  /** Answers with what `run` gives or throws. */
  attempt({ id }: Request, run: () => Answer): void {
    let answer: Answer;
    try {
      answer = run();
    } catch (error) {
      answer = { id, failure: asFailure(error) };
    }
    this.#answer([answer]);
  }

  #runAlone(request: StatementRequest): void {
    this.attempt(request, () => this.#run(request));
  }

  /**
   * Commits writes together, with one fsync: the first ones, as many as return what may be held. Gives their number.
   * If anything fails all of it is undone, and each is run by itself.
   */
  #runGroup(requests: readonly StatementRequest[]): number {
    const answers: Answer[] = [];
    try {
      if (requests.length > 1) {
        this.#database.exec('BEGIN IMMEDIATE');
        for (let values = 0; answers.length < requests.length && values < MAX_VALUES; ) {
          const answer = this.#run(requests[answers.length] as StatementRequest);
          answers.push(answer);
          for (const row of answer.rows) values += lengthOfRow(row);
        }
        this.#commit();
        this.#answer(answers);
        return answers.length;
      }
    } catch {
      this.#rollback();
    }
    const alone = requests.slice(0, answers.length + 1);
    for (const request of alone) this.#runAlone(request);
    return alone.length;
  }

  #commit(): void {
    try {
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  #rollback(): void {
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
  }

  /** Gives the last part of the rows; those before it are answered already. */
  #run({ id, sql, parameters }: StatementRequest): Extract<Answer, { rows: Row[] }> {
    const { statement, givesRows } = this.#prepare(sql);
    if (!givesRows) return { id, rows: [], changes: Number(statement.run(...parameters).changes) };
    if (isWrite(sql)) return { id, rows: statement.all(...parameters) as Row[], changes: 0 };
    let rows: Row[] = [];
    let values = 0;
    for (const row of statement.iterate(...parameters) as Iterable<Row>) {
      rows.push(row);
      values += lengthOfRow(row);
      if (values < MAX_VALUES) continue;
      this.#answer([{ id, rows, changes: 0, isPart: true }]);
      rows = [];
      values = 0;
    }
    return { id, rows, changes: 0 };
  }

  #prepare(sql: string): { statement: StatementSync; givesRows: boolean } {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    const prepared = { statement, givesRows: statement.columns().length > 0 };
    const [oldest] = this.#statements.keys();
    if (oldest !== undefined && this.#statements.size >= KEPT_STATEMENTS) this.#statements.delete(oldest);
    this.#statements.set(sql, prepared);
    return prepared;
  }
}

/** What may share a transaction with others, as a PRAGMA may not. */
function isWrite(sql: string): boolean {
  return /^\s*(with\b.*\b)?(insert into|update|delete from)\s/is.test(sql);
}

function asFailure(error: unknown): Failure {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const errcode = error instanceof Error && 'errcode' in error ? Number(error.errcode) : undefined;
  return { message, stack, errcode };
}

function lengthOf(value: Value | undefined): number {
  return typeof value === 'string' || value instanceof Uint8Array ? value.length : 0;
}

function lengthOfRow(row: Row): number {
  let length = 0;
  for (const name in row) length += lengthOf(row[name]);
  return length;
}

/** `first`, and what else has come by now: a commit waits for the disk, and meanwhile the next ones come together. */
function receive(port: MessagePort, first: Request): Request[] {
  const requests: Request[] = [];
  let values = 0;
  let next: { message: Request } | undefined = { message: first };
  while (next !== undefined) {
    const { message } = next;
    requests.push(message);
    if ('parameters' in message) for (const value of message.parameters) values += lengthOf(value);
    if (requests.length >= MAX_REQUESTS || values >= MAX_VALUES) break;
    next = receiveMessageOnPort(port) as typeof next;
  }
  return requests;
}

function done({ id }: Pick<Request, 'id'>): Answer {
  return { id, rows: [], changes: 0 };
}

/** Does what is asked, in this order, until it is asked to close the database. */
function serve(port: MessagePort, connection: Connection): void {
  port.on('message', (first: Request) => {
    let together: StatementRequest[] = [];
    for (const request of receive(port, first)) {
      if ('sql' in request && !request.isInTransaction) {
        together.push(request);
        continue;
      }
      connection.runTogether(together);
      together = [];
      if ('sql' in request) connection.runInTransaction(request);
      else if ('end' in request)
        connection.attempt(request, () => {
          connection.end(request.end);
          return done(request);
        });
      else {
        connection.attempt(request, () => {
          connection.close();
          return done(request);
        });
        port.close(); // with which the thread ends
        return;
      }
    }
    connection.runTogether(together);
  });
}

if (parentPort !== null) {
  const port = parentPort;
  const answer = (answers: readonly Answer[]): void => port.postMessage(answers);
  try {
    serve(port, new Connection(workerData as DatabaseFile, answer));
    answer([done({ id: 0 })]);
  } catch (error) {
    answer([{ id: 0, failure: asFailure(error) }]);
  }
}
