import { mkdir, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Database, vacuumInto } from '../database/index.js';
import { syncPath } from '../database/sqlite/index.js';
import { ServiceError } from '../errors/index.js';

export interface Backup {
  /** Its path on the machine of the service. */
  file: string;
  bytes: number;
  created_at: string;
}

export interface BackupsOptions {
  database: Database;
  /** The file of the SQLite. */
  databaseFile: string;
  /** Its backups, which nobody else writes to. */
  folder: string;
  /** Number of bytes of the disk to keep free. */
  minFreeBytes: number;
}

/** The newest ones are kept: who wants more copies them elsewhere. */
const KEPT = 7;
const NAME = /^batch-\d{8}T\d{6}\d{3}Z\.db$/;
const PARTIAL = '.partial';

/** Backups of SQLite that are made while it is used: files in a folder beside it, each a whole database. */
export class Backups {
  #running: Promise<Backup> | undefined;

  constructor(private readonly options: BackupsOptions) {}

  /**
   * Makes one, as the database is at some moment from now on; whoever asks meanwhile gets the same. It survives a crash
   * when this resolves. Throws INSUFFICIENT_STORAGE, SERVICE_BUSY.
   */
  async create(): Promise<Backup> {
    this.#running ??= this.#create().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #create(): Promise<Backup> {
    const { database, folder } = this.options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(folder)) {
      if (name.endsWith(PARTIAL)) await rm(join(folder, name), { force: true }); // of a process that was killed
    }
    await this.#requireRoom();
    const created_at = new Date().toISOString();
    const file = join(folder, `batch-${created_at.replaceAll(/[-:.]/g, '')}.db`);
    const partial = file + PARTIAL;
    try {
      await vacuumInto(database, partial);
      await syncPath(partial);
      await rename(partial, file);
      await syncPath(folder);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
    await this.#removeOlder();
    return { file, bytes: (await stat(file)).size, created_at };
  }

  async #requireRoom(): Promise<void> {
    const { databaseFile, folder, minFreeBytes } = this.options;
    const { size } = await stat(databaseFile);
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize - size >= minFreeBytes) return;
    throw new ServiceError(
      'INSUFFICIENT_STORAGE',
      `A backup of ${size} bytes in ${dirname(folder)} would leave less than ${minFreeBytes} bytes free`,
    );
  }

  async #removeOlder(): Promise<void> {
    const names = (await readdir(this.options.folder)).filter((name) => NAME.test(name)).toSorted();
    for (const name of names.slice(0, -KEPT)) await rm(join(this.options.folder, name), { force: true });
  }
}
