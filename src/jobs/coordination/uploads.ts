import { randomUUID } from 'node:crypto';
import type { Writable } from 'node:stream';
import type { Logger } from 'pino';
import { ServiceError } from '../../errors/index.js';
import type { FileIntake, FileLocation, FileStore, IncomingFile, UncommittedFile } from '../../storage/index.js';
import type { Clock } from '../domain/clock.js';
import type { UploadStore } from '../store/upload-store.js';
import { Rounds } from './rounds.js';

export interface JobUploadsOptions {
  files: FileStore;
  rows: UploadStore;
  clock: Clock;
  log: Logger;
}

const TOUCH_EVERY_MS = 5_000;

/**
 * The files that come in where several processes use one store of files. Each has a row from before its first byte on,
 * which this process touches every 5 s, until a job has the file or it is removed. An upload whose row was given up
 * meanwhile, because this process stood still for long, fails with UPLOAD_TIMEOUT.
 */
export class JobUploads implements FileIntake {
  readonly #rounds: Rounds;
  /** By the keys of the uploads that this process receives: how to end them. */
  readonly #live = new Map<string, () => void>();

  constructor(private readonly options: JobUploadsOptions) {
    this.#rounds = new Rounds({
      ...options,
      round: () => this.touch(),
      everyMs: () => TOUCH_EVERY_MS,
      failure: 'saying that uploads are under way failed',
    });
  }

  async requireRoom(bytes: number): Promise<void> {
    await this.options.files.requireRoom(bytes);
  }

  async create(): Promise<IncomingFile> {
    const key = await this.#begin();
    const file = this.options.files.create(key);
    this.#live.set(key, () => file.body.destroy(uploadLost()));
    return new TrackedIncomingFile(file, key, this);
  }

  async share(from: string, sizeBytes: number): Promise<UncommittedFile> {
    const key = await this.#begin();
    this.#live.set(key, () => undefined);
    try {
      return new TrackedFile(await this.options.files.share(from, sizeBytes, key), key, this);
    } catch (error) {
      // What may be left of another failure is removed when the row has not been touched for long.
      this.release(key);
      if (error instanceof ServiceError && error.code === 'SPOOL_EXPIRED') await this.forget(key);
      throw error;
    }
  }

  /** Says every 5 s which uploads are under way, until `stop`. */
  start(): void {
    this.#rounds.start();
  }

  async stop(): Promise<void> {
    await this.#rounds.stop();
  }

  /** Says it now, and ends those that were given up. Rejects if the store does. */
  async touch(): Promise<void> {
    const keys = [...this.#live.keys()];
    const touched = await this.options.rows.touch(keys);
    for (const key of keys) {
      if (touched.has(key)) continue;
      this.#live.get(key)?.();
      this.#live.delete(key);
    }
  }

  async #begin(): Promise<string> {
    const key = randomUUID();
    await this.options.rows.begin(key);
    return key;
  }

  /** The row is not touched any more: a job has the file, or it is about to be removed. */
  release(key: string): void {
    this.#live.delete(key);
  }

  /** The file is gone. If the row cannot be deleted, it is found by itself later. */
  async forget(key: string): Promise<void> {
    try {
      await this.options.rows.delete(key);
    } catch (error) {
      this.options.log.debug({ err: error, file: key }, 'could not delete the row of an upload now');
    }
  }
}

/** A file with its row. */
class TrackedFile<F extends UncommittedFile = UncommittedFile> implements UncommittedFile {
  constructor(
    protected readonly file: F,
    readonly key: string,
    private readonly uploads: Pick<JobUploads, 'release' | 'forget'>,
  ) {}

  get location(): FileLocation {
    return this.file.location;
  }

  get isInDoubt(): boolean {
    return this.file.isInDoubt;
  }

  async commit(key: string): Promise<void> {
    this.uploads.release(this.key);
    await this.file.commit(key);
  }

  async remove(): Promise<void> {
    this.uploads.release(this.key);
    await this.file.remove();
    if (!this.isInDoubt) await this.uploads.forget(this.key);
  }
}

class TrackedIncomingFile extends TrackedFile<IncomingFile> implements IncomingFile {
  get body(): Writable {
    return this.file.body;
  }

  get sizeBytes(): number {
    return this.file.sizeBytes;
  }

  get sha256(): string {
    return this.file.sha256;
  }
}

/** Somebody took this process for dead. */
export function uploadLost(): ServiceError {
  return new ServiceError('UPLOAD_TIMEOUT', 'The service gave the upload up, because it stood still for too long');
}
