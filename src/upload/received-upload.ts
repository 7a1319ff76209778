import type { FileCompression } from '../decoding/index.js';
import type { FileLocation, UncommittedFile } from '../storage/index.js';

/** A file that arrived whole, with the form fields around it. Belongs to nobody until `handOver`. */
export class ReceivedUpload {
  #owned = false;

  constructor(
    private readonly file: UncommittedFile,
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
  ) {}

  /** It is ours, and not read where it lies. */
  readonly source = null;

  /** Where the file is now. */
  get location(): FileLocation {
    return this.file.location;
  }

  /** The key that the file keeps; null: it takes the one that `keep` is given. */
  get fileKey(): string | null {
    return this.file.key;
  }

  /** Makes the file durable under the key. May be called again, with another one if the file keeps none. */
  async keep(key: string): Promise<void> {
    await this.file.commit(key);
  }

  /** From here on the file is the job's, and `discard` leaves it alone. */
  handOver(): void {
    this.#owned = true;
  }

  /** Removes the file unless a job has it. */
  async discard(): Promise<void> {
    if (!this.#owned) await this.file.remove();
  }
}
