import { randomUUID } from 'node:crypto';
import { Writable } from 'node:stream';
import type { FileLocation, IncomingFile, UncommittedFile } from '../file-store.js';
import { releaseChunks } from '../minor-gc.js';
import { INCOMING, type IncomingMark, JOBS, type Manifest, partKey, partKeys, writeManifest } from './manifest.js';
import type { PartHash, PartHashThread } from './part-hash-thread.js';
import type { PartPool } from './part-pool.js';
import { type S3Objects, unavailable } from './s3-objects.js';

/** Parts of one file that are sent at a time, if the pool has buffers for them. */
const MAX_SENDING = 4;

/**
 * The parts of a file that no job has yet. Before the first of them there is an object `incoming/<id>`, which tells the
 * next start of the service of them, and which goes when a job has the file.
 */
export class S3Upload implements UncommittedFile {
  #jobId: string | null = null;
  /** A request failed, so what has become of its object is not known. */
  #isInDoubt = false;

  constructor(
    protected readonly objects: S3Objects,
    protected readonly manifest: Manifest,
  ) {}

  get location(): FileLocation {
    const { settings } = this.objects;
    return this.#jobId === null
      ? { kind: 's3', settings, manifest: this.manifest }
      : { kind: 's3', settings, key: JOBS + this.#jobId };
  }

  /** Announces the parts. */
  async begin(): Promise<void> {
    await this.#mark(null);
  }

  async commit(jobId: string): Promise<void> {
    const earlier = this.#jobId;
    try {
      // Whoever finds this mark after a crash looks whether the job has the file.
      await this.#mark(jobId);
      await this.objects.put(JOBS + jobId, writeManifest(this.manifest));
      this.#jobId = jobId;
      if (earlier !== null) await this.objects.delete(JOBS + earlier);
    } catch (error) {
      this.#isInDoubt = true;
      throw unavailable(error);
    }
    // The next start removes a mark that is left.
    await this.objects.delete(this.#markKey).catch(() => undefined);
  }

  async remove(): Promise<void> {
    try {
      await this.objects.deleteAll(partKeys(this.manifest));
      if (this.#jobId !== null) await this.objects.delete(JOBS + this.#jobId);
      if (!this.#isInDoubt) await this.objects.delete(this.#markKey);
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** The parts may be more than those that are known. */
  doubt(): void {
    this.#isInDoubt = true;
  }

  get #markKey(): string {
    return INCOMING + this.manifest.id;
  }

  async #mark(jobId: string | null): Promise<void> {
    await this.objects.put(this.#markKey, JSON.stringify({ jobId } satisfies IncomingMark));
  }
}

/** A file that comes in: its parts are sent as they are full, up to four at a time. */
export class IncomingS3File extends S3Upload implements IncomingFile {
  readonly body: PartWriter;

  constructor(objects: S3Objects, pool: PartPool, hashes: PartHashThread) {
    super(objects, { id: randomUUID(), sizeBytes: 0, partBytes: pool.partBytes, etags: [] });
    this.body = new PartWriter(objects, this.manifest, pool, hashes, {
      begin: () => this.begin(),
      doubt: () => this.doubt(),
    });
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

interface Upload {
  begin(): Promise<void>;
  doubt(): void;
}

class PartWriter extends Writable {
  #part: Buffer | undefined;
  #filled = 0;
  readonly #hash: PartHash;
  #sha256: string | undefined;
  /** Resolves when the parts are announced. */
  readonly #begun: Promise<void>;
  readonly #sending = new Set<Promise<void>>();
  #sent = 0;
  readonly #closed = Promise.withResolvers<void>();

  constructor(
    private readonly objects: S3Objects,
    private readonly manifest: Manifest,
    private readonly pool: PartPool,
    hashes: PartHashThread,
    private readonly upload: Upload,
  ) {
    super({ decodeStrings: true });
    this.#hash = hashes.begin();
    this.#begun = upload.begin();
    this.#begun.catch((error: unknown) => this.#fail(error));
  }

  get sha256(): string {
    if (this.#sha256 === undefined) throw new Error('The file is not whole');
    return this.#sha256;
  }

  /** Resolves when the stream is closed and no request is under way any more. */
  async quiet(): Promise<void> {
    await this.#closed.promise;
    await Promise.allSettled([this.#begun, ...this.#sending]);
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
    await this.#begun;
    if (this.destroyed) return;
    // Known before it is there, so that it is removed in any case.
    this.manifest.etags[index] = '';
    this.manifest.etags[index] = await this.objects.put(partKey(this.manifest.id, index), bytes, crc32);
  }

  async #finish(): Promise<void> {
    if (this.#part !== undefined && this.#filled > 0) this.#send(this.#part);
    await Promise.all([this.#begun, ...this.#sending]);
    if (this.destroyed) throw new Error('The file was given up');
    this.#sha256 = await this.#hash.end();
  }

  #fail(error: unknown): void {
    this.upload.doubt();
    this.destroy(unavailable(error));
  }
}
