import { randomUUID } from 'node:crypto';
import { ServiceError } from '../../errors/index.js';
import type { FileLocation, FileStore, IncomingFile, UncommittedFile } from '../file-store.js';
import { IncomingS3File, S3Upload } from './incoming-s3-file.js';
import {
  INCOMING,
  type IncomingMark,
  JOBS,
  type Manifest,
  ORPHANS,
  partKey,
  partKeys,
  partsOf,
  readManifest,
  writeManifest,
} from './manifest.js';
import { PartHashThread } from './part-hash-thread.js';
import { PartPool } from './part-pool.js';
import { ObjectMissingError, S3Objects, unavailable } from './s3-objects.js';
import type { S3Settings } from './s3-settings.js';

const JOB_ID = /^[a-z0-9]{8}$/;
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
 * Files as numbered objects of up to 8 MiB under a random id, `parts/<id>/000001` and so on, and one object that names
 * them for each job, `jobs/<job_id>`: a file is a job's when that is written. Errors come as STORAGE_UNAVAILABLE.
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

  create(): IncomingFile {
    return new IncomingS3File(this.#objects, this.#pool, this.#hashes);
  }

  /** Copies the parts on the server. */
  async share(jobId: string, _sizeBytes: number): Promise<UncommittedFile> {
    const original = await this.#do(() => this.#manifest(JOBS + jobId));
    if (original === null) throw expired(jobId);
    const copy: Manifest = { ...original, id: randomUUID(), etags: [] };
    const file = new S3Upload(this.#objects, copy);
    try {
      await file.begin();
      await eachOf(original.etags, MAX_COPYING, async (etag, index) => {
        copy.etags[index] = '';
        const to = partKey(copy.id, index);
        copy.etags[index] = await this.#objects.copy(partKey(original.id, index), etag, to);
      });
      return file;
    } catch (error) {
      const isGone = error instanceof ObjectMissingError;
      if (!isGone) file.doubt();
      await file.remove();
      throw isGone ? expired(jobId, error) : unavailable(error);
    }
  }

  location(jobId: string): FileLocation {
    return { kind: 's3', settings: this.options.settings, key: JOBS + jobId };
  }

  async has(jobId: string): Promise<boolean> {
    return this.#do(async () => (await this.#objects.text(JOBS + jobId)) !== null);
  }

  async remove(jobId: string): Promise<void> {
    await this.#do(() => this.#remove(JOBS + jobId));
  }

  async list(): Promise<string[]> {
    return this.#do(async () => (await this.#ids(JOBS)).map(({ id }) => id));
  }

  async removeUncommitted(): Promise<number> {
    return this.#do(async () => {
      let removed = 0;
      for await (const { key } of this.#objects.list(INCOMING)) {
        if (!(await this.#belongsToJob(key))) {
          const parts: string[] = [];
          for await (const part of this.#objects.list(partsOf(key.slice(INCOMING.length)))) parts.push(part.key);
          await this.#objects.deleteAll(parts);
          removed += 1;
        }
        await this.#objects.delete(key);
      }
      return removed;
    });
  }

  async moveAside(jobId: string): Promise<string> {
    return this.#do(async () => {
      const manifest = await this.#manifest(JOBS + jobId);
      if (manifest !== null) await this.#objects.put(ORPHANS + jobId, writeManifest(manifest));
      await this.#objects.delete(JOBS + jobId);
      return this.#url(ORPHANS + jobId);
    });
  }

  async removeOrphans(before: number): Promise<string[]> {
    return this.#do(async () => {
      const removed: string[] = [];
      for (const { id, modifiedAt } of await this.#ids(ORPHANS)) {
        if (modifiedAt >= before) continue;
        await this.#remove(ORPHANS + id);
        removed.push(id);
      }
      return removed;
    });
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
    const text = await this.#objects.text(key);
    return text === null ? null : readManifest(text);
  }

  /** The manifest goes last, so that a removal that was interrupted can be repeated. */
  async #remove(key: string): Promise<void> {
    const manifest = await this.#manifest(key);
    if (manifest === null) return;
    await this.#objects.deleteAll(partKeys(manifest));
    await this.#objects.delete(key);
  }

  /** Whether a job has the file of a mark that a crash left. */
  async #belongsToJob(markKey: string): Promise<boolean> {
    const text = await this.#objects.text(markKey);
    const jobId = text === null ? null : (JSON.parse(text) as IncomingMark).jobId;
    if (jobId === null) return false;
    const manifest = await this.#manifest(JOBS + jobId);
    return manifest?.id === markKey.slice(INCOMING.length);
  }

  async #ids(start: string): Promise<{ id: string; modifiedAt: number }[]> {
    const found: { id: string; modifiedAt: number }[] = [];
    for await (const { key, modifiedAt } of this.#objects.list(start)) {
      const id = key.slice(start.length);
      if (JOB_ID.test(id)) found.push({ id, modifiedAt });
    }
    return found;
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

function expired(jobId: string, cause?: unknown): ServiceError {
  return new ServiceError('SPOOL_EXPIRED', `The uploaded file of job '${jobId}' is no longer kept`, { cause });
}
