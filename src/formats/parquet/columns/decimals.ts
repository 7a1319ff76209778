import type { ArrowArray } from '../arrow-data.js';
import { writeAscii, writePadded, writeWhole } from './json-bytes.js';
import { ValueReader, view } from './value-reader.js';

const TWO_32 = 2 ** 32;
/** Number of digits of a fraction that is split off a safe integer without rounding, and fits 32 bits. */
const MAX_FAST_SCALE = 9;

/** Decimals in two's complement of 32 to 256 bits, as number literals with all the digits of their scale. */
export class DecimalReader extends ValueReader {
  /** 32 bits each, the lowest first. */
  #words = new Int32Array();
  readonly #wordsEach: number;
  readonly #unit: number;

  constructor(
    bits: number,
    private readonly scale: number,
  ) {
    super();
    this.#wordsEach = bits / 32;
    this.#unit = 10 ** scale;
  }

  protected override bindValues({ offset, length, buffers }: ArrowArray, memory: ArrayBuffer): void {
    this.#words = view(Int32Array, memory, buffers[1] ?? 0, this.#wordsEach * (offset + length));
  }

  override write(row: number, out: Uint8Array, at: number): number {
    const value = this.#smallValue(row);
    if (value === null || this.scale < 0 || this.scale > MAX_FAST_SCALE) {
      return writeAscii(out, at, decimalText(this.#bigValue(row), this.scale));
    }
    let end = at;
    if (value < 0) out[end++] = 0x2d;
    const magnitude = Math.abs(value);
    if (this.scale === 0) return writeWhole(out, end, magnitude);
    const fraction = magnitude % this.#unit;
    end = writeWhole(out, end, (magnitude - fraction) / this.#unit);
    out[end++] = 0x2e;
    return writePadded(out, end, fraction, this.scale);
  }

  /** Whether the unscaled value has at most `precision` digits. */
  hasDigits(row: number, precision: number): boolean {
    const value = this.#smallValue(row);
    if (value !== null) return Math.abs(value) < 10 ** precision;
    const exact = this.#bigValue(row);
    const bound = 10n ** BigInt(precision);
    return exact < bound && exact > -bound;
  }

  /** The unscaled value, if a double holds it exactly. */
  #smallValue(row: number): number | null {
    const from = (row + this.offset) * this.#wordsEach;
    const low = this.#words[from] as number;
    if (this.#wordsEach === 1) return low;
    const high = this.#words[from + 1] as number;
    const sign = high >> 31;
    for (let i = 2; i < this.#wordsEach; i++) if (this.#words[from + i] !== sign) return null;
    const value = high * TWO_32 + (low >>> 0);
    return Number.isSafeInteger(value) ? value : null;
  }

  #bigValue(row: number): bigint {
    const from = (row + this.offset) * this.#wordsEach;
    let value = BigInt(this.#words[from + this.#wordsEach - 1] as number);
    for (let i = this.#wordsEach - 2; i >= 0; i--) {
      value = (value << 32n) | BigInt((this.#words[from + i] as number) >>> 0);
    }
    return value;
  }
}

function decimalText(value: bigint, scale: number): string {
  if (scale <= 0) return value === 0n ? '0' : `${value}${'0'.repeat(-scale)}`;
  const sign = value < 0n ? '-' : '';
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0');
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
