import { randomUUID } from 'node:crypto';
import { ServiceError } from '../../errors/index.js';
import type { FileLocation, FileStore, IncomingFile, UncommittedFile } from '../file-store.js';
import { IncomingS3File, S3Upload } from './incoming-s3-file.js';
import { type Manifest, manifestKey, objectsOf, partKey, readManifest } from './manifest.js';
import { PartHashThread } from './part-hash-thread.js';
import { PartPool } from './part-pool.js';
import { ObjectMissingError, S3Objects, unavailable } from './s3-objects.js';
import type { S3Settings } from './s3-settings.js';

const OWNER = 'installation';
const PROBE = 'probe';
/** Copies of parts that are made at a time. */
const MAX_COPYING = 8;
const MiB = 1024 ** 2;
const MAX_PART_BYTES = 8 * MiB;
const MIN_PART_BYTES = MiB;

export interface S3FileStoreOptions {
  settings: S3Settings;
  /** Who may use the prefix: another one's `open` fails. */
  installationId: string;
  /** Memory for parts of files that come in, in bytes: at least 1 MiB for each of `maxUploads`. */
  bufferBytes: number;
  /** Files that come in at a time: each has a part of the memory, however slow the others are. */
  maxUploads: number;
}

/**
 * Files as numbered objects of up to 8 MiB, `files/<key>/000001` and so on, and one object that says what they are,
 * `files/<key>/manifest`: a file is committed when that is written. Errors come as STORAGE_UNAVAILABLE.
 */
export class S3FileStore implements FileStore {
  readonly #objects: S3Objects;
  readonly #pool: PartPool;
  readonly #hashes = new PartHashThread();
  #probe: Promise<void> | undefined;

  constructor(private readonly options: S3FileStoreOptions) {
    this.#objects = new S3Objects(options.settings);
    const perUpload = Math.floor(options.bufferBytes / options.maxUploads);
    const partBytes = Math.min(MAX_PART_BYTES, Math.max(MIN_PART_BYTES, perUpload - (perUpload % MiB)));
    this.#pool = new PartPool(partBytes, Math.floor(options.bufferBytes / partBytes));
  }

  /** Throws STORAGE_UNAVAILABLE if the bucket cannot be written, or if the prefix is another installation's. */
  async open(): Promise<void> {
    const { installationId } = this.options;
    const owner = await this.#do(async () => {
      // Read first: there are servers that create an object whatever the condition.
      const known = await this.#objects.text(OWNER);
      if (known !== null) return known;
      return (await this.#objects.create(OWNER, installationId)) ? installationId : this.#objects.text(OWNER);
    });
    if (owner === installationId) return;
    throw new ServiceError(
      'STORAGE_UNAVAILABLE',
      `${this.#url('')} belongs to installation ${owner}, but this installation (identified by its database) is ${installationId}: set STORAGE_URL to another prefix, or delete the object '${OWNER}' there to take the files over`,
    );
  }

  async close(): Promise<void> {
    await this.#hashes.stop();
    await this.#objects.close();
  }

  create(key: string | null): IncomingFile {
    return new IncomingS3File(this.#objects, this.#pool, this.#hashes, key ?? randomUUID());
  }

  /** Copies the parts on the server. */
  async share(key: string, _sizeBytes: number, as: string | null): Promise<UncommittedFile> {
    const original = await this.#do(() => this.#manifest(key));
    if (original === null) throw expired();
    const copy: Manifest = { ...original, id: as ?? randomUUID(), etags: [] };
    const file = new S3Upload(this.#objects, copy);
    try {
      await eachOf(original.etags, MAX_COPYING, async (etag, index) => {
        copy.etags[index] = await this.#objects.copy(partKey(original.id, index), etag, partKey(copy.id, index));
      });
      return file;
    } catch (error) {
      const isGone = error instanceof ObjectMissingError;
      // If something of it is left, whoever began it knows the key.
      await file.remove().catch(() => undefined);
      throw isGone ? expired(error) : unavailable(error);
    }
  }

  location(key: string): FileLocation {
    return { kind: 's3', settings: this.options.settings, key: manifestKey(key) };
  }

  async has(key: string): Promise<boolean> {
    return (await this.#do(() => this.#objects.text(manifestKey(key)))) !== null;
  }

  async remove(key: string): Promise<void> {
    await this.#do(() => this.#objects.deleteUnder(objectsOf(key)));
  }

  /** A bucket has no limit that could be asked for. */
  async requireRoom(): Promise<void> {}

  async requireWritable(): Promise<void> {
    this.#probe ??= this.#do(async () => void (await this.#objects.put(PROBE, ''))).finally(() => {
      this.#probe = undefined;
    });
    await this.#probe;
  }

  async #do<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** null: there is none. */
  async #manifest(key: string): Promise<Manifest | null> {
    const text = await this.#objects.text(manifestKey(key));
    return text === null ? null : readManifest(text);
  }

  #url(key: string): string {
    const { bucket, prefix } = this.options.settings;
    return `s3://${bucket}/${prefix}${key}`;
  }
}

/** Works on `atOnce` of them at a time. After a failure it begins with no other, and rejects when none is under way any more. */
async function eachOf<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failure: { error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    while (next < items.length && failure === undefined) {
      const index = next++;
      try {
        await work(items[index] as T, index);
      } catch (error) {
        failure = { error };
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  if (failure !== undefined) throw failure.error;
}

function expired(cause?: unknown): ServiceError {
  return new ServiceError('SPOOL_EXPIRED', 'The uploaded file of this job is no longer kept', { cause });
}
