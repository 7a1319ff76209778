/** The field of the stream that is being gathered. */
const MAGIC = 0;
const DESCRIPTOR = 1;
const BLOCK = 2;
const SKIPPABLE_SIZE = 3;
/** Nothing is left of the frame but what is stepped over. */
const LAST = 4;

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const RLE = 1;
const RESERVED = 3;

/**
 * Finds where the frames of a zstd stream end (RFC 8878, section 3), under any chunking, by their headers alone.
 * Node's decoder stops for good at the end of a frame, unless its input ends there too.
 */
export class ZstdFrames {
  #field = MAGIC;
  #wanted = 4;
  #gathered = 0;
  #value = 0;
  /** Bytes to step over before the next field. */
  #skip = 0;
  #hasChecksum = false;
  /** The frame at hand holds no data. */
  isSkippable = false;

  /** The stream may end here. */
  get isBetween(): boolean {
    return this.#field === MAGIC && this.#gathered === 0;
  }

  /**
   * Continues the stream at `chunk[from]`; returns the index behind the end of the current frame, or the chunk's
   * length if the frame goes on. Throws an Error if the bytes are not a zstd frame.
   */
  step(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length) {
      const skipped = Math.min(this.#skip, chunk.length - at);
      this.#skip -= skipped;
      at += skipped;
      if (this.#isOver()) break;
      if (at === chunk.length) break;
      this.#value += (chunk[at] as number) * 2 ** (8 * this.#gathered);
      this.#gathered += 1;
      at += 1;
      if (this.#gathered === this.#wanted) this.#take(this.#value);
      if (this.#isOver()) break;
    }
    return at;
  }

  #isOver(): boolean {
    if (this.#field !== LAST || this.#skip > 0) return false;
    this.#gather(MAGIC, 4);
    return true;
  }

  #gather(field: number, bytes: number): void {
    this.#field = field;
    this.#wanted = bytes;
    this.#gathered = 0;
    this.#value = 0;
  }

  #take(value: number): void {
    switch (this.#field) {
      case MAGIC:
        this.isSkippable = value >= SKIPPABLE_MAGIC && value < SKIPPABLE_MAGIC + 16;
        if (this.isSkippable) this.#gather(SKIPPABLE_SIZE, 4);
        else if (value === FRAME_MAGIC) this.#gather(DESCRIPTOR, 1);
        else throw new Error('the data after the last frame is not a zstd frame');
        break;
      case SKIPPABLE_SIZE:
        this.#skip = value;
        this.#gather(LAST, 0);
        break;
      case DESCRIPTOR:
        this.#skip = headerBytes(value);
        this.#hasChecksum = (value & 0x04) !== 0;
        this.#gather(BLOCK, 3);
        break;
      case BLOCK:
        this.#takeBlock(value);
        break;
    }
  }

  #takeBlock(header: number): void {
    const isLast = (header & 1) === 1;
    const type = (header >> 1) & 3;
    if (type === RESERVED) throw new Error('a zstd block has the reserved type');
    this.#skip = type === RLE ? 1 : header >> 3;
    if (isLast && this.#hasChecksum) this.#skip += 4;
    this.#gather(isLast ? LAST : BLOCK, isLast ? 0 : 3);
  }
}

/** Size of a frame's header behind its descriptor. */
function headerBytes(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const contentSize = CONTENT_SIZE_BYTES[(descriptor >> 6) as 0 | 1 | 2 | 3];
  const windowBytes = isSingleSegment ? 0 : 1;
  const smallSize = isSingleSegment && contentSize === 0 ? 1 : 0;
  return windowBytes + DICTIONARY_ID_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3] + contentSize + smallSize;
}
