import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { ServiceError } from '../../errors/index.js';
import { releaseChunks } from '../minor-gc.js';
import type { FileHash, HashThread } from './hash-thread.js';

/** A call to the system for every 64 KiB chunk costs half as much CPU again. */
const WRITE_BYTES = 512 * 1024;

/**
 * Writes a new file, chunks gathered to about 512 KiB for each call, and has it hashed; holds at most about 1 MiB in
 * memory. Fails with a HashFailure if the hash does, with INSUFFICIENT_STORAGE if the disk is full.
 */
export class SpoolFile extends Writable {
  #handle: FileHandle | undefined;
  #gathered: Buffer[] = [];
  #size = 0;
  #hash: FileHash | undefined;
  #sha256: string | undefined;
  /** How much of the file is written. */
  bytesWritten = 0;

  constructor(
    readonly path: string,
    private readonly hashes: HashThread,
  ) {
    super({ highWaterMark: WRITE_BYTES, decodeStrings: true });
  }

  /** The SHA-256 of the whole file, in hex. Throws before the stream has finished. */
  get sha256(): string {
    if (this.#sha256 === undefined) throw new Error('The file is not whole');
    return this.#sha256;
  }

  override _construct(done: (error?: Error | null) => void): void {
    open(this.path, 'wx', 0o600).then((handle) => {
      this.#handle = handle;
      done();
    }, failing(done));
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#gathered.push(chunk);
    this.#size += chunk.length;
    if (this.#size < WRITE_BYTES) done();
    else
      this.#flush()
        .then(() => {
          // A file that was given up meanwhile would never be dropped.
          if (!this.destroyed) this.#hashOn();
        })
        .then(() => done(), failing(done));
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#finish().then(() => done(), failing(done));
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#gathered = [];
    this.#hash?.drop();
    const handle = this.#handle;
    if (handle === undefined) done(error);
    else
      handle.close().then(
        () => done(error),
        (failure: unknown) => done(error ?? asStorageError(failure)),
      );
  }

  async #finish(): Promise<void> {
    if (this.bytesWritten === 0) {
      const hash = createHash('sha256');
      // What one call writes is hashed here in the time that it takes to tell the thread of it.
      for (const chunk of this.#gathered) hash.update(chunk);
      await this.#flush();
      this.#sha256 = hash.digest('hex');
    } else {
      await this.#flush();
      const hash = this.#hashOn();
      hash.end();
      this.#sha256 = await hash.digest;
    }
  }

  /** Has what is written so far hashed. */
  #hashOn(): FileHash {
    if (this.#hash === undefined) {
      this.#hash = this.hashes.begin(this.path);
      // Whatever else comes would be received for nothing.
      this.#hash.digest.catch((error: Error) => this.destroy(error));
    }
    this.#hash.written(this.bytesWritten);
    return this.#hash;
  }

  async #flush(): Promise<void> {
    const size = this.#size;
    let left = this.#gathered;
    this.#gathered = [];
    this.#size = 0;
    while (left.length > 0) {
      if (this.#handle === undefined) throw new Error('The file is not open');
      const { bytesWritten } = await this.#handle.writev(left);
      this.bytesWritten += bytesWritten;
      left = unwritten(left, bytesWritten);
    }
    releaseChunks(size);
  }
}

/** What is left of the chunks when the system took only the first `bytes` of them, as a filling disk makes it do. */
export function unwritten(chunks: readonly Buffer[], bytes: number): Buffer[] {
  let taken = bytes;
  const left: Buffer[] = [];
  for (const chunk of chunks) {
    if (taken < chunk.length) left.push(chunk.subarray(taken));
    taken = Math.max(0, taken - chunk.length);
  }
  return left;
}

function failing(done: (error: Error) => void): (error: unknown) => void {
  return (error) => done(asStorageError(error));
}

/** A full disk or quota, or a limit to the size of files, as INSUFFICIENT_STORAGE, anything else as it is. */
export function asStorageError(error: unknown): Error {
  const code = systemCode(error);
  if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EFBIG') return error as Error;
  return new ServiceError('INSUFFICIENT_STORAGE', 'The disk became full', { cause: error });
}

/** The code of an error of the system, such as ENOENT. */
export function systemCode(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
