import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { StorageEngine } from 'multer';
import type { ServiceError } from '../errors/index.js';
import { FileHead, type InspectedHead, inspectHead } from '../ingest/index.js';
import type { FileIntake, UncommittedFile } from '../storage/index.js';

/** Free disk space is checked after this number of bytes while a file of unknown length comes in. */
const ROOM_CHECK_BYTES = 64 * 1024 ** 2;

/** What multer is told of a stored file, beside what it knows itself. */
export interface StoredUpload extends InspectedHead {
  file: UncommittedFile;
  size: number;
  /** SHA-256 of the file as uploaded, in hex. */
  sha256: string;
}

type Incoming = { stream: Readable };
type Stored = (error?: unknown, info?: Partial<Express.Multer.File>) => void;

/**
 * The multer storage of one request: streams the file into the store and ends the upload at once, not at its end,
 * when the limit is crossed, the disk fills up, or its beginning is of no type that we take. If it fails, no file is left.
 */
export class UploadStorage implements StorageEngine {
  #work: Promise<void> = Promise.resolve();
  /** The file, once it is stored whole. */
  stored: StoredUpload | null = null;
  /** Why it is not: multer often sees only the broken stream that follows from it. */
  failure: unknown = null;

  constructor(
    private readonly files: FileIntake,
    private readonly tooLarge: () => ServiceError,
    /** Called when the file begins; what it throws refuses the file unread. */
    private readonly admit: () => Promise<void>,
  ) {}

  /** Resolves when no write is under way any more. */
  async settled(): Promise<void> {
    await this.#work;
  }

  _handleFile(_request: unknown, file: Incoming, done: Stored): void {
    this.#work = this.#store(file.stream).then(
      (stored) => {
        this.stored = stored;
        done(null, { size: stored.size });
      },
      (error: unknown) => {
        this.failure = error;
        done(error);
      },
    );
  }

  _removeFile(_request: unknown, _file: Incoming, done: (error: Error | null) => void): void {
    this.discard().then(() => done(null), done);
  }

  /** Removes the file if it is stored. */
  async discard(): Promise<void> {
    const { stored } = this;
    this.stored = null;
    await stored?.file.remove();
  }

  async #store(source: Readable): Promise<StoredUpload> {
    await this.admit();
    const file = await this.files.create();
    const stop = new AbortController();
    const head = this.#watch(source, stop);
    try {
      await pipeline(source, file.body, { signal: stop.signal });
      return { file, size: file.sizeBytes, sha256: file.sha256, ...(await inspectHead(head.bytes())) };
    } catch (error) {
      await file.remove();
      throw stop.signal.aborted ? stop.signal.reason : error;
    }
  }

  #watch(source: Readable, stop: AbortController): FileHead {
    const head = new FileHead();
    let size = 0;
    let nextCheck = ROOM_CHECK_BYTES;
    const sniff = (chunk: Buffer): void => {
      if (head.push(chunk)) return;
      source.off('data', sniff);
      inspectHead(head.bytes()).catch((error: unknown) => stop.abort(error));
    };
    const count = (chunk: Buffer): void => {
      size += chunk.length;
      if (size < nextCheck) return;
      nextCheck += ROOM_CHECK_BYTES;
      this.files.requireRoom(0).catch((error: unknown) => stop.abort(error));
    };
    source.on('data', sniff).on('data', count);
    // Multer reports the limit itself, but waits for us first.
    source.once('limit', () => stop.abort(this.tooLarge()));
    return head;
  }
}
