import { CHUNK_BYTES, MAX_RECORD, WINDOW_STRIDE, WINDOWS } from './memory-layout.js';

/**
 * The part of the file that is in the kernel's memory. Of two windows one is worked on while the next chunk may be read
 * into the other; what is left of the first (less than a record) is then moved in front of it.
 */
export class InputWindows {
  /** The address behind the last byte there is. */
  end: number;
  #window = 0;
  /** A byte's offset in the file is its address plus this. */
  #shift: number;

  constructor(
    private readonly memory: Buffer,
    byteOffset: number,
  ) {
    this.end = chunkOf(0);
    this.#shift = byteOffset - this.end;
  }

  /** Where the next chunk goes, CHUNK_BYTES at most; another place after each `take`. */
  get space(): Buffer {
    const chunk = chunkOf(1 - this.#window);
    return this.memory.subarray(chunk, chunk + CHUNK_BYTES);
  }

  /**
   * Goes on to the window into whose `space` `bytes` bytes were read; copies the unfinished rest, from the address `from`
   * on, before them. Returns the rest's new address.
   */
  take(from: number, bytes: number): number {
    this.#window = 1 - this.#window;
    const chunk = chunkOf(this.#window);
    const start = chunk - (this.end - from);
    this.memory.copyWithin(start, from, this.end);
    this.#shift += from - start;
    this.end = chunk + bytes;
    return start;
  }

  /** Goes on with these bytes of the file, fewer than a record and a chunk; returns the address of the first. */
  replace(bytes: Uint8Array, byteOffset: number): number {
    this.end = chunkOf(this.#window) + CHUNK_BYTES;
    const start = this.end - bytes.length;
    this.memory.set(bytes, start);
    this.#shift = byteOffset - start;
    return start;
  }

  offsetOf(address: number): number {
    return address + this.#shift;
  }
}

function chunkOf(window: number): number {
  return WINDOWS + window * WINDOW_STRIDE + MAX_RECORD;
}
