import { isUtf8 } from 'node:buffer';
import type { ArrowArray } from '../arrow-data.js';
import { writeAscii, writeString } from './json-bytes.js';
import { type Flaw, ROW_LIMIT_BYTES, type RowFlags, ValueReader, view } from './value-reader.js';

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

const NO_UTF8: Flaw = { code: 'INVALID_ENCODING', problem: 'is not valid UTF-8' };
/** Whether all values are UTF-8: those of a map have a reader for each member that the model names. */
const checked = new WeakMap<ArrowArray, boolean>();

/** UTF-8, or bytes that should be and are written as they are. */
export class StringReader extends BytesReader {
  /** Every value of the batch is UTF-8. */
  #areAllUtf8 = true;

  constructor(private readonly notes: RowFlags) {
    super();
  }

  protected override bindValues(array: ArrowArray, memory: ArrayBuffer): void {
    super.bindValues(array, memory);
    this.#areAllUtf8 = checked.get(array) ?? this.#check(array.length);
    checked.set(array, this.#areAllUtf8);
  }

  #check(length: number): boolean {
    if (length === 0) return true;
    // A character may begin in one value and end in the next.
    for (let row = 0; row < length; row++) {
      if (((this.bytes[this.from(row)] ?? 0) & 0xc0) === 0x80) return false;
    }
    return isUtf8(this.bytes.subarray(this.from(0), this.to(length - 1)));
  }

  /** Nothing but `write` of this class may be made of it: it is too large for any row, or no UTF-8. */
  protected isUnusable(row: number): boolean {
    return this.to(row) - this.from(row) > ROW_LIMIT_BYTES || this.#isFlawed(row);
  }

  override flaw(row: number): Flaw | null {
    return this.#isFlawed(row) ? NO_UTF8 : null;
  }

  #isFlawed(row: number): boolean {
    return !this.#areAllUtf8 && !isUtf8(this.bytes.subarray(this.from(row), this.to(row)));
  }

  override write(row: number, out: Uint8Array, at: number): number {
    const from = this.from(row);
    if (this.#isFlawed(row)) this.notes.hasFlaw = true;
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
