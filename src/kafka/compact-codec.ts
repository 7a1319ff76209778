/** A string of a flexible protocol version (KIP-482): its length + 1 as a varint, then its bytes. */
export function compactString(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length: number[] = [];
  let rest = bytes.length + 1;
  while (rest > 127) {
    length.push((rest & 127) | 128);
    rest >>>= 7;
  }
  return Buffer.concat([Uint8Array.of(...length, rest), bytes]);
}

/** Reads the compact encodings of flexible protocol versions (KIP-482). */
export class CompactReader {
  #at = 0;

  constructor(readonly bytes: Buffer) {}

  skip(count: number): void {
    this.#at += count;
  }

  int16(): number {
    this.#at += 2;
    return this.bytes.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.bytes.readInt32BE(this.#at - 4);
  }

  int64(): bigint {
    this.#at += 8;
    return this.bytes.readBigInt64BE(this.#at - 8);
  }

  unsignedVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes.readUInt8(this.#at++);
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    throw new Error('a varint of the answer is longer than 5 bytes');
  }

  /** Calls `read` for each element. */
  compactArray(read: () => void): void {
    for (let left = this.unsignedVarint() - 1; left > 0; left--) read();
  }

  compactString(): string | null {
    const length = this.unsignedVarint() - 1;
    if (length < 0) return null;
    this.#at += length;
    return this.bytes.toString('utf8', this.#at - length, this.#at);
  }
}
