import { Writable } from 'node:stream';
import type { FileLocation, IncomingFile, UncommittedFile } from '../file-store.js';
import { releaseChunks } from '../minor-gc.js';
import { type Manifest, manifestKey, objectsOf, partKey, writeManifest } from './manifest.js';
import type { PartHash, PartHashThread } from './part-hash-thread.js';
import type { PartPool } from './part-pool.js';
import { type S3Objects, unavailable } from './s3-objects.js';

/** Parts of one file that are sent at a time, if the pool has buffers for them. */
const MAX_SENDING = 4;

/** The parts of a file that no job has yet, and then its manifest, with which it is committed. */
export class S3Upload implements UncommittedFile {
  isInDoubt = false;
  #isCommitted = false;

  constructor(
    protected readonly objects: S3Objects,
    protected readonly manifest: Manifest,
  ) {}

  get key(): string {
    return this.manifest.id;
  }

  get location(): FileLocation {
    const { settings } = this.objects;
    return this.#isCommitted
      ? { kind: 's3', settings, key: manifestKey(this.key) }
      : { kind: 's3', settings, manifest: this.manifest };
  }

  async commit(): Promise<void> {
    if (this.#isCommitted) return;
    try {
      await this.objects.put(manifestKey(this.key), writeManifest(this.manifest));
      this.#isCommitted = true;
    } catch (error) {
      this.doubt();
      throw unavailable(error);
    }
  }

  async remove(): Promise<void> {
    try {
      await this.objects.deleteUnder(objectsOf(this.key));
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** The parts may be more than those that are known. */
  doubt(): void {
    this.isInDoubt = true;
  }
}

/** A file that comes in: its parts are sent as they are full, up to four at a time. */
export class IncomingS3File extends S3Upload implements IncomingFile {
  readonly body: PartWriter;

  constructor(objects: S3Objects, pool: PartPool, hashes: PartHashThread, id: string) {
    super(objects, { id, sizeBytes: 0, partBytes: pool.partBytes, etags: [] });
    this.body = new PartWriter(objects, this.manifest, pool, hashes, () => this.doubt());
  }

  get sizeBytes(): number {
    return this.manifest.sizeBytes;
  }

  get sha256(): string {
    return this.body.sha256;
  }

  override async remove(): Promise<void> {
    // What is under way would arrive after its removal.
    await this.body.quiet();
    await super.remove();
  }
}

class PartWriter extends Writable {
  #part: Buffer | undefined;
  #filled = 0;
  readonly #hash: PartHash;
  #sha256: string | undefined;
  readonly #sending = new Set<Promise<void>>();
  #sent = 0;
  readonly #closed = Promise.withResolvers<void>();

  constructor(
    private readonly objects: S3Objects,
    private readonly manifest: Manifest,
    private readonly pool: PartPool,
    hashes: PartHashThread,
    /** A request has failed: what has become of its object is not known. */
    private readonly doubt: () => void,
  ) {
    super({ decodeStrings: true });
    this.#hash = hashes.begin();
  }

  get sha256(): string {
    if (this.#sha256 === undefined) throw new Error('The file is not whole');
    return this.#sha256;
  }

  /** Resolves when the stream is closed and no request is under way any more. */
  async quiet(): Promise<void> {
    await this.#closed.promise;
    await Promise.allSettled(this.#sending);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#take(chunk).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#finish().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#hash.drop();
    if (this.#part !== undefined) this.pool.release(this.#part);
    this.#part = undefined;
    this.#closed.resolve();
    done(error);
  }

  async #take(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length && !this.destroyed; ) {
      const part = this.#part ?? (await this.#nextPart());
      if (part === undefined) return;
      const bytes = chunk.copy(part, this.#filled, at);
      at += bytes;
      this.#filled += bytes;
      this.manifest.sizeBytes += bytes;
      if (this.#filled === part.length) this.#send(part);
    }
    releaseChunks(chunk.length);
  }

  /** undefined: the stream was destroyed meanwhile. */
  async #nextPart(): Promise<Buffer | undefined> {
    let part: Buffer | undefined;
    while (part === undefined && this.#sending.size > 0 && !this.destroyed) {
      part = this.#sending.size < MAX_SENDING ? this.pool.tryAcquire() : undefined;
      if (part === undefined) await Promise.race(this.#sending);
    }
    part ??= await this.pool.acquire();
    if (this.destroyed) {
      this.pool.release(part);
      return undefined;
    }
    this.#part = part;
    return part;
  }

  #send(part: Buffer): void {
    const bytes = part.subarray(0, this.#filled);
    const index = this.#sent++;
    this.#part = undefined;
    this.#filled = 0;
    const sending = this.#put(bytes, index)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#sending.delete(sending);
        this.pool.release(part);
      });
    this.#sending.add(sending);
  }

  async #put(bytes: Buffer, index: number): Promise<void> {
    const crc32 = await this.#hash.add(bytes);
    if (this.destroyed) return;
    this.manifest.etags[index] = await this.objects.put(partKey(this.manifest.id, index), bytes, crc32);
  }

  async #finish(): Promise<void> {
    if (this.#part !== undefined && this.#filled > 0) this.#send(this.#part);
    await Promise.all(this.#sending);
    if (this.destroyed) throw new Error('The file was given up');
    this.#sha256 = await this.#hash.end();
  }

  #fail(error: unknown): void {
    this.doubt();
    this.destroy(unavailable(error));
  }
}
