import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { StorageEngine } from 'multer';
import type { ServiceError } from '../errors/index.js';
import { FileHead, type InspectedHead, inspectHead } from '../ingest/index.js';
import { asStorageError, type Spool, SpoolFile } from '../storage/index.js';

/** Free disk space is checked after this number of bytes while a file of unknown length comes in. */
const ROOM_CHECK_BYTES = 64 * 1024 ** 2;

/** What multer is told of a stored file, beside what it knows itself. */
export interface SpooledUpload extends InspectedHead {
  path: string;
  size: number;
  /** SHA-256 of the file as uploaded, in hex. */
  sha256: string;
}

type Incoming = { stream: Readable; path?: string };
type Stored = (error?: unknown, info?: Partial<Express.Multer.File>) => void;

/**
 * The multer storage of one request: streams the file into the spool and ends the upload at once, not at its end,
 * when the limit is crossed, the disk fills up, or its beginning is of no type that we take. If it fails, no file is left.
 */
export class SpoolStorage implements StorageEngine {
  #work: Promise<void> = Promise.resolve();
  /** The file, once it is stored whole. */
  stored: SpooledUpload | null = null;
  /** Why it is not: multer often sees only the broken stream that follows from it. */
  failure: unknown = null;

  constructor(
    private readonly spool: Spool,
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
        done(null, { path: stored.path, size: stored.size });
      },
      (error: unknown) => {
        this.failure = error;
        done(error);
      },
    );
  }

  _removeFile(_request: unknown, file: Incoming, done: (error: Error | null) => void): void {
    if (file.path === undefined) {
      done(null);
      return;
    }
    this.stored = null;
    rm(file.path, { force: true }).then(() => done(null), done);
  }

  async #store(source: Readable): Promise<SpooledUpload> {
    await this.admit();
    const path = this.spool.newPart();
    const out = new SpoolFile(path, this.spool.hashes);
    const stop = new AbortController();
    const head = this.#watch(source, stop);
    try {
      await pipeline(source, out, { signal: stop.signal });
      return { path, size: out.bytesWritten, sha256: out.sha256, ...(await inspectHead(head.bytes())) };
    } catch (error) {
      // A file that is still being created would appear after its removal.
      if (!out.closed) await once(out, 'close');
      await rm(path, { force: true });
      throw stop.signal.aborted ? stop.signal.reason : asStorageError(error);
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
      this.spool.requireRoom(0).catch((error: unknown) => stop.abort(error));
    };
    source.on('data', sniff).on('data', count);
    // Multer reports the limit itself, but waits for us first.
    source.once('limit', () => stop.abort(this.tooLarge()));
    return head;
  }
}
