import { randomUUID } from 'node:crypto';
import {
  constants,
  copyFile,
  link,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  statfs,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { ServiceError } from '../../errors/index.js';
import type { FileLocation, FileStore, IncomingFile, UncommittedFile } from '../file-store.js';
import { HashThread } from './hash-thread.js';
import { asStorageError, SpoolFile, systemCode } from './spool-file.js';

const PART = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.part$/;
const KEPT = /^[a-z0-9]{8}$/;
/** Within the folder, because a rename does not leave a file system; no job has this name. */
const ORPHANS = 'orphans';

/**
 * The folder of uploaded files: `<uuid>.part` while a file comes in, `<job_id>` once it belongs to a job,
 * `orphans/<job_id>` if no job knows it any more. Whatever else is in there is somebody else's and left alone.
 * Errors of a full disk come as INSUFFICIENT_STORAGE, others as they are.
 */
export class LocalFileStore implements FileStore {
  /** For the files that come in. */
  readonly #hashes = new HashThread();
  #probe: Promise<void> | undefined;

  constructor(
    readonly folder: string,
    /** Number of bytes of the disk to keep free. */
    private readonly minFreeBytes: number,
  ) {}

  /** Creates the folder if it is missing. */
  async open(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
  }

  /** The last step; files that still come in fail. */
  async close(): Promise<void> {
    await this.#hashes.stop();
  }

  create(): IncomingFile {
    const body = new SpoolFile(this.#newPart(), this.#hashes);
    return new IncomingLocalFile(body, this.folder);
  }

  location(jobId: string): FileLocation {
    return { kind: 'local', path: this.#path(jobId) };
  }

  /** Free bytes beyond those that must stay free; negative if they are used already. */
  async room(): Promise<number> {
    const { bavail, bsize } = await statfs(this.folder);
    return bavail * bsize - this.minFreeBytes;
  }

  /**
   * Throws the system's error if no file can be created in the folder. Concurrent calls share one check: a file system
   * that hangs blocks one thread.
   */
  async requireWritable(): Promise<void> {
    this.#probe ??= this.#writeProbe().finally(() => {
      this.#probe = undefined;
    });
    await this.#probe;
  }

  async #writeProbe(): Promise<void> {
    const path = this.#newPart();
    try {
      await writeFile(path, 'a', { flag: 'wx', mode: 0o600 });
    } catch (error) {
      throw asStorageError(error);
    } finally {
      await rm(path, { force: true });
    }
  }

  /** Throws INSUFFICIENT_STORAGE if `bytes` more would leave less than `minFreeBytes`. */
  async requireRoom(bytes: number): Promise<void> {
    if ((await this.room()) >= bytes) return;
    throw new ServiceError('INSUFFICIENT_STORAGE', `The upload would leave less than ${this.minFreeBytes} bytes free`);
  }

  /** Links the file under a second name; copies it if the file system has no links. */
  async share(jobId: string, sizeBytes: number): Promise<UncommittedFile> {
    await this.requireRoom(0);
    const part = this.#newPart();
    try {
      await link(this.#path(jobId), part);
      return new LocalFile(part, this.folder);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') throw expired(jobId, error);
    }
    try {
      await this.requireRoom(sizeBytes);
      await copyFile(this.#path(jobId), part, constants.COPYFILE_FICLONE);
      return new LocalFile(part, this.folder);
    } catch (error) {
      await rm(part, { force: true });
      throw systemCode(error) === 'ENOENT' ? expired(jobId, error) : asStorageError(error);
    }
  }

  async remove(jobId: string): Promise<void> {
    await rm(this.#path(jobId), { force: true });
  }

  async has(jobId: string): Promise<boolean> {
    try {
      return (await stat(this.#path(jobId))).isFile();
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return false;
      throw error;
    }
  }

  async list(): Promise<string[]> {
    return filesIn(this.folder, KEPT);
  }

  async removeUncommitted(): Promise<number> {
    const parts = await filesIn(this.folder, PART);
    for (const name of parts) await rm(join(this.folder, name), { force: true });
    return parts.length;
  }

  async moveAside(jobId: string, now: number): Promise<string> {
    const path = this.#path(jobId);
    const aside = join(this.folder, ORPHANS, jobId);
    await mkdir(join(this.folder, ORPHANS), { recursive: true, mode: 0o700 });
    // Its time tells how long it has been there, so it comes first.
    await utimes(path, now / 1000, now / 1000);
    await rename(path, aside);
    return aside;
  }

  async removeOrphans(before: number): Promise<string[]> {
    const folder = join(this.folder, ORPHANS);
    const removed: string[] = [];
    for (const jobId of await filesIn(folder, KEPT)) {
      const path = join(folder, jobId);
      if ((await stat(path)).mtimeMs >= before) continue;
      await rm(path, { force: true });
      removed.push(jobId);
    }
    return removed;
  }

  #path(jobId: string): string {
    return join(this.folder, jobId);
  }

  /** A name for a file that comes in. */
  #newPart(): string {
    return join(this.folder, `${randomUUID()}.part`);
  }
}

class LocalFile implements UncommittedFile {
  #path: string;

  constructor(
    path: string,
    private readonly folder: string,
  ) {
    this.#path = path;
  }

  get location(): FileLocation {
    return { kind: 'local', path: this.#path };
  }

  /** When it resolves, both the file's bytes and its name survive a power cut. */
  async commit(jobId: string): Promise<void> {
    const committed = join(this.folder, jobId);
    try {
      await syncPath(this.#path);
      await rename(this.#path, committed);
      await syncPath(this.folder);
    } catch (error) {
      throw asStorageError(error);
    }
    this.#path = committed;
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

class IncomingLocalFile extends LocalFile implements IncomingFile {
  constructor(
    readonly body: SpoolFile,
    folder: string,
  ) {
    super(body.path, folder);
  }

  get sizeBytes(): number {
    return this.body.bytesWritten;
  }

  get sha256(): string {
    return this.body.sha256;
  }

  override async remove(): Promise<void> {
    // A file that is still being created would appear after its removal.
    const { body } = this;
    if (!body.closed) await new Promise((resolve) => body.once('close', resolve));
    await super.remove();
  }
}

/** The files of a folder whose names match; none if there is no such folder. */
async function filesIn(folder: string, names: RegExp): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile() && names.test(entry.name)).map(({ name }) => name);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function expired(jobId: string, cause: unknown): ServiceError {
  return new ServiceError('SPOOL_EXPIRED', `The uploaded file of job '${jobId}' is no longer kept`, { cause });
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
