import fc from 'fast-check';
import { DateWriter, isModelDay, writeTime } from '../../../../src/formats/parquet/columns/civil-date.js';
import {
  writeInt64,
  writeInteger,
  writeString,
  writeWhole,
} from '../../../../src/formats/parquet/columns/json-bytes.js';

const DAY_MS = 86_400_000;

/** What a writer wrote, which must not touch what is before it or say another end. */
function written(write: (out: Uint8Array, at: number) => number): string {
  const out = Buffer.alloc(4096, '#');
  const end = write(out, 3);
  expect(out.toString('latin1', 0, 3)).toBe('###');
  expect(out.toString('latin1', end)).toMatch(/^#*$/);
  return out.toString('utf8', 3, end);
}

describe('JSON written as bytes', () => {
  it('has the digits of every whole number', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(written((out, at) => writeInteger(out, at, value))).toBe(String(value));
      }),
    );
    for (const value of [0, 9, 10, 999_999_999, 1e9, 1e9 + 1, 1e18 % 2 ** 53, Number.MAX_SAFE_INTEGER]) {
      expect(written((out, at) => writeWhole(out, at, value))).toBe(String(value));
    }
  });

  it('has the digits of every number of 64 bits', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), (value) => {
        const high = Number(value >> 32n);
        const low = Number(BigInt.asIntN(32, value));
        expect(written((out, at) => writeInt64(out, at, high, low))).toBe(String(value));
      }),
    );
  });

  it('escapes text as JSON.stringify does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const bytes = Buffer.from(`..${text}..`);
        expect(written((out, at) => writeString(out, at, bytes, 2, bytes.length - 2))).toBe(
          JSON.stringify(Buffer.from(text).toString()),
        );
      }),
    );
  });

  it('has the calendar days of JavaScript, and years beyond four digits with a sign', () => {
    const dates = new DateWriter();
    fc.assert(
      fc.property(fc.integer({ min: -100_000_000, max: 100_000_000 }), (day) => {
        const expected = new Date(day * DAY_MS).toISOString().slice(0, -'T00:00:00.000Z'.length);
        expect(written((out, at) => dates.write(out, at, day))).toBe(expected);
        expect(isModelDay(day)).toBe(/^(?!0000)\d{4}-/.test(expected));
      }),
    );
  });

  it('has times with the digits of their unit', () => {
    expect(written((out, at) => writeTime(out, at, 86_399, 7, 6))).toBe('23:59:59.000007');
    expect(written((out, at) => writeTime(out, at, 3_600, 0, 0))).toBe('01:00:00');
  });
});
