import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceError } from '../errors/index.js';
import type { OpenFile } from './file-store.js';
import { releaseChunks } from './minor-gc.js';
import { MIN_RATE, Pace, type Rate } from './pace.js';

/** Pieces that are read ahead of a reader that goes from the beginning to the end, if it would wait for them otherwise. */
const MAX_AHEAD = 3;
/** A read begins at a multiple of this, because who reads the end of a file often goes back a little. */
const ALIGNED_BYTES = 256 * 1024;
/** Attempts of a range that bring no byte; one that ends by waiting counts twice. */
const RANGE_ATTEMPTS = 4;
const FIRST_PAUSE_MS = 100;

/** Where the bytes of a file come from, a range at a time. */
export interface RangeFetcher {
  readonly sizeBytes: number;
  /** The file is fetched in pieces of this size, the last one of less; no range goes beyond one. */
  readonly pieceBytes: number;
  /** Bodies come over sockets that read into new memory each time, as those of `src/http` do not. */
  readonly leavesChunks?: boolean;
  /**
   * The bytes `from` to `to` (exclusive), as they come: exactly these. A chunk's memory is freed once it is read. `signal`
   * ends the request and its body. Throws ServiceError if another attempt would not help, any other error if it may.
   */
  fetch(from: number, to: number, signal: AbortSignal): Promise<Readable>;
}

/**
 * A file that is fetched in pieces, the next ones ahead while the reader goes forward: one, or up to MAX_AHEAD if they come
 * late. Holds no others then; at most 1 + MAX_AHEAD if the reader jumps, and those that are being waited for. A read throws
 * what `fetch` does, if it did so repeatedly; errors other than ServiceError have a `code`. `idleMs`: for an answer to begin, and between any two of its bytes. `rate`: that of each piece.
 */
export class RangedFile implements OpenFile {
  /** Those used last at the end. */
  #ranges: Range[] = [];
  readonly #idleBuffers: Buffer[] = [];
  /** The one that the last read ended in. */
  #reading: Range | undefined;
  /** Where the last read ended. */
  #position = 0;
  #ahead = 1;
  #isClosed = false;

  constructor(
    private readonly fetcher: RangeFetcher,
    private readonly idleMs: number,
    private readonly rate: Rate = MIN_RATE,
  ) {}

  get sizeBytes(): number {
    return this.fetcher.sizeBytes;
  }

  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    const end = Math.min(position + length, this.sizeBytes);
    if (position >= end) return { bytesRead: 0 };
    const isForward = position === this.#position;
    this.#position = end;
    let at = position;
    while (at < end) {
      const range = this.#rangeAt(at, isForward);
      if (isForward) this.#readAhead(range, at);
      else this.#ahead = 1;
      this.#reading = range;
      const to = Math.min(end, range.end);
      try {
        await range.copyTo(buffer, offset + at - position, at, to);
      } catch (error) {
        this.#ranges = this.#ranges.filter((each) => each !== range);
        throw error;
      }
      at = to;
    }
    return { bytesRead: end - position };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const range of this.#ranges) range.abort();
    await Promise.all(this.#ranges.map((range) => range.ended));
    for (const buffer of [...this.#ranges.map((range) => range.buffer), ...this.#idleBuffers.splice(0)]) free(buffer);
    this.#ranges = [];
  }

  /** The range that holds the byte; it is being read, or soon will be. */
  #rangeAt(position: number, isForward: boolean): Range {
    const found = this.#ranges.find((range) => range.start <= position && position < range.end);
    if (found === undefined) {
      this.#evict(position, null, isForward);
      return this.#begin(position);
    }
    if (isForward && found !== this.#reading && found.isLate) this.#ahead = Math.min(MAX_AHEAD, this.#ahead + 1);
    this.#ranges = [...this.#ranges.filter((range) => range !== found), found];
    return found;
  }

  /** Begins with the pieces behind that of `position`. */
  #readAhead(current: Range, position: number): void {
    const { pieceBytes } = this.fetcher;
    for (let index = 1; index <= this.#ahead; index++) {
      const start = (Math.floor(position / pieceBytes) + index) * pieceBytes;
      if (start >= this.sizeBytes || this.#ranges.some((range) => range.start <= start && start < range.end)) continue;
      this.#evict(position, current, true);
      this.#begin(start);
    }
  }

  /** Reads the rest of the piece from `position` on. */
  #begin(position: number): Range {
    if (this.#isClosed) throw new Error('The file is closed');
    const { pieceBytes, sizeBytes } = this.fetcher;
    const pieceStart = position - (position % pieceBytes);
    const start = Math.max(pieceStart, position - (position % ALIGNED_BYTES));
    const end = Math.min(pieceStart + pieceBytes, sizeBytes);
    const buffer = this.#idleBuffers.pop() ?? Buffer.allocUnsafeSlow(Math.min(pieceBytes, sizeBytes));
    const range = new Range(this.fetcher, this.idleMs, new Pace(this.rate), start, end, buffer);
    this.#ranges.push(range);
    return range;
  }

  /**
   * Makes room for one more, for a reader that is at `position`, in `current`: what lies behind goes first, that which was used
   * longest ago; then what is farthest ahead. Who goes forward leaves nothing behind.
   */
  #evict(position: number, current: Range | null, isForward: boolean): void {
    for (;;) {
      const isFull = this.#ranges.length > MAX_AHEAD;
      if (!isFull && !isForward) return;
      const idle = this.#ranges.filter((range) => range.isIdle && range !== current);
      const behind = idle.find((range) => range.end <= position);
      const oldest = behind ?? (isFull ? idle.toSorted((a, b) => b.start - a.start)[0] : undefined);
      if (oldest === undefined) return;
      this.#ranges = this.#ranges.filter((range) => range !== oldest);
      // One that has all its bytes ends by itself: aborted, it would take its connection along.
      if (oldest.isDone) this.#idleBuffers.push(oldest.buffer);
      else void oldest.drop();
    }
  }
}

/** Bytes of one piece, which come in from the moment that this is created. */
class Range {
  readonly ended: Promise<void>;
  #received = 0;
  /** When the last bytes came, or it began. */
  #heardAt = performance.now();
  /** Number of bytes that somebody waits for. */
  #wanted = Number.POSITIVE_INFINITY;
  #users = 0;
  #failure: unknown;
  #arrival = Promise.withResolvers<void>();
  readonly #stop = new AbortController();

  constructor(
    private readonly fetcher: RangeFetcher,
    private readonly idleMs: number,
    private readonly pace: Pace,
    readonly start: number,
    readonly end: number,
    readonly buffer: Buffer,
  ) {
    this.ended = this.#receive().catch((error: unknown) => {
      this.#failure = error;
      this.#arrived();
    });
  }

  /** Nobody waits for its bytes. */
  get isIdle(): boolean {
    return this.#users === 0;
  }

  /** Less than half of its bytes are there. */
  get isLate(): boolean {
    return this.#received * 2 < this.end - this.start;
  }

  /** All bytes are there, so its buffer is written no more. */
  get isDone(): boolean {
    return this.#received === this.end - this.start;
  }

  abort(): void {
    this.#stop.abort();
  }

  /** Nobody wants its bytes. */
  async drop(): Promise<void> {
    this.abort();
    await this.ended;
    free(this.buffer);
  }

  async copyTo(target: Buffer, at: number, from: number, to: number): Promise<void> {
    this.#users += 1;
    try {
      while (this.start + this.#received < to) {
        if (this.#failure !== undefined) throw this.#failure;
        this.#wanted = Math.min(this.#wanted, to - this.start);
        await this.#arrival.promise;
      }
      this.buffer.copy(target, at, from - this.start, to - this.start);
    } finally {
      this.#users -= 1;
    }
  }

  #arrived(): void {
    this.#wanted = Number.POSITIVE_INFINITY;
    const { resolve } = this.#arrival;
    this.#arrival = Promise.withResolvers();
    resolve();
  }

  async #receive(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const before = this.#received;
      try {
        await this.#receiveMore();
        return;
      } catch (error) {
        if (this.#received > before) attempt = 1;
        if (isStuck(error)) attempt += 1;
        this.#stop.signal.throwIfAborted();
        if (error instanceof ServiceError) throw error;
        if (attempt >= RANGE_ATTEMPTS || isSlow(error)) throw withCode(error);
        await sleep(FIRST_PAUSE_MS * 2 ** attempt, undefined, { signal: this.#stop.signal });
      }
    }
  }

  /** Resolves when all bytes are there. */
  async #receiveMore(): Promise<void> {
    const { fetcher, idleMs } = this;
    const idle = new AbortController();
    const timer = setTimeout(() => idle.abort(stuck(idleMs)), idleMs);
    const signal = AbortSignal.any([idle.signal, this.#stop.signal]);
    try {
      const body = await fetcher.fetch(this.start + this.#received, this.end, signal);
      signal.addEventListener('abort', () => body.destroy(signal.reason as Error));
      try {
        // The client may have let go of the signal just before.
        signal.throwIfAborted();
        await this.#drain(body, () => timer.refresh());
      } finally {
        body.destroy();
      }
    } catch (error) {
      const cause: unknown = idle.signal.aborted ? idle.signal.reason : error;
      // A source may have refused an answer whose body it has left open.
      idle.abort(cause);
      throw cause;
    } finally {
      clearTimeout(timer);
    }
    const missing = this.end - this.start - this.#received;
    if (missing > 0) throw Object.assign(new Error(`${missing} bytes are missing`), { code: 'TruncatedBody' });
  }

  /** Throws if these bytes are too many, or come too slowly. */
  #count(bytes: number): void {
    if (bytes > this.end - this.start - this.#received) throw new Error('More bytes came than were asked for');
    const now = performance.now();
    this.pace.add(bytes, now - this.#heardAt);
    this.#heardAt = now;
  }

  /** By events: an iterator would put chunks that came together into one more buffer. */
  async #drain(body: Readable, onBytes: () => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    body.on('data', (chunk: Buffer) => {
      onBytes();
      try {
        this.#count(chunk.length);
      } catch (error) {
        body.destroy(error as Error);
        return;
      }
      chunk.copy(this.buffer, this.#received);
      this.#received += chunk.length;
      if (this.fetcher.leavesChunks === true) releaseChunks(chunk.length);
      free(chunk);
      if (this.#received >= this.#wanted) this.#arrived();
    });
    body.once('end', resolve).once('error', reject).once('close', resolve);
    await promise;
  }
}

/**
 * Gives its memory back now, unless it is part of another's: the collector sees an object of a few bytes, and lets file after
 * file leave 32 MiB behind; if chunks are left to it, it takes as much time as all that is done with them.
 */
function free({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

function stuck(idleMs: number): Error {
  return Object.assign(new Error(`No byte arrived for ${idleMs} ms`), { code: 'IdleBody' });
}

function isStuck(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'IdleBody';
}

function isSlow(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'SlowBody';
}

/** With what the server or the system calls it: `SlowDown`, `ECONNREFUSED`. */
function withCode(error: unknown): Error {
  return Object.assign(new Error('The storage did not answer as expected', { cause: error }), { code: codeOf(error) });
}

/** What the server or the system calls the failure. */
export function codeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return typeof code === 'string' ? code : typeof name === 'string' ? name : 'unknown error';
}
