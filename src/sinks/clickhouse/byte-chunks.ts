const CHUNK_BYTES = 1024 ** 2;

/** Bytes that are written one behind another, in pieces, so that none is ever moved. */
export class ByteChunks {
  readonly chunks: Buffer[] = [];
  /** What is being written to, from `at` on: after `reserve`, directly. */
  buffer: Buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  at = 0;

  /** `bytes` more bytes fit behind `at`. What was written before is a piece by itself then, if need be. */
  reserve(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return;
    this.#cut();
    if (bytes > this.buffer.length) this.buffer = Buffer.allocUnsafe(bytes);
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Everything that was written. */
  end(): Buffer[] {
    this.#cut();
    return this.chunks;
  }

  #cut(): void {
    if (this.at > 0) this.chunks.push(this.buffer.subarray(0, this.at));
    this.buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    this.at = 0;
  }
}

/** A number below 2^31 as ClickHouse's VarUInt; gives the offset behind it. */
export function writeVarint(buffer: Buffer, at: number, value: number): number {
  let rest = value;
  let to = at;
  for (; rest > 127; rest >>>= 7) buffer[to++] = (rest & 127) | 128;
  buffer[to++] = rest;
  return to;
}

/** A text with its length. */
export function textOf(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(5);
  return Buffer.concat([head.subarray(0, writeVarint(head, 0, bytes.length)), bytes]);
}
