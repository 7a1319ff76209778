import type { ArrowArray } from '../arrow-data.js';
import { DateWriter, isModelDay, writeTime } from './civil-date.js';
import { ValueReader, view } from './value-reader.js';

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

/** Milliseconds (32 bits), microseconds or nanoseconds (64 bits) since midnight. */
export class TimeReader extends TemporalReader {
  #words = new Int32Array();
  readonly #wordsEach: number;
  readonly #unit: number;

  constructor(private readonly digits: number) {
    super();
    this.#wordsEach = digits === 3 ? 1 : 2;
    this.#unit = 10 ** digits;
  }

  protected override bindValues({ offset, length, buffers }: ArrowArray, memory: ArrayBuffer): void {
    this.#words = view(Int32Array, memory, buffers[1] ?? 0, this.#wordsEach * (offset + length));
  }

  override write(row: number, out: Uint8Array, at: number): number {
    const from = (row + this.offset) * this.#wordsEach;
    const low = this.#words[from] as number;
    // A day's nanoseconds are far below 2^53.
    const value = this.#wordsEach === 1 ? low : (this.#words[from + 1] as number) * TWO_32 + (low >>> 0);
    const fraction = value % this.#unit;
    out[at] = QUOTE;
    const end = writeTime(out, at + 1, (value - fraction) / this.#unit, fraction, this.digits);
    out[end] = QUOTE;
    return end + 1;
  }
}

/** A point of time in days, seconds of the day and a fraction of a second. */
interface Instant {
  day: number;
  second: number;
  fraction: number;
}

/** Writes `YYYY-MM-DDThh:mm:ss`, the fraction in the unit's digits, and a Z only where the file says UTC. */
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
  #values = new BigInt64Array();
  readonly #unit: number;
  readonly #bigUnit: bigint;

  constructor(digits: number, utc: boolean, shown?: number) {
    super(digits, utc, shown);
    this.#unit = 10 ** digits;
    this.#bigUnit = BigInt(this.#unit);
  }

  protected override bindValues({ offset, length, buffers }: ArrowArray, memory: ArrayBuffer): void {
    this.#halves = view(Int32Array, memory, buffers[1] ?? 0, 2 * (offset + length));
    this.#values = view(BigInt64Array, memory, buffers[1] ?? 0, offset + length);
  }

  protected override read(row: number, into: Instant): void {
    const index = row + this.offset;
    const value = (this.#halves[2 * index + 1] as number) * TWO_32 + ((this.#halves[2 * index] as number) >>> 0);
    let seconds: number;
    let fraction: number;
    if (Number.isSafeInteger(value)) {
      fraction = value % this.#unit;
      seconds = (value - fraction) / this.#unit;
    } else {
      const exact = this.#values[index] as bigint;
      seconds = Number(exact / this.#bigUnit);
      fraction = Number(exact % this.#bigUnit);
    }
    if (fraction < 0) {
      fraction += this.#unit;
      seconds -= 1;
    }
    into.day = Math.floor(seconds / DAY_SECONDS);
    into.second = seconds - into.day * DAY_SECONDS;
    into.fraction = fraction;
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
    const nanos = (words[from + 1] as number) * TWO_32 + ((words[from] as number) >>> 0);
    const seconds = Math.floor(nanos / 1e9);
    const days = Math.floor(seconds / DAY_SECONDS);
    into.fraction = nanos - seconds * 1e9;
    into.second = seconds - days * DAY_SECONDS;
    into.day = (words[from + 2] as number) - JULIAN_EPOCH + days;
  }
}
