import type { ArrowArray } from '../arrow-data.js';
import { writeAscii, writeString } from './json-bytes.js';
import { ROW_LIMIT_BYTES, ValueReader, view } from './value-reader.js';

/** Values of any length: `offsets` of 32 bits into one run of bytes. */
abstract class BytesReader extends ValueReader {
  protected bytes = Buffer.alloc(0);
  #offsets = new Int32Array();

  protected override bindValues({ offset, length, buffers }: ArrowArray, memory: ArrayBuffer): void {
    // Without values there may be no buffer at all.
    this.#offsets = length === 0 ? new Int32Array(1) : view(Int32Array, memory, buffers[1] ?? 0, offset + length + 1);
    this.bytes = Buffer.from(memory, buffers[2] ?? 0, this.#offsets[offset + length] ?? 0);
  }

  protected from(row: number): number {
    return this.#offsets[row + this.offset] as number;
  }

  protected to(row: number): number {
    return this.#offsets[row + this.offset + 1] as number;
  }
}

/** UTF-8, which the decoder has checked. */
export class StringReader extends BytesReader {
  /** Too large for any row. */
  protected isLarge(row: number): boolean {
    return this.to(row) - this.from(row) > ROW_LIMIT_BYTES;
  }

  override write(row: number, out: Uint8Array, at: number): number {
    const from = this.from(row);
    return writeString(out, at, this.bytes, from, Math.min(this.to(row), from + ROW_LIMIT_BYTES));
  }

  override text(row: number): string {
    return this.bytes.toString('utf8', this.from(row), this.to(row));
  }
}

/** Bytes without a meaning, as base64. */
export class BinaryReader extends BytesReader {
  override write(row: number, out: Uint8Array, at: number): number {
    const from = this.from(row);
    return writeBase64(out, at, this.bytes, from, Math.min(this.to(row), from + ROW_LIMIT_BYTES));
  }

  override text(row: number): string {
    return this.bytes.toString('base64', this.from(row), this.to(row));
  }
}

/** Values of one length, as base64. */
export class FixedReader extends ValueReader {
  #bytes = Buffer.alloc(0);

  constructor(private readonly width: number) {
    super();
  }

  protected override bindValues({ offset, length, buffers }: ArrowArray, memory: ArrayBuffer): void {
    this.#bytes = Buffer.from(memory, buffers[1] ?? 0, this.width * (offset + length));
  }

  override write(row: number, out: Uint8Array, at: number): number {
    const from = (row + this.offset) * this.width;
    return writeBase64(out, at, this.#bytes, from, from + Math.min(this.width, ROW_LIMIT_BYTES));
  }

  override text(row: number): string {
    const from = (row + this.offset) * this.width;
    return this.#bytes.toString('base64', from, from + this.width);
  }
}

/** 16 bytes as the text of a UUID (RFC 9562). */
export class UuidReader extends ValueReader {
  #bytes = Buffer.alloc(0);

  protected override bindValues({ offset, length, buffers }: ArrowArray, memory: ArrayBuffer): void {
    this.#bytes = Buffer.from(memory, buffers[1] ?? 0, 16 * (offset + length));
  }

  override write(row: number, out: Uint8Array, at: number): number {
    return writeAscii(out, at, `"${this.text(row)}"`);
  }

  override text(row: number): string {
    const from = (row + this.offset) * 16;
    const hex = this.#bytes.toString('hex', from, from + 16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
}

function writeBase64(out: Uint8Array, at: number, bytes: Buffer, from: number, to: number): number {
  return writeAscii(out, at, `"${bytes.toString('base64', from, to)}"`);
}
