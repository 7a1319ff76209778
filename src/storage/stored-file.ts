import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ReadableFile } from '../decoding/index.js';
import { ServiceError } from '../errors/index.js';
import { FileGoneError, type FileLocation, type OpenFile } from './file-store.js';
import { openFile } from './open-file.js';

const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 2_000;

export interface StoredFileOptions {
  location: FileLocation;
  sizeBytes: number;
  /** Time in ms for which reads are retried that the system refuses. */
  timeoutMs: number;
  log: Logger;
}

/**
 * A job's uploaded file. It counts as damaged only if it is gone or has another size. Other errors of the system
 * (no file descriptors, no permission, a disk or a share that is away) may pass: the read is retried for some time
 * before it throws; decoders would take the failure for one of the file.
 */
export class StoredFile implements ReadableFile {
  /** SPOOL_UNREADABLE, once a read was given up. A decoder that sits between may tell it in its own words. */
  failure: ServiceError | null = null;
  readonly #closing = new AbortController();
  #file: Promise<OpenFile> | null = null;

  constructor(private readonly options: StoredFileOptions) {}

  /** As `FileHandle.read`. Throws ServiceError FILE_CORRUPT, SPOOL_UNREADABLE. */
  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    const { sizeBytes, timeoutMs } = this.options;
    const giveUpAt = performance.now() + timeoutMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2)) {
      this.#closing.signal.throwIfAborted();
      this.#file ??= this.#open();
      const file = this.#file;
      try {
        const { bytesRead } = await (await file).read(buffer, offset, length, position);
        if (bytesRead === 0 && length > 0 && position < sizeBytes) throw wrongSize(position, sizeBytes);
        return { bytesRead };
      } catch (error) {
        // Another descriptor may do better.
        if (this.#file === file) this.#file = null;
        void closed(file);
        if (error instanceof ServiceError) throw error;
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
    const { location, sizeBytes } = this.options;
    const file = await openFile(location).catch((error: unknown) => {
      if (!(error instanceof FileGoneError)) throw error;
      throw new ServiceError('FILE_CORRUPT', 'the stored file is gone', { cause: error });
    });
    if (file.sizeBytes === sizeBytes) return file;
    await file.close();
    throw wrongSize(file.sizeBytes, sizeBytes);
  }

  async #pause(error: unknown, giveUpAt: number, pauseMs: number): Promise<void> {
    const { code } = error as NodeJS.ErrnoException;
    if (performance.now() >= giveUpAt) {
      const detail = `the stored file cannot be read (${code ?? 'unknown error'})`;
      this.failure = new ServiceError('SPOOL_UNREADABLE', detail, { cause: error });
      throw this.failure;
    }
    this.options.log.warn({ code, retry_ms: pauseMs }, 'the stored file could not be read');
    await sleep(pauseMs, undefined, { signal: this.#closing.signal });
  }
}

async function closed(file: Promise<OpenFile>): Promise<void> {
  try {
    await (await file).close();
  } catch {
    // It never was open, or could not be read either.
  }
}

function wrongSize(size: number, expected: number): ServiceError {
  return new ServiceError('FILE_CORRUPT', `the stored file has ${size} bytes instead of ${expected}`);
}
