import type { ByteSource } from './byte-source.js';
import { OffsetMap } from './offset-map.js';
import { createTranscoder, type ForeignEncoding, type Transcoder } from './transcoder.js';

/** Maximum number of UTF-8 bytes for a byte of the original. */
const MAX_GROWTH = 3;
/** What a transcoder may have left over. */
const REST_BYTES = 4;

/** The text of a source in UTF-8. Bytes that are not text in its encoding become a byte 0xFF, which makes the row invalid. */
export class TranscodedSource implements ByteSource {
  readonly #transcoder: Transcoder;
  readonly #offsets: OffsetMap;
  /** The end of the original, as far as it was read. */
  #end: number;
  #hasEnded = false;

  /** `source` begins at `from`, where a character of the original begins. */
  constructor(
    private readonly source: ByteSource,
    encoding: ForeignEncoding,
    from: number,
  ) {
    this.#transcoder = createTranscoder(encoding);
    this.#offsets = new OffsetMap(from, this.#transcoder.unitBytes);
    this.#end = from;
  }

  get fileBytes(): number {
    return this.source.fileBytes;
  }

  async read(space: Buffer): Promise<number> {
    while (!this.#hasEnded) {
      const text = await this.#next(Math.max(1, Math.floor(space.length / MAX_GROWTH) - REST_BYTES));
      if (text.length === 0) continue;
      if (text.length > space.length) throw new Error(`a space of ${space.length} bytes is too small`);
      this.#offsets.append(text);
      return text.copy(space);
    }
    return 0;
  }

  originOf(offset: number): number {
    // Half a unit at the very end counts as a whole one.
    return Math.min(this.#offsets.originOf(offset), this.#end);
  }

  close(): void {
    this.source.close();
  }

  async #next(bytes: number): Promise<Buffer> {
    const chunk = Buffer.allocUnsafe(bytes);
    const length = await this.source.read(chunk);
    this.#end += length;
    this.#hasEnded = length === 0;
    return this.#hasEnded ? this.#transcoder.end() : this.#transcoder.push(chunk.subarray(0, length));
  }
}
