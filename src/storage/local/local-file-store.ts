import { randomUUID } from 'node:crypto';
import {
  constants,
  copyFile,
  link,
  mkdir,
  open,
  readdir,
  readFile,
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
/** A file's key: the id of a job, or a UUID. */
const KEPT = /^(?:[a-z0-9]{8}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
/** Within the folder, because a rename does not leave a file system; no job has this name. */
const ORPHANS = 'orphans';
const OWNER = 'installation';

/**
 * The folder of uploaded files: `<uuid>.part` while a file comes in, `<key>` once it is committed, `orphans/<key>` if no
 * job knows it any more. Whatever else is in there is somebody else's and left alone.
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
    /** Who may use the folder beside this process: another one's `open` fails. Absent: nobody does. */
    private readonly installationId?: string,
  ) {}

  /** Creates the folder if it is missing. Throws STORAGE_UNAVAILABLE if it is another installation's. */
  async open(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    if (this.installationId !== undefined) await requireOwner(this.folder, this.installationId);
  }

  /** The last step; files that still come in fail. */
  async close(): Promise<void> {
    await this.#hashes.stop();
  }

  create(key: string | null): IncomingFile {
    const body = new SpoolFile(this.#part(key), this.#hashes);
    return new IncomingLocalFile(body, key, this.folder);
  }

  location(key: string): FileLocation {
    return { kind: 'local', path: this.#path(key) };
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
    const path = this.#part(null);
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
  async share(key: string, sizeBytes: number, as: string | null): Promise<UncommittedFile> {
    await this.requireRoom(0);
    const part = this.#part(as);
    try {
      await link(this.#path(key), part);
      return new LocalFile(part, as, this.folder);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') throw expired(error);
    }
    try {
      await this.requireRoom(sizeBytes);
      await copyFile(this.#path(key), part, constants.COPYFILE_FICLONE);
      return new LocalFile(part, as, this.folder);
    } catch (error) {
      await rm(part, { force: true });
      throw systemCode(error) === 'ENOENT' ? expired(error) : asStorageError(error);
    }
  }

  async remove(key: string): Promise<void> {
    await rm(this.#part(key), { force: true });
    await rm(this.#path(key), { force: true });
  }

  async has(key: string): Promise<boolean> {
    try {
      return (await stat(this.#path(key))).isFile();
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return false;
      throw error;
    }
  }

  /** The keys of the committed files. There may be no job that has such a file. */
  async list(): Promise<string[]> {
    return filesIn(this.folder, KEPT);
  }

  /** Removes the files that came in and were never committed; resolves with their number. Only while none comes in. */
  async removeUncommitted(): Promise<number> {
    const parts = await filesIn(this.folder, PART);
    for (const name of parts) await rm(join(this.folder, name), { force: true });
    return parts.length;
  }

  /**
   * Takes a committed file that no job knows away from its key, and keeps it; `now` in ms since the epoch. Resolves with
   * where it is then, for people.
   */
  async moveAside(key: string, now: number): Promise<string> {
    const path = this.#path(key);
    const aside = join(this.folder, ORPHANS, key);
    await mkdir(join(this.folder, ORPHANS), { recursive: true, mode: 0o700 });
    // Its time tells how long it has been there, so it comes first.
    await utimes(path, now / 1000, now / 1000);
    await rename(path, aside);
    return aside;
  }

  /** Removes the files that were moved aside `before` (ms since the epoch); resolves with their keys. */
  async removeOrphans(before: number): Promise<string[]> {
    const folder = join(this.folder, ORPHANS);
    const removed: string[] = [];
    for (const key of await filesIn(folder, KEPT)) {
      const path = join(folder, key);
      if ((await stat(path)).mtimeMs >= before) continue;
      await rm(path, { force: true });
      removed.push(key);
    }
    return removed;
  }

  #path(key: string): string {
    return join(this.folder, key);
  }

  /** Where a file is while it comes in. */
  #part(key: string | null): string {
    return join(this.folder, `${key ?? randomUUID()}.part`);
  }
}

class LocalFile implements UncommittedFile {
  readonly isInDoubt = false;
  #path: string;

  constructor(
    path: string,
    readonly key: string | null,
    private readonly folder: string,
  ) {
    this.#path = path;
  }

  get location(): FileLocation {
    return { kind: 'local', path: this.#path };
  }

  /** When it resolves, both the file's bytes and its name survive a power cut. */
  async commit(key: string): Promise<void> {
    const committed = join(this.folder, key);
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
    key: string | null,
    folder: string,
  ) {
    super(body.path, key, folder);
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

/** Writes the id into a file, unless there is one. Throws STORAGE_UNAVAILABLE if that has another id. */
async function requireOwner(folder: string, installationId: string): Promise<void> {
  const path = join(folder, OWNER);
  const part = join(folder, `${randomUUID()}.part`);
  const options = { flag: 'wx', mode: 0o600 };
  try {
    await writeFile(part, installationId, options);
    await link(part, path).catch(async (error: unknown) => {
      // A file system without links.
      if (systemCode(error) !== 'EEXIST') await writeFile(path, installationId, options);
    });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw asStorageError(error);
  } finally {
    await rm(part, { force: true });
  }
  const owner = await readFile(path, 'utf8');
  if (owner === installationId) return;
  throw new ServiceError(
    'STORAGE_UNAVAILABLE',
    `${folder} belongs to installation ${owner}, but this installation (identified by its database) is ${installationId}: set STORAGE_URL to another folder, or delete the file '${OWNER}' there to take the files over`,
  );
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

function expired(cause: unknown): ServiceError {
  return new ServiceError('SPOOL_EXPIRED', 'The uploaded file of this job is no longer kept', { cause });
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
