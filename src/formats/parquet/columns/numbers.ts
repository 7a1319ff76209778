import type { ArrowArray } from '../arrow-data.js';
import { writeAscii, writeInt64, writeInteger, writePadded, writeWhole } from './json-bytes.js';
import { type Flaw, type RowFlags, ValueReader, view } from './value-reader.js';

type Integers = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;
type Floats = Float32Array | Float64Array;

const SMALL = {
  signed: { 8: Int8Array, 16: Int16Array, 32: Int32Array },
  unsigned: { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array },
} as const;

export class BooleanReader extends ValueReader {
  #bits = new Uint8Array();

  protected override bindValues(array: ArrowArray, memory: ArrayBuffer): void {
    this.#bits = new Uint8Array(memory, array.buffers[1], Math.ceil((array.offset + array.length) / 8));
  }

  override write(row: number, out: Uint8Array, at: number): number {
    const bit = row + this.offset;
    const isTrue = (((this.#bits[bit >> 3] as number) >> (bit & 7)) & 1) === 1;
    return writeAscii(out, at, isTrue ? 'true' : 'false');
  }
}

/** Integers of up to 32 bits. */
export class IntegerReader extends ValueReader {
  #values: Integers = new Int32Array();

  constructor(
    private readonly bits: 8 | 16 | 32,
    private readonly signed: boolean,
  ) {
    super();
  }

  protected override bindValues({ offset, length, buffers }: ArrowArray, memory: ArrayBuffer): void {
    const type = SMALL[this.signed ? 'signed' : 'unsigned'][this.bits];
    this.#values = view<Integers>(type, memory, buffers[1] ?? 0, offset + length);
  }

  override write(row: number, out: Uint8Array, at: number): number {
    return writeInteger(out, at, this.#values[row + this.offset] as number);
  }
}

/** Integers of 64 bits, read as two halves: a BigInt for each value would cost ten times as much. */
export class Integer64Reader extends ValueReader {
  #halves = new Int32Array();

  constructor(private readonly signed: boolean) {
    super();
  }

  protected override bindValues({ offset, length, buffers }: ArrowArray, memory: ArrayBuffer): void {
    this.#halves = view(Int32Array, memory, buffers[1] ?? 0, 2 * (offset + length));
  }

  override write(row: number, out: Uint8Array, at: number): number {
    const low = 2 * (row + this.offset);
    const high = this.#halves[low + 1] as number;
    return writeInt64(out, at, this.signed ? high : high >>> 0, this.#halves[low] as number);
  }
}

const NON_FINITE: Flaw = { code: 'NOT_A_NUMBER', problem: 'has no JSON' };

/** Floats of 64 bits, and of 32 in the fewest digits that tell them apart. */
export class FloatReader extends ValueReader {
  #values: Floats = new Float64Array();

  constructor(
    private readonly bits: 32 | 64,
    private readonly notes: RowFlags,
    /** Whole numbers are written as integers, in all their digits. */
    private readonly asInteger = false,
  ) {
    super();
  }

  protected override bindValues({ offset, length, buffers }: ArrowArray, memory: ArrayBuffer): void {
    const type = this.bits === 32 ? Float32Array : Float64Array;
    this.#values = view<Floats>(type, memory, buffers[1] ?? 0, offset + length);
  }

  override write(row: number, out: Uint8Array, at: number): number {
    const value = this.#values[row + this.offset] as number;
    if (this.asInteger && Number.isInteger(value) && !Number.isSafeInteger(value)) {
      return writeAscii(out, at, String(BigInt(value)));
    }
    return this.bits === 32 ? writeFloat32(out, at, value, this.notes) : writeFloat64(out, at, value, this.notes);
  }

  override flaw(row: number): Flaw | null {
    return Number.isFinite(this.#values[row + this.offset]) ? null : NON_FINITE;
  }

  override text(row: number): string {
    return unquoted(super.text(row));
  }
}

/** IEEE 754 binary16. */
export class HalfReader extends ValueReader {
  #values = new Uint16Array();

  constructor(private readonly notes: RowFlags) {
    super();
  }

  protected override bindValues({ offset, length, buffers }: ArrowArray, memory: ArrayBuffer): void {
    this.#values = view(Uint16Array, memory, buffers[1] ?? 0, offset + length);
  }

  override write(row: number, out: Uint8Array, at: number): number {
    return writeFloat64(out, at, fromHalf(this.#values[row + this.offset] as number), this.notes);
  }

  override flaw(row: number): Flaw | null {
    return Number.isFinite(fromHalf(this.#values[row + this.offset] as number)) ? null : NON_FINITE;
  }

  override text(row: number): string {
    return unquoted(super.text(row));
  }
}

function fromHalf(bits: number): number {
  const sign = bits >> 15 === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** Numbers below it are told apart with certainty by four digits behind the point. */
const SHORT_LIMIT = 1e10;

function writeFloat64(out: Uint8Array, at: number, value: number, notes: RowFlags): number {
  const magnitude = Math.abs(value);
  const scaled = Math.round(magnitude * 10_000);
  // No two numbers of 15 digits are the same double: if this one has four digits behind the point, they are its own.
  if (magnitude < SHORT_LIMIT && scaled / 10_000 === magnitude && !Object.is(value, -0)) {
    return writeShort(out, at, value < 0, scaled);
  }
  if (!Number.isFinite(value)) return writeNonFinite(out, at, value, notes);
  return writeAscii(out, at, Object.is(value, -0) ? '-0' : String(value));
}

/** Ten-thousandths, without zeros at the end. */
function writeShort(out: Uint8Array, at: number, isNegative: boolean, scaled: number): number {
  let end = at;
  if (isNegative) out[end++] = 0x2d;
  const whole = Math.floor(scaled / 10_000);
  let fraction = scaled - whole * 10_000;
  end = writeWhole(out, end, whole);
  if (fraction === 0) return end;
  let digits = 4;
  while (fraction % 10 === 0) {
    fraction /= 10;
    digits -= 1;
  }
  out[end++] = 0x2e;
  return writePadded(out, end, fraction, digits);
}

const SMALLEST_NORMAL_FLOAT32 = 2 ** -126;

function writeFloat32(out: Uint8Array, at: number, value: number, notes: RowFlags): number {
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 24) return writeFloat64(out, at, value, notes);
  if (!Number.isFinite(value)) return writeNonFinite(out, at, value, notes);
  // A normal one has at least six digits that count, the smallest of all only one.
  for (let digits = Math.abs(value) < SMALLEST_NORMAL_FLOAT32 ? 1 : 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return writeAscii(out, at, String(short));
  }
  return writeAscii(out, at, String(Number(value.toPrecision(9))));
}

function writeNonFinite(out: Uint8Array, at: number, value: number, notes: RowFlags): number {
  notes.hasFlaw = true;
  return writeAscii(out, at, `"${value}"`);
}

function unquoted(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1) : text;
}
