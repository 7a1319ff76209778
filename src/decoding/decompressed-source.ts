import { ServiceError } from '../errors/index.js';
import type { ByteSource, ReadableFile } from './byte-source.js';
import { type Compressed, corrupt, type Decompression, decompress } from './decompression.js';

/** What decompressing one file may come to. */
export interface DecompressionLimits {
  /** MAX_DECOMPRESSED_BYTES. */
  maxBytes: number;
  /** MAX_DECOMPRESSION_RATIO: decompressed bytes to one compressed byte. */
  maxRatio: number;
}

/** Size limit of one read of the file. */
const INPUT_BYTES = 128 * 1024;
/** Small files may be as repetitive as they like. */
const RATIO_COUNTS_FROM_BYTES = 64 * 1024 ** 2;
const NOTHING = Buffer.alloc(0);

/**
 * The decompressed bytes of a file, from an offset among them on: up to there they are decompressed and dropped, since
 * neither format can be entered in the middle. Decoding goes on in the background, a few hundred KiB ahead.
 * `read` throws FILE_CORRUPT if the file is damaged, cut off or followed by something else, and FILE_TOO_COMPLEX
 * beyond the limits.
 */
export class DecompressedSource implements ByteSource {
  readonly #decompression: Decompression;
  #fileBytes = 0;
  #skip: number;
  #chunk: Buffer = NOTHING;
  #produced = 0;
  #isClosed = false;

  constructor(
    private readonly file: ReadableFile,
    private readonly compression: Compressed,
    private readonly limits: DecompressionLimits,
    from: number,
  ) {
    this.#skip = from;
    this.#decompression = decompress(this.#input(), compression);
  }

  get fileBytes(): number {
    return this.#fileBytes;
  }

  async read(space: Buffer): Promise<number> {
    while (this.#chunk.length === 0) {
      const chunk = await this.#next();
      if (chunk === null) return 0;
      const skipped = Math.min(this.#skip, chunk.length);
      this.#skip -= skipped;
      this.#chunk = chunk.subarray(skipped);
    }
    const bytes = this.#chunk.copy(space);
    this.#chunk = this.#chunk.subarray(bytes);
    return bytes;
  }

  close(): void {
    this.#isClosed = true;
    this.#decompression.close();
  }

  /** null: the file has ended as it should. */
  async #next(): Promise<Buffer | null> {
    const { done, value } = await this.#decompression.next();
    // What is closed ends early; that must not pass for the file's end.
    if (this.#isClosed) throw new Error('the source is closed');
    if (done === true) {
      await this.#requirePadding();
      return null;
    }
    this.#produced += value.length;
    this.#requireLimits();
    return value;
  }

  async *#input(): AsyncGenerator<Buffer> {
    for (;;) {
      const chunk = Buffer.allocUnsafe(INPUT_BYTES);
      const { bytesRead } = await this.file.read(chunk, 0, INPUT_BYTES, this.#fileBytes);
      if (bytesRead === 0) return;
      this.#fileBytes += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  }

  #requireLimits(): void {
    const { maxBytes, maxRatio } = this.limits;
    if (this.#produced > maxBytes) {
      throw tooComplex(`it is larger than ${maxBytes} bytes (MAX_DECOMPRESSED_BYTES)`);
    }
    if (this.#produced > RATIO_COUNTS_FROM_BYTES && this.#produced > this.#fileBytes * maxRatio) {
      throw tooComplex(`it is more than ${maxRatio} times as large as the compressed one (MAX_DECOMPRESSION_RATIO)`);
    }
  }

  /** Behind its last member a gzip file may be filled up with zeros, as tapes do it; the decoder stops before them. */
  async #requirePadding(): Promise<void> {
    if (this.compression !== 'gzip') return;
    const chunk = Buffer.allocUnsafe(INPUT_BYTES);
    for (let at = this.#decompression.bytesUsed; ; ) {
      const { bytesRead } = await this.file.read(chunk, 0, INPUT_BYTES, at);
      if (bytesRead === 0) return;
      if (chunk.subarray(0, bytesRead).some((byte) => byte !== 0)) {
        throw corrupt('gzip', 'something else follows the compressed data');
      }
      at += bytesRead;
    }
  }
}

function tooComplex(why: string): ServiceError {
  return new ServiceError('FILE_TOO_COMPLEX', `the decompressed file exceeds a limit: ${why}`);
}
