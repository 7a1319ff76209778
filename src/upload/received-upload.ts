import { rm } from 'node:fs/promises';
import type { FileCompression } from '../decoding/index.js';
import { type Spool } from '../storage/index.js';

/** A file that arrived whole, with the form fields around it. Belongs to nobody until `keepAs`. */
export class ReceivedUpload {
  #owned = false;
  #path: string;

  constructor(
    private readonly spool: Spool,
    path: string,
    /** The client's name for the file, without folders: shown, never used as a path. */
    readonly filename: string,
    readonly sizeBytes: number,
    /** SHA-256 of the file as uploaded, in hex; null for one that an older job keeps. */
    readonly sha256: string | null,
    readonly fileCompression: FileCompression,
    /** The first 64 KiB of what the file holds, decompressed. */
    readonly head: Buffer,
    /** Form fields: strings, arrays if a name came twice. */
    readonly fields: Readonly<Record<string, unknown>>,
  ) {
    this.#path = path;
  }

  /** Where the file is now. */
  get path(): string {
    return this.#path;
  }

  /** Makes the file durable as the spool file of this job. May be called again with another id. */
  async keepAs(jobId: string): Promise<void> {
    this.#path = await this.spool.keep(this.#path, jobId);
  }

  /** From here on the file is the job's, and `discard` leaves it alone. */
  handOver(): void {
    this.#owned = true;
  }

  /** Removes the file unless a job has it. */
  async discard(): Promise<void> {
    if (!this.#owned) await rm(this.#path, { force: true });
  }
}
