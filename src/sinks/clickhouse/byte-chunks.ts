const CHUNK_BYTES = 1024 ** 2;
const MAX_FREE = 32;

/** Chunks of memory to write to, used again and again: what is thrown away, V8 would collect late. */
export class ChunkPool {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
  }

  /** Nobody reads what was written to them any more. Parts of chunks stand for the whole, others are left alone. */
  giveBack(chunks: readonly Buffer[]): void {
    for (const { buffer } of chunks) {
      if (buffer.byteLength === CHUNK_BYTES && this.#free.length < MAX_FREE) this.#free.push(Buffer.from(buffer));
    }
  }
}

/** Bytes that are written one behind another, in chunks, so that none is ever moved. */
export class ByteChunks {
  #chunks: Buffer[] = [];
  /** In `#chunks`. */
  #bytes = 0;
  /** What is being written to, from `at` on: after `reserve`, directly. */
  buffer: Buffer = Buffer.alloc(0);
  at = 0;

  constructor(private readonly pool = new ChunkPool()) {}

  /** Sum of what was written since the last `take`. */
  get bytes(): number {
    return this.#bytes + this.at;
  }

  /** `bytes` more bytes fit behind `at`. What was written before is a chunk by itself then, if need be. */
  reserve(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return;
    this.#cut();
    this.buffer = bytes > CHUNK_BYTES ? Buffer.allocUnsafeSlow(bytes) : this.pool.take();
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Everything that was written since the last time. */
  take(): Buffer[] {
    this.#cut();
    const taken = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    return taken;
  }

  #cut(): void {
    if (this.at > 0) this.#chunks.push(this.buffer.subarray(0, this.at));
    this.#bytes += this.at;
    this.buffer = Buffer.alloc(0);
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
