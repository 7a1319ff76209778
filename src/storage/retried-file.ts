import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ReadableFile } from '../decoding/index.js';
import { type ErrorCode, ServiceError } from '../errors/index.js';
import type { OpenFile } from './file-store.js';

const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 2_000;

export interface RetriedFileOptions {
  /** Opens it. Throws ServiceError if another attempt is of no use, any other error if it may be. */
  open(): Promise<OpenFile>;
  sizeBytes: number;
  /** Time in ms for which reads are retried that fail. */
  timeoutMs: number;
  log: Logger;
  /** In sentences: `the stored file`. */
  what: string;
  /** What it is if it has another size, and if it cannot be read for too long. */
  codes: { size: ErrorCode; unreadable: ErrorCode };
}

/**
 * A file whose reads are tried again for some time: errors of the system (no file descriptors, no permission, a disk, a
 * share or a server that is away) may pass, and decoders would take them for failures of the file.
 */
export class RetriedFile implements ReadableFile {
  /** Why it cannot be read, once that is final. A decoder that sits between may tell it in its own words. */
  failure: ServiceError | null = null;
  readonly #closing = new AbortController();
  #file: Promise<OpenFile> | null = null;

  constructor(private readonly options: RetriedFileOptions) {}

  /** As `FileHandle.read`. Throws ServiceError: one of `codes`, or what `open` and its file throw. */
  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    const { sizeBytes, timeoutMs } = this.options;
    const giveUpAt = performance.now() + timeoutMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2)) {
      this.#closing.signal.throwIfAborted();
      this.#file ??= this.#open();
      const file = this.#file;
      try {
        const { bytesRead } = await (await file).read(buffer, offset, length, position);
        if (bytesRead === 0 && length > 0 && position < sizeBytes) throw this.#wrongSize(position);
        return { bytesRead };
      } catch (error) {
        // Another descriptor may do better.
        if (this.#file === file) this.#file = null;
        void closed(file);
        if (error instanceof ServiceError) {
          this.failure = error;
          throw error;
        }
        await this.#pause(error, giveUpAt, pauseMs);
      }
    }
  }

  /** Ends reads that wait for a better moment; those under way are waited for. Never rejects: nothing was written. */
  async close(): Promise<void> {
    this.#closing.abort();
    if (this.#file !== null) await closed(this.#file);
  }

  async #open(): Promise<OpenFile> {
    const file = await this.options.open();
    if (file.sizeBytes === this.options.sizeBytes) return file;
    await file.close();
    throw this.#wrongSize(file.sizeBytes);
  }

  async #pause(error: unknown, giveUpAt: number, pauseMs: number): Promise<void> {
    const { what, codes, log } = this.options;
    const { code } = error as NodeJS.ErrnoException;
    if (performance.now() >= giveUpAt) {
      const detail = `${what} cannot be read (${code ?? 'unknown error'})`;
      this.failure = new ServiceError(codes.unreadable, detail, { cause: error });
      throw this.failure;
    }
    log.warn({ code, retry_ms: pauseMs }, `${what} could not be read`);
    await sleep(pauseMs, undefined, { signal: this.#closing.signal });
  }

  #wrongSize(size: number): ServiceError {
    const { what, codes, sizeBytes } = this.options;
    return new ServiceError(codes.size, `${what} has ${size} bytes instead of ${sizeBytes}`);
  }
}

async function closed(file: Promise<OpenFile>): Promise<void> {
  try {
    await (await file).close();
  } catch {
    // It never was open, or could not be read either.
  }
}
