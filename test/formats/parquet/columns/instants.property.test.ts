import fc from 'fast-check';
import type { ArrowArray } from '../../../../src/formats/parquet/arrow-data.js';
import { DecimalReader } from '../../../../src/formats/parquet/columns/decimals.js';
import {
  DateReader,
  Int96Reader,
  TimeReader,
  TimestampReader,
} from '../../../../src/formats/parquet/columns/temporal.js';
import { RowFlags, type ValueReader } from '../../../../src/formats/parquet/columns/value-reader.js';

/** The Gregorian calendar repeats itself after this number of years. */
const CYCLE_YEARS = 400n;
const CYCLE_SECONDS = 146_097n * 86_400n;
const DAY_SECONDS = 86_400n;
const JULIAN_EPOCH = 2_440_588n;

/** The value whose bytes, the lowest first, are those of `value`, as JSON; another stands before it in the batch. */
function written(reader: ValueReader, value: bigint, bytes: number): string {
  const memory = new ArrayBuffer(8 + 2 * bytes);
  const target = new Uint8Array(memory, 8 + bytes);
  for (let i = 0; i < bytes; i++) target[i] = Number(BigInt.asUintN(8, value >> BigInt(8 * i)));
  const array: ArrowArray = { length: 1, offset: 1, nulls: 0, buffers: [0, 8], children: [] };
  reader.bind(array, memory);
  const out = Buffer.alloc(1024, '#');
  const end = reader.write(0, out, 3);
  expect(out.toString('latin1', 0, 3) + out.toString('latin1', end)).toMatch(/^#+$/);
  const json = out.toString('latin1', 3, end);
  expect(JSON.stringify(JSON.parse(json))).toBe(json.startsWith('"') ? json : JSON.stringify(Number(json)));
  return json;
}

/** `YYYY-MM-DDThh:mm:ss` of seconds since 1970, by the calendar of Date. */
function instant(seconds: bigint): string {
  const cycle = (seconds - (((seconds % CYCLE_SECONDS) + CYCLE_SECONDS) % CYCLE_SECONDS)) / CYCLE_SECONDS;
  const near = new Date(Number(seconds - cycle * CYCLE_SECONDS) * 1000).toISOString();
  const year = BigInt(near.slice(0, 4)) + cycle * CYCLE_YEARS;
  const digits = String(year < 0n ? -year : year);
  const spelled =
    year >= 0n && year <= 9999n ? digits.padStart(4, '0') : `${year < 0n ? '-' : '+'}${digits.padStart(6, '0')}`;
  return spelled + near.slice(4, 19);
}

function fractionOf(value: bigint, unit: bigint): bigint {
  return ((value % unit) + unit) % unit;
}

function timestamp(value: bigint, digits: number): string {
  const unit = 10n ** BigInt(digits);
  const fraction = fractionOf(value, unit);
  return instant((value - fraction) / unit) + (digits === 0 ? '' : `.${String(fraction).padStart(digits, '0')}`);
}

/** Any number of this size in bits, also of few digits, and those around a day, of any unit. */
function signed(bits: number): fc.Arbitrary<bigint> {
  const limit = 2n ** BigInt(bits - 1);
  const days = [0, 3, 6, 9].flatMap((digits) =>
    [0n, 1n, -1n].map((days) => days * DAY_SECONDS * 10n ** BigInt(digits)),
  );
  return fc.oneof(
    fc.bigInt({ min: -limit, max: limit - 1n }),
    fc
      .bigInt({ min: -limit, max: limit - 1n })
      .chain((value) => fc.nat(bits - 1).map((shift) => value >> BigInt(shift))),
    fc
      .tuple(fc.constantFrom(...days), fc.bigInt({ min: -2n, max: 2n }))
      .map(([day, more]) => BigInt.asIntN(bits, day + more)),
    fc.constantFrom(-limit, limit - 1n),
  );
}

const RUNS = { numRuns: 1000 };

describe('a value of any bits is written in digits', () => {
  it.each([
    [3, 32],
    [6, 64],
    [9, 64],
  ])('as TIME of %i digits, or has a flaw', (digits, bits) => {
    const notes = new RowFlags();
    const reader = new TimeReader(digits, notes);
    const unit = 10n ** BigInt(digits);
    fc.assert(
      fc.property(signed(bits), (value) => {
        notes.hasFlaw = false;
        const json = written(reader, value, bits / 8);
        const isTime = value >= 0n && value < DAY_SECONDS * unit;
        expect([notes.hasFlaw, reader.flaw(0) !== null]).toEqual([!isTime, !isTime]);
        expect(json).toBe(isTime ? `"${timestamp(value, digits).slice(11)}"` : `"${value}"`);
      }),
      RUNS,
    );
  });

  it('as DATE', () => {
    const reader = new DateReader();
    fc.assert(
      fc.property(signed(32), (value) => {
        const text = instant(value * DAY_SECONDS).replace(/T.*/, '');
        expect([written(reader, value, 4), reader.text(0)]).toEqual([`"${text}"`, text]);
      }),
      RUNS,
    );
  });

  it.each([0, 3, 6, 9])('as TIMESTAMP of %i digits', (digits) => {
    const reader = new TimestampReader(digits, true);
    fc.assert(
      fc.property(signed(64), (value) => {
        const text = `${timestamp(value, digits)}Z`;
        expect([written(reader, value, 8), reader.text(0)]).toEqual([`"${text}"`, text]);
      }),
      RUNS,
    );
  });

  it('as INT96, whose nanoseconds may go beyond their day', () => {
    const reader = new Int96Reader();
    fc.assert(
      fc.property(signed(64), signed(32), (nanos, day) => {
        const value = (day - JULIAN_EPOCH) * DAY_SECONDS * 10n ** 9n + nanos;
        expect(written(reader, (day << 64n) + BigInt.asUintN(64, nanos), 12)).toBe(`"${timestamp(value, 9)}"`);
      }),
      RUNS,
    );
  });

  it.each([32, 64, 128, 256])('as DECIMAL of %i bits, whatever its scale', (bits) => {
    fc.assert(
      fc.property(signed(bits), fc.integer({ min: -3, max: 80 }), (value, scale) => {
        const reader = new DecimalReader(bits, scale);
        written(reader, value, bits / 8);
        const text = reader.text(0);
        expect(text).toMatch(scale <= 0 ? /^-?\d+$/ : new RegExp(`^-?\\d+\\.\\d{${scale}}$`));
        const unscaled = BigInt(text.replace('.', ''));
        expect(scale < 0 ? unscaled / 10n ** BigInt(-scale) : unscaled).toBe(value);
        const digits = String(value).replace('-', '').length;
        expect([reader.hasDigits(0, digits), reader.hasDigits(0, digits - 1)]).toEqual([true, value === 0n]);
      }),
      RUNS,
    );
  });
});
