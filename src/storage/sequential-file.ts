import type { Readable } from 'node:stream';
import { ServiceError } from '../errors/index.js';
import type { OpenFile } from './file-store.js';
import { MIN_RATE, Pace, type Rate } from './pace.js';
import { codeOf } from './ranged-file.js';

/** Where the bytes of a file come from that can only be had as a whole. */
export interface WholeFetcher {
  readonly sizeBytes: number;
  /** All bytes, as they come. `signal` ends the request and its body. Throws as `RangeFetcher.fetch`. */
  fetch(signal: AbortSignal): Promise<Readable>;
}

const NOTHING = Buffer.alloc(0);

/**
 * A file that is read from its beginning, whatever is wanted of it: what lies before is thrown away, and who goes back begins
 * again. Memory: one chunk of the connection. Throws what `fetch` does; other errors have a `code`. `idleMs`: for an
 * answer to begin, and between any two of its chunks. `rate`: that of the chunks that are waited for.
 */
export class SequentialFile implements OpenFile {
  /** Ends the request that is under way. */
  #stop: AbortController | null = null;
  #chunks: AsyncIterator<Buffer> | null = null;
  #chunk: Buffer = NOTHING;
  /** Where the chunk begins in the file. */
  #at = 0;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  #pace: Pace;

  constructor(
    private readonly fetcher: WholeFetcher,
    private readonly idleMs: number,
    private readonly rate: Rate = MIN_RATE,
  ) {
    this.#pace = new Pace(rate);
  }

  get sizeBytes(): number {
    return this.fetcher.sizeBytes;
  }

  /** One after the other: there is one place in the stream. */
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    const read = this.#last.then(() =>
      this.#read(buffer, offset, Math.min(length, this.sizeBytes - position), position),
    );
    this.#last = read.catch(() => undefined);
    return read;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#drop();
    await this.#last;
  }

  async #read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    if (length <= 0) return { bytesRead: 0 };
    if (position < this.#at) this.#drop();
    try {
      for (let done = 0; done < length; ) {
        const at = position + done;
        if (at >= this.#at + this.#chunk.length) {
          await this.#next();
          continue;
        }
        done += this.#chunk.copy(buffer, offset + done, at - this.#at, at - this.#at + length - done);
      }
    } catch (error) {
      this.#drop();
      throw error;
    }
    return { bytesRead: length };
  }

  async #next(): Promise<void> {
    if (this.#isClosed) throw new Error('The file is closed');
    this.#at += this.#chunk.length;
    this.#chunk = NOTHING;
    const stop = this.#stop ?? new AbortController();
    this.#stop = stop;
    const timer = setTimeout(
      () => stop.abort(withCode('IdleBody', `No byte arrived for ${this.idleMs} ms`)),
      this.idleMs,
    );
    try {
      const asked = performance.now();
      const chunks = this.#chunks ?? (await this.#open(stop.signal));
      this.#chunks = chunks;
      const { value, done } = await chunks.next();
      if (done === true) throw withCode('TruncatedBody', `${this.sizeBytes - this.#at} bytes are missing`);
      this.#pace.add(value.length, performance.now() - asked);
      this.#chunk = value;
    } catch (error) {
      if (stop.signal.aborted) throw stop.signal.reason;
      throw error instanceof ServiceError ? error : coded(error);
    } finally {
      clearTimeout(timer);
    }
  }

  async #open(signal: AbortSignal): Promise<AsyncIterator<Buffer>> {
    const body = await this.fetcher.fetch(signal);
    signal.addEventListener('abort', () => body.destroy(signal.reason as Error));
    // It may have been aborted while the answer came.
    if (signal.aborted) body.destroy(signal.reason as Error);
    return body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  #drop(): void {
    this.#stop?.abort(withCode('Closed', 'The file is closed, or read from its beginning'));
    this.#stop = null;
    this.#chunks = null;
    this.#chunk = NOTHING;
    this.#at = 0;
    this.#pace = new Pace(this.rate);
  }
}

function withCode(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

function coded(error: unknown): Error {
  return Object.assign(new Error('The server did not answer as expected', { cause: error }), { code: codeOf(error) });
}
