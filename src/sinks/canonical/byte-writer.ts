const FIRST_SIZE = 64 * 1024;
/** Below it a loop is faster than a call of `copy`. */
const SHORT = 24;

/** Bytes that are written one behind another, in memory that is used again. */
export class ByteWriter {
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  length = 0;

  /** Room for `size` bytes behind what is written. */
  reserve(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.bytes.length, this.length + size));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  byte(byte: number): void {
    this.reserve(1);
    this.bytes[this.length++] = byte;
  }

  copy(source: Buffer, start: number, end: number): void {
    const size = end - start;
    this.reserve(size);
    const { bytes } = this;
    if (size > SHORT) {
      source.copy(bytes, this.length, start, end);
      this.length += size;
      return;
    }
    let to = this.length;
    for (let at = start; at < end; at++) bytes[to++] = source[at] as number;
    this.length = to;
  }

  /** As UTF-8. */
  text(text: string): void {
    this.reserve(3 * text.length);
    this.length += this.bytes.write(text, this.length);
  }
}
