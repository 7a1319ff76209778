import type { RowErrorCode } from '../../row-error-codes.js';
import type { ArrowArray } from '../arrow-data.js';

/** A row of this number of bytes is known to be too large: what is written beyond it may be incomplete. */
export const ROW_LIMIT_BYTES = 1_000_000;
/** Behind a row of this limit there is room for one more value of any size, which is cut. */
export const ROW_ROOM_BYTES = 8 * ROW_LIMIT_BYTES;

/** For texts that are numbers or times, all far shorter. */
const TEXT = Buffer.alloc(512);

/** What the values of one row told beside their bytes. */
export class RowFlags {
  /** A value was written that has a flaw. */
  hasFlaw = false;
}

/** Why a value can be in no row, whatever the model says: its column's type does not have it, or JSON has not. */
export interface Flaw {
  code: RowErrorCode;
  /** The end of the sentence that begins with the value. */
  problem: string;
}

/** Reads the values of one column (or of what is inside one), a batch at a time, and writes them as JSON. */
export abstract class ValueReader {
  #validity: Uint8Array | null = null;
  /** Index of the batch's first value in its buffers. */
  protected offset = 0;

  /** Takes the values of a batch; they are read from this memory until the next call. */
  bind(array: ArrowArray, memory: ArrayBuffer): void {
    this.offset = array.offset;
    const [validity = 0] = array.buffers;
    this.#validity =
      validity === 0 || array.nulls === 0
        ? null
        : new Uint8Array(memory, validity, Math.ceil((array.offset + array.length) / 8));
    this.bindValues(array, memory);
  }

  isNull(row: number): boolean {
    const validity = this.#validity;
    if (validity === null) return false;
    const bit = row + this.offset;
    return (((validity[bit >> 3] as number) >> (bit & 7)) & 1) === 0;
  }

  protected abstract bindValues(array: ArrowArray, memory: ArrayBuffer): void;

  /**
   * Writes a value that is not null, at `at`, and returns its end. There is room for `ROW_ROOM_BYTES`; a value that
   * ends beyond `ROW_LIMIT_BYTES` may be cut anywhere.
   */
  abstract write(row: number, out: Uint8Array, at: number): number;

  /** The flaw of a value that is not null; null: it has none. `write` notes those that have one. */
  flaw(_row: number): Flaw | null {
    return null;
  }

  /** The value as the text that checks and messages speak of. */
  text(row: number): string {
    return TEXT.toString('latin1', 0, this.write(row, TEXT, 0));
  }
}

/** A number of values of some bytes each, in place if the address allows it. */
export function view<T extends ArrayBufferView>(
  type: { new (buffer: ArrayBuffer, byteOffset: number, length: number): T; readonly BYTES_PER_ELEMENT: number },
  memory: ArrayBuffer,
  address: number,
  length: number,
): T {
  const size = type.BYTES_PER_ELEMENT;
  if (address % size === 0) return new type(memory, address, length);
  return new type(memory.slice(address, address + length * size), 0, length);
}
