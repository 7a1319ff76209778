import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchError } from '../errors/index.js';

const PART_SUFFIX = '.part';

/**
 * The folder of uploaded files: `<uuid>.part` while a file comes in, `<job_id>` once it belongs to a job.
 * Errors of a full disk come as INSUFFICIENT_STORAGE, others as they are.
 */
export class Spool {
  constructor(
    readonly folder: string,
    /** So many bytes of the disk stay free. */
    private readonly minFreeBytes: number,
  ) {}

  /** Creates the folder where it is missing. */
  async open(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
  }

  /** Where a job's file is. */
  path(jobId: string): string {
    return join(this.folder, jobId);
  }

  /** A name for a file that comes in. */
  newPart(): string {
    return join(this.folder, randomUUID() + PART_SUFFIX);
  }

  /** Free bytes beyond those that must stay free; negative where they are used already. */
  async room(): Promise<number> {
    const { bavail, bsize } = await statfs(this.folder);
    return bavail * bsize - this.minFreeBytes;
  }

  /** Throws INSUFFICIENT_STORAGE where `bytes` more would leave less free than must stay free. */
  async requireRoom(bytes: number): Promise<void> {
    if ((await this.room()) >= bytes) return;
    throw new BatchError('INSUFFICIENT_STORAGE', `The upload would leave less than ${this.minFreeBytes} bytes free`);
  }

  /** Gives a file of this folder to a job. When it resolves, both its bytes and its name survive a power cut. */
  async keep(path: string, jobId: string): Promise<string> {
    const kept = this.path(jobId);
    try {
      await syncPath(path);
      await rename(path, kept);
      await syncPath(this.folder);
    } catch (error) {
      throw asStorageError(error);
    }
    return kept;
  }

  /** Removes a job's file; no error where there is none. */
  async remove(jobId: string): Promise<void> {
    await rm(this.path(jobId), { force: true });
  }

  async has(jobId: string): Promise<boolean> {
    try {
      return (await stat(this.path(jobId))).isFile();
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return false;
      throw error;
    }
  }

  /** The names of the complete files: each is, or was meant to be, a job's id. */
  async list(): Promise<string[]> {
    return (await readdir(this.folder)).filter((name) => !name.endsWith(PART_SUFFIX));
  }

  /** Removes what a former process left half received; returns how many files that were. Before uploads begin. */
  async removeParts(): Promise<number> {
    const parts = (await readdir(this.folder)).filter((name) => name.endsWith(PART_SUFFIX));
    for (const name of parts) await rm(join(this.folder, name), { force: true });
    return parts.length;
  }
}

/** A full disk or quota, or a limit to the size of files, as INSUFFICIENT_STORAGE, anything else as it is. */
export function asStorageError(error: unknown): unknown {
  const code = systemCode(error);
  if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EFBIG') return error;
  return new BatchError('INSUFFICIENT_STORAGE', 'The disk became full', { cause: error });
}

function systemCode(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
