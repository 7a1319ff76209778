/** A file that is open for reading, as far as it is read here: `FileHandle.read`. */
export interface RandomAccessFile {
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
}

/**
 * A file whose end is replaced: the bytes of `file` up to `tailFrom`, then `tail`. It has as much of a Blob as
 * the decoder uses. Reads are counted, so that their memory can be bounded and their end awaited.
 */
export class FileBytes {
  readonly size: number;
  #reads = 0;
  /** What was read and handed out. */
  readonly #given = new Set<ArrayBuffer>();

  constructor(
    private readonly file: RandomAccessFile,
    private readonly tailFrom: number,
    private readonly tail: Uint8Array,
    private readonly maxReadBytes: number,
  ) {
    this.size = tailFrom + tail.length;
  }

  get isReading(): boolean {
    return this.#reads > 0;
  }

  /** As `Blob.slice`. */
  slice(from = 0, to = this.size): { size: number; arrayBuffer(): Promise<ArrayBuffer> } {
    const start = Math.min(Math.max(0, from), this.size);
    const end = Math.min(Math.max(start, to), this.size);
    return { size: end - start, arrayBuffer: () => this.#read(start, end) };
  }

  /**
   * Frees the memory of what was read: to be called once whoever asked for it has copied it. Left to the garbage
   * collector, some row groups would be held at a time.
   */
  release(): void {
    for (const memory of this.#given) memory.transfer(0);
    this.#given.clear();
  }

  async #read(start: number, end: number): Promise<ArrayBuffer> {
    if (end - start > this.maxReadBytes) throw new RangeError(`a read of ${end - start} bytes`);
    const memory = new ArrayBuffer(end - start);
    const bytes = Buffer.from(memory);
    const fromFile = Math.max(0, Math.min(end, this.tailFrom) - start);
    this.#reads += 1;
    try {
      for (let at = 0; at < fromFile; ) {
        const { bytesRead } = await this.file.read(bytes, at, fromFile - at, start + at);
        if (bytesRead === 0) throw new RangeError('the file ends too early');
        at += bytesRead;
      }
    } finally {
      this.#reads -= 1;
    }
    if (end > this.tailFrom) {
      bytes.set(this.tail.subarray(Math.max(0, start - this.tailFrom), end - this.tailFrom), fromFile);
    }
    this.#given.add(memory);
    return memory;
  }
}
