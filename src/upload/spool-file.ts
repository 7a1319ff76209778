import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { collectYoung } from './collect-young.js';

/** A call to the system for every 64 KiB chunk costs half as much CPU again. */
const WRITE_BYTES = 512 * 1024;
/** The chunks of so many bytes are let go of together. */
const COLLECT_BYTES = 2 * 1024 * 1024;

/**
 * Writes a new file, chunks gathered to about 512 KiB for each call, and hashes it; holds at most about 1 MiB in memory.
 */
export class SpoolFile extends Writable {
  #handle: FileHandle | undefined;
  #gathered: Buffer[] = [];
  #size = 0;
  #collectAt = COLLECT_BYTES;
  readonly #hash = createHash('sha256');
  /** How much of the file is written. */
  bytesWritten = 0;

  constructor(readonly path: string) {
    super({ highWaterMark: WRITE_BYTES, decodeStrings: true });
  }

  /** The SHA-256 of the whole file, in hex. Once, when it is written. */
  sha256(): string {
    return this.#hash.digest('hex');
  }

  override _construct(done: (error?: Error | null) => void): void {
    open(this.path, 'wx', 0o600).then((handle) => {
      this.#handle = handle;
      done();
    }, done);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#gathered.push(chunk);
    this.#size += chunk.length;
    if (this.#size < WRITE_BYTES) done();
    else this.#flush().then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#flush().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#gathered = [];
    const handle = this.#handle;
    if (handle === undefined) done(error);
    else
      handle.close().then(
        () => done(error),
        (failure: Error) => done(error ?? failure),
      );
  }

  async #flush(): Promise<void> {
    let left = this.#gathered;
    const unhashed = [...left];
    this.#gathered = [];
    this.#size = 0;
    while (left.length > 0) {
      if (this.#handle === undefined) throw new Error('The file is not open');
      const writing = this.#handle.writev(left);
      // While the system writes: this thread would have nothing to do.
      for (const chunk of unhashed.splice(0)) this.#hash.update(chunk);
      const { bytesWritten } = await writing;
      this.bytesWritten += bytesWritten;
      left = unwritten(left, bytesWritten);
    }
    if (this.bytesWritten >= this.#collectAt) {
      this.#collectAt = this.bytesWritten + COLLECT_BYTES;
      collectYoung();
    }
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
