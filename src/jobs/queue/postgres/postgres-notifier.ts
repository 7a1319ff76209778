import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Listener } from '../../../database/index.js';
import type { JobNotifier } from '../job-notifier.js';

export interface PostgresNotifierOptions {
  /** Opens a connection that hears what `send` sends. */
  listen: (onPayload: (payload: string) => void) => Promise<Listener>;
  /** Sends to all who listen, as one statement. */
  send: (payloads: readonly string[]) => Promise<void>;
  log: Logger;
}

/** More than these wait for one statement only if the database is away; then workers look by themselves. */
const MAX_WAITING = 1_000;
const HEARD_WITHIN_MS = 2_000;
/** A connection may break without anyone being told. */
const TEST_EVERY_MS = 30_000;
const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 10_000;
const TEST = 'test ';

/**
 * Wakes every process on one PostgreSQL by NOTIFY. What is notified within one turn of the event loop goes out as one
 * statement, since each takes a lock over all databases of the server. A process listens from the first `onWake` on.
 */
export class PostgresNotifier implements JobNotifier {
  readonly #listeners: ((jobId: string) => void)[] = [];
  readonly #closed = new AbortController();
  #waiting = new Set<string>();
  #sending: Promise<void> | undefined;
  #run: Promise<void> | undefined;
  #onTest: (payload: string) => void = () => undefined;
  /** Why nothing is heard; null: it is, or nobody listens. */
  #failure: string | null = null;
  #isSendFailing = false;

  constructor(private readonly options: PostgresNotifierOptions) {}

  notify(jobId: string): void {
    if (this.#closed.signal.aborted) return;
    // This process need not wait for the database to say so.
    queueMicrotask(() => this.#wake(jobId));
    if (this.#waiting.size >= MAX_WAITING) return;
    this.#waiting.add(jobId);
    this.#sending ??= this.#send();
  }

  onWake(listener: (jobId: string) => void): void {
    this.#listeners.push(listener);
    this.#run ??= this.#listen();
  }

  /** For /readyz: why jobs of other processes are found later; null: they are not. */
  trouble(): string | null {
    return this.#failure;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await Promise.all([this.#run, this.#sending]);
  }

  #wake(jobId: string): void {
    if (this.#closed.signal.aborted) return;
    for (const listener of this.#listeners) listener(jobId);
  }

  /** Never rejects. */
  async #send(): Promise<void> {
    await nextTurn();
    const jobIds = [...this.#waiting];
    this.#waiting = new Set();
    try {
      await this.options.send(jobIds);
      this.#isSendFailing = false;
    } catch (error) {
      if (!this.#isSendFailing)
        this.options.log.warn({ err: error }, 'could not notify workers: they find the jobs within 10 s');
      this.#isSendFailing = true;
    }
    this.#sending = this.#waiting.size > 0 && !this.#closed.signal.aborted ? this.#send() : undefined;
  }

  /** Listens until `close`, over a fresh connection after each failure. Never rejects. */
  async #listen(): Promise<void> {
    const { log } = this.options;
    for (let backoffMs = FIRST_BACKOFF_MS; !this.#closed.signal.aborted; ) {
      try {
        await this.#listenOnce(() => {
          backoffMs = FIRST_BACKOFF_MS;
        });
      } catch (error) {
        const { message } = error instanceof Error ? error : new Error(String(error));
        if (this.#failure === null)
          log.warn({ reason: message }, 'notifications of new jobs are not heard: they are found within 10 s');
        this.#failure = `notifications of new jobs are not heard, and jobs begin up to 10 s later: ${message}`;
      }
      await this.#pause(backoffMs);
      backoffMs = Math.min(2 * backoffMs, MAX_BACKOFF_MS);
    }
  }

  /** Resolves when this is closed; rejects when the connection fails or hears nothing. */
  async #listenOnce(onHeard: () => void): Promise<void> {
    const listener = await this.options.listen((payload) => {
      if (payload.startsWith(TEST)) this.#onTest(payload);
      else this.#wake(payload);
    });
    try {
      while (!this.#closed.signal.aborted) {
        await this.#test();
        this.#failure = null;
        onHeard();
        const hasEnded = await Promise.race([
          listener.ended.then(() => true),
          this.#pause(TEST_EVERY_MS).then(() => false),
        ]);
        if (hasEnded) throw new Error('the connection to the database has ended');
      }
    } finally {
      await listener.close().catch(() => undefined);
    }
  }

  /** Rejects unless what is sent is heard. */
  async #test(): Promise<void> {
    const payload = TEST + randomBytes(8).toString('hex');
    const heard = new Promise<true>((resolve) => {
      this.#onTest = (told) => {
        if (told === payload) resolve(true);
      };
    });
    await this.options.send([payload]);
    const isHeard = await Promise.race([heard, this.#pause(HEARD_WITHIN_MS).then(() => false)]);
    if (isHeard || this.#closed.signal.aborted) return;
    throw new Error(
      'a notification was not heard; if DATABASE_URL is that of a pooler, set DATABASE_DIRECT_URL to the database itself',
    );
  }

  /** Ends early when this is closed. */
  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#closed.signal, ref: false }).catch(() => undefined);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
