import { LF } from './bytes.js';

const BOM = [0xef, 0xbb, 0xbf];

/** The bytes of a file that are here and not decided yet. Behind the last of them stands a 0, for scans to stop at. */
export class InputBuffer {
  bytes: Buffer = Buffer.alloc(1);
  /** The first undecided byte. */
  from = 0;
  end = 0;
  /** No more bytes will come. */
  ended = false;
  /** Grows whenever bytes move. */
  generation = 0;
  /** Line feeds before `from` in the file. */
  line: number;
  /** Offset in the file of bytes[0]. */
  #base: number;

  /** Begins at a byte offset of the file; `line` is the number of line feeds before it. */
  constructor(at: { byte: number; line: number }) {
    this.#base = at.byte;
    this.line = at.line;
  }

  /** Copies the chunk behind what is left. */
  push(chunk: Uint8Array): void {
    const left = this.end - this.from;
    const needed = left + chunk.length;
    const isRoomy = needed < this.bytes.length;
    const target = isRoomy ? this.bytes : Buffer.allocUnsafeSlow(needed + (needed >> 1) + 1);
    target.set(this.bytes.subarray(this.from, this.end), 0);
    target.set(chunk, left);
    target[needed] = 0;
    this.bytes = target;
    this.#base += this.from;
    this.from = 0;
    this.end = needed;
    this.generation += 1;
  }

  /** Byte offset of bytes[i] in the file. */
  offsetOf(i: number): number {
    return this.#base + i;
  }

  /** Everything before `to` is decided. */
  consume(to: number, lines: number): void {
    this.from = to;
    this.line += lines;
  }

  /** Skips a byte order mark at the beginning of the file; false: a few more bytes decide. */
  skipBom(): boolean {
    if (this.offsetOf(this.from) !== 0) return true;
    for (const [index, byte] of BOM.entries()) {
      if (index >= this.end) return this.ended;
      if (this.bytes[index] !== byte) return true;
    }
    this.consume(BOM.length, 0);
    return true;
  }

  countLines(from: number, to: number): number {
    let lines = 0;
    for (let at = this.bytes.indexOf(LF, from); at >= 0 && at < to; at = this.bytes.indexOf(LF, at + 1)) lines += 1;
    return lines;
  }
}
