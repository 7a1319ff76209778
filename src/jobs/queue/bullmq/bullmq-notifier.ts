import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { JobNotifier } from '../job-notifier.js';
import { messageOf } from './redis.js';
import { openWakesQueue, type WakesQueue } from './wakes-queue.js';

export interface BullmqNotifierOptions {
  /** May hold a password, which is in no message. */
  url: string;
  topicPrefix: string;
  log: Logger;
}

/** More than these wait only if Redis is away; then workers look by themselves. */
const MAX_WAITING = 1_000;
const SENT_WITHIN_MS = 1_000;
/** A connection may break without anyone being told. */
const TEST_EVERY_MS = 10_000;
const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 10_000;

/**
 * Wakes every process that has the same Redis and topic prefix, by a queue of BullMQ. After any failure all of its
 * connections are replaced: BullMQ's own would go on in their ways, some with thousands of errors a second.
 */
export class BullmqNotifier implements JobNotifier {
  readonly #listeners: ((jobId: string) => void)[] = [];
  readonly #closed = new AbortController();
  readonly #run: Promise<void>;
  #isClosed = false;
  #waiting = new Set<string>();
  #sending: Promise<void> | undefined;
  #queue: WakesQueue | undefined;
  /** Why nothing is heard; null: it is. */
  #failure: string | null = null;
  /** If it is one that drops messages. */
  #evictionPolicy: string | null = null;

  constructor(private readonly options: BullmqNotifierOptions) {
    this.#run = this.#connect();
  }

  notify(jobId: string): void {
    if (this.#isClosed) return;
    // This process need not wait for Redis to say so.
    queueMicrotask(() => this.#wake(jobId));
    if (this.#waiting.size >= MAX_WAITING) return;
    this.#waiting.add(jobId);
    if (this.#queue !== undefined) this.#sending ??= this.#send(this.#queue);
  }

  onWake(listener: (jobId: string) => void): void {
    this.#listeners.push(listener);
  }

  /** For /readyz: why jobs of other processes are found later, or may be; null: they are not. */
  trouble(): string | null {
    if (this.#failure !== null)
      return `notifications of new jobs are not heard, and jobs begin up to 10 s later: Redis (QUEUE_URL): ${this.#failure}`;
    if (this.#evictionPolicy === null) return null;
    return `Redis (QUEUE_URL) may drop notifications if its memory is full: set its maxmemory-policy to noeviction, it is ${this.#evictionPolicy}`;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    // The last ones are of jobs that this process gives back.
    await Promise.race([
      this.#sending,
      sleep(SENT_WITHIN_MS, undefined, { signal: this.#closed.signal, ref: false }),
    ]).catch(() => undefined);
    this.#closed.abort();
    await Promise.all([this.#run, this.#sending]);
  }

  #wake(jobId: string): void {
    if (this.#isClosed) return;
    for (const listener of this.#listeners) listener(jobId);
  }

  /** Sends what is waiting. Never rejects: what cannot be sent is lost, and the queue has failed. */
  async #send(queue: WakesQueue): Promise<void> {
    await nextTurn();
    while (this.#waiting.size > 0 && this.#queue === queue) {
      const jobIds = [...this.#waiting];
      this.#waiting = new Set();
      try {
        await queue.add(jobIds);
      } catch {
        break;
      }
    }
    this.#sending = undefined;
  }

  /** Is connected until `close`, afresh after each failure. Never rejects. */
  async #connect(): Promise<void> {
    const { log } = this.options;
    for (let backoffMs = FIRST_BACKOFF_MS; !this.#closed.signal.aborted; ) {
      try {
        await this.#connectOnce(() => {
          backoffMs = FIRST_BACKOFF_MS;
        });
      } catch (error) {
        if (this.#closed.signal.aborted) return;
        const reason = messageOf(error);
        if (this.#failure === null)
          log.warn({ reason }, 'notifications of new jobs are not heard through Redis: jobs are found within 10 s');
        this.#failure = reason;
      }
      await sleep(backoffMs, undefined, { signal: this.#closed.signal, ref: false }).catch(() => undefined);
      backoffMs = Math.min(2 * backoffMs, MAX_BACKOFF_MS);
    }
  }

  /** Rejects when Redis fails, something is not heard, or this is closed. */
  async #connectOnce(onHeard: () => void): Promise<never> {
    const { url, topicPrefix } = this.options;
    const ended = new AbortController();
    const onClose = (): void => ended.abort();
    this.#closed.signal.addEventListener('abort', onClose);
    const opening = openWakesQueue({
      url,
      topicPrefix,
      onWake: (jobId) => this.#wake(jobId),
      onFailure: (error) => ended.abort(error),
    });
    let queue: WakesQueue | undefined;
    try {
      queue = await unlessAborted(opening, ended.signal);
      for (;;) {
        await unlessAborted(this.#test(queue), ended.signal);
        this.#onWorking(queue);
        onHeard();
        await unlessAborted(sleep(TEST_EVERY_MS, undefined, { signal: ended.signal, ref: false }), ended.signal);
      }
    } finally {
      this.#queue = undefined;
      this.#closed.signal.removeEventListener('abort', onClose);
      if (queue === undefined) void opening.then((late) => late.close()).catch(() => undefined);
      await queue?.close();
    }
  }

  #onWorking(queue: WakesQueue): void {
    if (this.#failure !== null) this.options.log.info('notifications of new jobs are heard through Redis again');
    this.#failure = null;
    this.#queue = queue;
    if (this.#waiting.size > 0) this.#sending ??= this.#send(queue);
  }

  async #test(queue: WakesQueue): Promise<void> {
    await queue.test();
    const told = await queue.evictionPolicy();
    const policy = told === 'noeviction' ? null : told;
    if (policy !== null && policy !== this.#evictionPolicy)
      this.options.log.warn({ policy }, 'Redis may drop notifications: set its maxmemory-policy to noeviction');
    this.#evictionPolicy = policy;
  }
}

/** As the promise; rejects with the signal's reason if it is aborted before. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
