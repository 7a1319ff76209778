import type { ArrowArray } from '../arrow-data.js';
import { spellFileType } from '../file-type.js';
import { DateWriter, isModelDay, writeTime } from './civil-date.js';
import { writeInt64 } from './json-bytes.js';
import { type Flaw, type RowFlags, ValueReader, view } from './value-reader.js';

const QUOTE = 0x22;
const DAY_SECONDS = 86_400;
const TWO_32 = 2 ** 32;
/** Julian day number of 1970-01-01. */
const JULIAN_EPOCH = 2_440_588;

/** What is written as a quoted text of ASCII; the text leaves the quotes out. */
abstract class TemporalReader extends ValueReader {
  override text(row: number): string {
    return super.text(row).slice(1, -1);
  }
}

/** Days since 1970-01-01. */
export class DateReader extends TemporalReader {
  #days = new Int32Array();
  readonly #date = new DateWriter();

  protected override bindValues({ offset, length, buffers }: ArrowArray, memory: ArrayBuffer): void {
    this.#days = view(Int32Array, memory, buffers[1] ?? 0, offset + length);
  }

  /** Whether a model's Date can be this one. */
  isInRange(row: number): boolean {
    return isModelDay(this.#days[row + this.offset] as number);
  }

  override write(row: number, out: Uint8Array, at: number): number {
    out[at] = QUOTE;
    const end = this.#date.write(out, at + 1, this.#days[row + this.offset] as number);
    out[end] = QUOTE;
    return end + 1;
  }
}

/** Milliseconds (32 bits), microseconds or nanoseconds (64 bits) since midnight; what no day has is written as a number. */
export class TimeReader extends TemporalReader {
  #words = new Int32Array();
  readonly #wordsEach: number;
  readonly #unit: number;
  /** The first that is behind the day. */
  readonly #end: number;
  readonly #flaw: Flaw;

  constructor(
    private readonly digits: number,
    private readonly notes: RowFlags,
  ) {
    super();
    this.#wordsEach = digits === 3 ? 1 : 2;
    this.#unit = 10 ** digits;
    this.#end = DAY_SECONDS * this.#unit;
    const type = spellFileType({ kind: 'time', digits });
    this.#flaw = { code: 'OUT_OF_RANGE', problem: `is out of range for ${type} (0 to ${this.#end - 1})` };
  }

  protected override bindValues({ offset, length, buffers }: ArrowArray, memory: ArrayBuffer): void {
    this.#words = view(Int32Array, memory, buffers[1] ?? 0, this.#wordsEach * (offset + length));
  }

  override write(row: number, out: Uint8Array, at: number): number {
    const high = this.#high(row);
    const low = this.#low(row);
    const value = high * TWO_32 + (low >>> 0);
    let end = at + 1;
    out[at] = QUOTE;
    if (this.#isTime(value)) {
      const fraction = value % this.#unit;
      end = writeTime(out, end, (value - fraction) / this.#unit, fraction, this.digits);
    } else {
      this.notes.hasFlaw = true;
      end = writeInt64(out, end, high, low);
    }
    out[end] = QUOTE;
    return end + 1;
  }

  override flaw(row: number): Flaw | null {
    return this.#isTime(this.#high(row) * TWO_32 + (this.#low(row) >>> 0)) ? null : this.#flaw;
  }

  /** A number beyond 2^53, which is not exact, is far from a day's nanoseconds. */
  #isTime(value: number): boolean {
    return value >= 0 && value < this.#end;
  }

  #low(row: number): number {
    return this.#words[(row + this.offset) * this.#wordsEach] as number;
  }

  #high(row: number): number {
    return this.#wordsEach === 1 ? this.#low(row) >> 31 : (this.#words[(row + this.offset) * 2 + 1] as number);
  }
}

/** A point of time in days, seconds of the day and a fraction of a second. */
interface Instant {
  day: number;
  second: number;
  fraction: number;
}

/** Writes `YYYY-MM-DDThh:mm:ss`, the fraction in the unit's digits, and a Z only if the file says UTC. */
abstract class InstantReader extends TemporalReader {
  readonly #date = new DateWriter();
  readonly #divisor: number;
  readonly #instant: Instant = { day: 0, second: 0, fraction: 0 };

  constructor(
    private readonly digits: number,
    private readonly utc: boolean,
    /** The digits that are written; those beyond must be zero for `isInRange`. */
    private readonly shown = digits,
  ) {
    super();
    this.#divisor = 10 ** (digits - shown);
  }

  protected abstract read(row: number, into: Instant): void;

  /** Whether a model's DateTime can be this one, in the digits that are shown. */
  isInRange(row: number): boolean {
    const instant = this.#instant;
    this.read(row, instant);
    return isModelDay(instant.day) && instant.fraction % this.#divisor === 0;
  }

  override write(row: number, out: Uint8Array, at: number): number {
    return this.#write(row, out, at, this.shown);
  }

  override text(row: number): string {
    const text = Buffer.alloc(64);
    return text.toString('latin1', 1, this.#write(row, text, 0, this.digits) - 1);
  }

  #write(row: number, out: Uint8Array, at: number, digits: number): number {
    const instant = this.#instant;
    this.read(row, instant);
    out[at] = QUOTE;
    let end = this.#date.write(out, at + 1, instant.day);
    out[end++] = 0x54;
    const fraction = digits === this.digits ? instant.fraction : Math.floor(instant.fraction / this.#divisor);
    end = writeTime(out, end, instant.second, fraction, digits);
    if (this.utc) out[end++] = 0x5a;
    out[end] = QUOTE;
    return end + 1;
  }
}

/** Seconds, milliseconds, microseconds or nanoseconds since 1970-01-01, in 64 bits. */
export class TimestampReader extends InstantReader {
  #halves = new Int32Array();
  readonly #unit: number;

  constructor(digits: number, utc: boolean, shown?: number) {
    super(digits, utc, shown);
    this.#unit = 10 ** digits;
  }

  protected override bindValues({ offset, length, buffers }: ArrowArray, memory: ArrayBuffer): void {
    this.#halves = view(Int32Array, memory, buffers[1] ?? 0, 2 * (offset + length));
  }

  protected override read(row: number, into: Instant): void {
    const from = 2 * (row + this.offset);
    split(this.#halves[from + 1] as number, this.#halves[from] as number, this.#unit, into);
  }
}

/** INT96: nanoseconds of the day (64 bits) and the Julian day (32 bits), as Impala, Hive and older Spark write them. */
export class Int96Reader extends InstantReader {
  #words = new Int32Array();

  constructor(shown?: number) {
    super(9, false, shown);
  }

  protected override bindValues({ offset, length, buffers }: ArrowArray, memory: ArrayBuffer): void {
    this.#words = view(Int32Array, memory, buffers[1] ?? 0, 3 * (offset + length));
  }

  protected override read(row: number, into: Instant): void {
    const from = 3 * (row + this.offset);
    const words = this.#words;
    split(words[from + 1] as number, words[from] as number, 1e9, into);
    // Nanoseconds that go beyond their day are counted on.
    into.day += (words[from + 2] as number) - JULIAN_EPOCH;
  }
}

/** Splits a number of 64 bits, `unit` of them a second, into days, seconds of the day and the rest. */
function split(high: number, low: number, unit: number, into: Instant): void {
  const value = high * TWO_32 + (low >>> 0);
  if (!Number.isSafeInteger(value)) {
    splitExact((BigInt(high) << 32n) + BigInt(low >>> 0), BigInt(unit), into);
    return;
  }
  let fraction = value % unit;
  let seconds = (value - fraction) / unit;
  if (fraction < 0) {
    fraction += unit;
    seconds -= 1;
  }
  into.day = Math.floor(seconds / DAY_SECONDS);
  into.second = seconds - into.day * DAY_SECONDS;
  into.fraction = fraction;
}

function splitExact(value: bigint, unit: bigint, into: Instant): void {
  const day = unit * BigInt(DAY_SECONDS);
  const inDay = ((value % day) + day) % day;
  into.day = Number((value - inDay) / day);
  into.second = Number(inDay / unit);
  into.fraction = Number(inDay % unit);
}
