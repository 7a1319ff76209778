/** A string of a flexible protocol version (KIP-482): its length + 1 as a varint, then its bytes. */
export function compactString(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([compactCount(bytes.length), bytes]);
}

/** A string of a version that is not flexible: its length as 16 bits, then its bytes. */
export function plainString(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([int16(bytes.length), bytes]);
}

/** What stands before the elements of an array: their number + 1 as a varint. */
export function compactCount(count: number): Uint8Array {
  const bytes: number[] = [];
  let rest = count + 1;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  return Uint8Array.of(...bytes, rest);
}

export function int8(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff);
}

export function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** The end of a structure without tagged fields. */
export const NO_TAGS = Uint8Array.of(0);

/** Reads the compact encodings of flexible protocol versions (KIP-482), and the plain ones of those before. */
export class CompactReader {
  #at = 0;

  constructor(readonly bytes: Buffer) {}

  skip(count: number): void {
    this.#at += count;
  }

  /** A string of a version that is not flexible; null: it is absent. */
  string(): string | null {
    const length = this.int16();
    if (length < 0) return null;
    this.#at += length;
    return this.bytes.toString('utf8', this.#at - length, this.#at);
  }

  /** An array of a version that is not flexible. Calls `read` for each element. */
  array(read: () => void): void {
    for (let left = this.int32(); left > 0; left--) read();
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

  /** Skips the tagged fields at the end of a structure. */
  tags(): void {
    for (let left = this.unsignedVarint(); left > 0; left--) {
      this.unsignedVarint();
      this.skip(this.unsignedVarint());
    }
  }

  compactString(): string | null {
    const length = this.unsignedVarint() - 1;
    if (length < 0) return null;
    this.#at += length;
    return this.bytes.toString('utf8', this.#at - length, this.#at);
  }
}
