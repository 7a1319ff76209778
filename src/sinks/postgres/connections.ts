import { once } from 'node:events';
import { Pool, type PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { asSinkError, isTransient } from './errors.js';

const MAX_CONNECTIONS = 20;
const CONNECT_TIMEOUT_MS = 10_000;
/** Statements of a block or of a batch that is taken out; the server ends them. */
const STATEMENT_TIMEOUT_MS = 300_000;
/** Longer than the server's, which says more. */
const QUERY_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 30_000;
const LOCK_TIMEOUT_MS = 60_000;
/** A process that stands still in a transaction has locks for this time at most. */
const IDLE_IN_TRANSACTION_MS = 15_000;
/** After a deadlock the transaction is tried again at once. */
const MAX_ATTEMPTS = 4;

/**
 * For the transaction alone, since a pooler lends the connection to others next. The keepalives are for a client whose host
 * is gone without a word in the middle of a COPY, which no time limit of the server ends.
 */
const BEGIN = `BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS};
SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS};
SET LOCAL idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS};
SET LOCAL tcp_keepalives_idle = 60;
SET LOCAL tcp_keepalives_interval = 10;
SET LOCAL tcp_keepalives_count = 6;`;

/** A socket keeps less than that (its high-water mark) without saying that it waits. */
const SURELY_SENT_BYTES = 1024 ** 2;

export type Client = PoolClient;

/** The connections to one PostgreSQL. */
export class Connections {
  readonly #pool: Pool;
  readonly #busy = new Set<Client>();
  #closed: Promise<void> | undefined;

  /** `url`: as libpq's, with `sslmode` and `sslrootcert`. */
  constructor(url: string) {
    this.#pool = new Pool({
      connectionString: url,
      max: MAX_CONNECTIONS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      keepAlive: true,
    });
    // One that nobody uses has broken: another is opened when it is needed.
    this.#pool.on('error', () => undefined);
    // One that breaks while it is used, or in the packet in which it is opened: the next statement rejects, too.
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /**
   * Runs `work` in one transaction, again if it met a deadlock. Throws SinkError; then it may have been committed,
   * if it got that far.
   */
  async transaction<T>(work: (client: Client) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(work);
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !isTransient(error)) throw asSinkError(error);
      }
    }
  }

  async #attempt<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    this.#busy.add(client);
    let isClean = false;
    try {
      await client.query(BEGIN);
      const result = await work(client);
      await client.query('COMMIT');
      isClean = true;
      return result;
    } finally {
      this.#busy.delete(client);
      // A connection that is closed rolls back, whatever state it is in.
      client.release(!isClean);
    }
  }

  /** Ends statements that are under way, too. */
  close(): Promise<void> {
    this.#closed ??= Promise.all([...this.#busy].map((client) => endNow(client))).then(() => this.#pool.end());
    return this.#closed;
  }
}

/** Also cuts the connection if a statement is being run. */
function endNow(client: Client): Promise<void> {
  // A client that is lent has lost this method's type, not the method.
  return (client as unknown as { end(): Promise<void> }).end();
}

/**
 * Sends rows in COPY's binary format, in chunks. Each is asked for when the one before is sent: its memory may be used again
 * then, also for what is sent after an error.
 */
export async function copyRows(client: Client, into: string, chunks: Iterable<Buffer>): Promise<void> {
  const stream = client.query(copyFrom(`COPY ${into} FROM STDIN (FORMAT binary)`));
  // An error may come a second time, once what is left to send was sent in vain.
  const failed = new Promise<never>((_, reject) => stream.on('error', reject));
  // One chunk at a time: the stream stumbles over chunks that are left when an error comes.
  const send = (chunk: Buffer): Promise<void> =>
    Promise.race([new Promise<void>((resolve) => stream.write(chunk, () => resolve())), failed]);
  await send(COPY_HEADER);
  for (const chunk of chunks) await send(chunk.length < SURELY_SENT_BYTES ? Buffer.from(chunk) : chunk);
  stream.end(COPY_TRAILER);
  await Promise.race([once(stream, 'finish'), failed]);
}

/** Signature, flags, no extension. */
const COPY_HEADER = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
const COPY_TRAILER = Buffer.from([0xff, 0xff]);
