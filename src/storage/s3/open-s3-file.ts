import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceError } from '../../errors/index.js';
import { FileGoneError, type OpenFile } from '../file-store.js';
import { releaseChunks } from '../minor-gc.js';
import { type Manifest, partKey, readManifest, type S3Location } from './manifest.js';
import { codeOf, ObjectMissingError, S3Objects } from './s3-objects.js';
import type { S3Settings } from './s3-settings.js';

/** Parts that are read ahead of a reader that goes from the beginning to the end. */
const MAX_AHEAD = 3;
/** A read begins at a multiple of this, because who reads the end of a file often goes back a little. */
const ALIGNED_BYTES = 256 * 1024;
/** Attempts of a range that bring no byte. */
const RANGE_ATTEMPTS = 4;
const FIRST_PAUSE_MS = 100;
/** For an answer to begin, and between any two of its bytes. A body may hang for ever: aws-sdk-js-v3 #8098. */
const IDLE_MS = 15_000;

/** One for each bucket: a process that opens file after file uses the same connections. */
const buckets = new Map<string, S3Objects>();

/**
 * Throws FileGoneError, or the SDK's error with its name as `code`. Reads of the file throw FILE_CORRUPT if a part is gone
 * or is not as long as it was, else the error of a range that failed repeatedly.
 */
export async function openS3File(location: S3Location, idleMs = IDLE_MS): Promise<OpenFile> {
  const objects = bucketOf(location.settings);
  if ('manifest' in location) return new S3File(objects, location.manifest, idleMs);
  let text: string | null;
  try {
    text = await objects.text(location.key);
  } catch (error) {
    throw withCode(error);
  }
  if (text === null) throw new FileGoneError(`There is no object ${location.key}`);
  return new S3File(objects, readManifest(text), idleMs);
}

function bucketOf(settings: S3Settings): S3Objects {
  const key = JSON.stringify(settings);
  const objects = buckets.get(key) ?? new S3Objects(settings);
  buckets.set(key, objects);
  return objects;
}

/** Reads parts as wholes, and the next ones ahead while the reader goes forward. Holds at most 1 + MAX_AHEAD of them, and those that are being waited for. */
class S3File implements OpenFile {
  /** Those used last at the end. */
  #ranges: Range[] = [];
  readonly #idleBuffers: Buffer[] = [];
  /** Where the last read ended. */
  #position = 0;
  #ahead = 1;
  #isClosed = false;

  constructor(
    private readonly objects: S3Objects,
    private readonly manifest: Manifest,
    private readonly idleMs: number,
  ) {}

  get sizeBytes(): number {
    return this.manifest.sizeBytes;
  }

  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    const end = Math.min(position + length, this.sizeBytes);
    if (position >= end) return { bytesRead: 0 };
    const isForward = position === this.#position;
    this.#position = end;
    let at = position;
    while (at < end) {
      const range = this.#rangeAt(at);
      this.#readAhead(at, isForward);
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
    this.#ranges = [];
  }

  /** The range that holds the byte; it is being read, or soon will be. */
  #rangeAt(position: number): Range {
    const found = this.#ranges.find((range) => range.start <= position && position < range.end);
    if (found === undefined) return this.#begin(position, position);
    this.#ranges = [...this.#ranges.filter((range) => range !== found), found];
    return found;
  }

  /** Begins with the parts behind that of `position`: one more each time that the reader has come to a new one, none if it jumps. */
  #readAhead(position: number, isForward: boolean): void {
    const { partBytes } = this.manifest;
    if (!isForward) {
      this.#ahead = 1;
      return;
    }
    for (let index = 1; index <= this.#ahead; index++) {
      const start = (Math.floor(position / partBytes) + index) * partBytes;
      if (start >= this.sizeBytes || this.#ranges.some((range) => range.start <= start && start < range.end)) continue;
      this.#begin(start, position);
      this.#ahead = Math.min(MAX_AHEAD, this.#ahead + 1);
    }
  }

  /** Reads the rest of the part from `position` on, for a reader that is at `reader`. */
  #begin(position: number, reader: number): Range {
    if (this.#isClosed) throw new Error('The file is closed');
    this.#evict(reader);
    const { id, etags, partBytes, sizeBytes } = this.manifest;
    const part = Math.floor(position / partBytes);
    const partStart = part * partBytes;
    const start = Math.max(partStart, position - (position % ALIGNED_BYTES));
    const end = Math.min(partStart + partBytes, sizeBytes);
    const range = new Range(
      {
        objects: this.objects,
        key: partKey(id, part),
        etag: etags[part] ?? '',
        partStart,
        idleMs: this.idleMs,
      },
      start,
      end,
      this.#idleBuffers.pop() ?? Buffer.allocUnsafeSlow(Math.min(partBytes, sizeBytes)),
    );
    this.#ranges.push(range);
    return range;
  }

  /** Makes room for one more: what lies behind `position` goes first, that which was used longest ago; then what is farthest ahead. */
  #evict(position: number): void {
    while (this.#ranges.length > MAX_AHEAD) {
      const idle = this.#ranges.filter((range) => range.isIdle);
      const oldest = idle.find((range) => range.end <= position) ?? idle.toSorted((a, b) => b.start - a.start)[0];
      if (oldest === undefined) return;
      this.#ranges = this.#ranges.filter((range) => range !== oldest);
      oldest.abort();
      if (oldest.isDone) this.#idleBuffers.push(oldest.buffer);
    }
  }
}

interface RangeSource {
  objects: S3Objects;
  key: string;
  etag: string;
  /** Where in the file the object begins. */
  partStart: number;
  idleMs: number;
}

/** Bytes of one part, which come in from the moment that this is created; offsets are the file's. */
class Range {
  readonly ended: Promise<void>;
  #received = 0;
  /** Number of bytes that somebody waits for. */
  #wanted = Number.POSITIVE_INFINITY;
  #users = 0;
  #isDone = false;
  #failure: unknown;
  #arrival = Promise.withResolvers<void>();
  readonly #stop = new AbortController();

  constructor(
    private readonly source: RangeSource,
    readonly start: number,
    readonly end: number,
    readonly buffer: Buffer,
  ) {
    this.ended = this.#receive().then(
      () => {
        this.#isDone = true;
      },
      (error: unknown) => {
        this.#failure = error;
        this.#arrived();
      },
    );
  }

  /** Nobody waits for its bytes. */
  get isIdle(): boolean {
    return this.#users === 0;
  }

  /** All bytes are there, so its buffer is written no more. */
  get isDone(): boolean {
    return this.#isDone;
  }

  abort(): void {
    this.#stop.abort();
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
        this.#stop.signal.throwIfAborted();
        if (error instanceof ServiceError) throw error;
        if (error instanceof ObjectMissingError) throw corrupt('a part of the stored file is gone', error);
        if (attempt >= RANGE_ATTEMPTS) throw withCode(error);
        await sleep(FIRST_PAUSE_MS * 2 ** attempt, undefined, { signal: this.#stop.signal });
      }
    }
  }

  /** Resolves when all bytes are there. */
  async #receiveMore(): Promise<void> {
    const { objects, key, etag, partStart, idleMs } = this.source;
    const from = this.start + this.#received - partStart;
    const to = this.end - partStart;
    const idle = new AbortController();
    const timer = setTimeout(() => idle.abort(stuck(idleMs)), idleMs);
    const signal = AbortSignal.any([idle.signal, this.#stop.signal]);
    try {
      const { body, contentRange } = await objects.range(key, etag, from, to, signal);
      signal.addEventListener('abort', () => body.destroy(signal.reason as Error));
      try {
        // The SDK may have let go of the signal just before.
        signal.throwIfAborted();
        if (!contentRange?.startsWith(`bytes ${from}-`))
          throw new Error(`Not the range that was asked for: ${contentRange}`);
        if (contentRange !== `bytes ${from}-${to - 1}/${to}`)
          throw corrupt('a part of the stored file has another size');
        await this.#drain(body, () => timer.refresh());
      } finally {
        body.destroy();
      }
    } catch (error) {
      throw idle.signal.aborted ? idle.signal.reason : error;
    } finally {
      clearTimeout(timer);
    }
    const missing = this.end - this.start - this.#received;
    if (missing > 0) throw Object.assign(new Error(`${missing} bytes are missing`), { code: 'TruncatedBody' });
  }

  /** By events: an iterator would put chunks that came together into one more buffer. */
  async #drain(body: Readable, onBytes: () => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    body.on('data', (chunk: Buffer) => {
      onBytes();
      if (chunk.length > this.end - this.start - this.#received) {
        body.destroy(new Error('More bytes came than were asked for'));
        return;
      }
      chunk.copy(this.buffer, this.#received);
      this.#received += chunk.length;
      releaseChunks(chunk.length);
      if (this.#received >= this.#wanted) this.#arrived();
    });
    body.once('end', resolve).once('error', reject).once('close', resolve);
    await promise;
  }
}

function stuck(idleMs: number): Error {
  return Object.assign(new Error(`No byte arrived for ${idleMs} ms`), { code: 'IdleBody' });
}

function corrupt(message: string, cause?: unknown): ServiceError {
  return new ServiceError('FILE_CORRUPT', message, { cause });
}

/** With what the server calls it, as the errors of a system have it. */
function withCode(error: unknown): Error {
  return Object.assign(new Error('The storage did not answer as expected', { cause: error }), { code: codeOf(error) });
}
