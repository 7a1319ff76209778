import fc from 'fast-check';
import '../../kit/property-seed.js';
import { ByteChunks } from '../../../src/sinks/clickhouse/byte-chunks.js';
import { parseType, typeOf } from '../../../src/sinks/clickhouse/column-types.js';
import { RowEncoder } from '../../../src/sinks/clickhouse/row-encoder.js';
import { JsonFields } from '../../../src/sinks/json-fields.js';

/** The bytes of a value that is not null, in a table made for the type of the model. */
function encode(type: string, json: string): Buffer {
  const column = { name: 'v', type, nullable: false, constraints: {} };
  const layout = parseType(typeOf(column))?.layout;
  if (layout === undefined) throw new Error(type);
  const fields = new JsonFields([column]);
  const row = Buffer.from(`{"v":${json}}`);
  fields.read(row, 0, row.length);
  const out = new ByteChunks();
  const refusal = new RowEncoder([{ name: 'v', index: 0, layout }], false).write(fields, row, new Uint8Array(0), out);
  if (refusal !== null) throw new Error(refusal.error);
  return Buffer.concat(out.take());
}

/** Little-endian two's complement. */
function integerOf(bytes: Buffer, isSigned: boolean): bigint {
  const value = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
  return isSigned ? BigInt.asIntN(bytes.length * 8, value) : value;
}

const digits = (max: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: max });

it.each([8, 16, 32, 64] as const)('integers of %s bits are written as they are', (bits) => {
  const size = 1n << BigInt(bits);
  fc.assert(
    fc.property(fc.bigInt(-size / 2n, size / 2n - 1n), (value) => {
      expect(integerOf(encode(`Int${bits}`, `${value}`), true)).toBe(value);
    }),
  );
  fc.assert(
    fc.property(fc.bigInt(0n, size - 1n), (value) => {
      expect(integerOf(encode(`UInt${bits}`, `${value}`), false)).toBe(value);
    }),
  );
});

it('decimals are written to the last digit, as numbers and as strings', () => {
  const decimal = fc
    .integer({ min: 1, max: 76 })
    .chain((precision) => fc.tuple(fc.constant(precision), fc.integer({ min: 0, max: precision })))
    .chain(([precision, scale]) =>
      fc.record({
        type: fc.constant(`Decimal(${precision},${scale})`),
        scale: fc.constant(scale),
        sign: fc.constantFrom('', '-'),
        whole: digits(precision - scale).map((text) => text.replace(/^0+/, '') || '0'),
        fraction: digits(scale),
        quote: fc.constantFrom('', '"'),
      }),
    );
  fc.assert(
    fc.property(decimal, ({ type, scale, sign, whole, fraction, quote }) => {
      const text = `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`;
      const bytes = encode(type, `${quote}${text}${quote}`);
      expect(integerOf(bytes, true)).toBe(BigInt(`${sign}${whole}${fraction.padEnd(scale, '0')}`));
    }),
    { numRuns: 1000 },
  );
});

it('floats are the nearest ones', () => {
  const text = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
    fc.tuple(fc.constantFrom('', '-'), fc.nat(), digits(25)).map(([sign, whole, fraction]) => {
      return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`;
    }),
    fc.constantFrom('-0', '-0.0', '1e5', '1.5E-7', '0.000000000000001', '9007199254740993'),
  );
  fc.assert(
    fc.property(text, (number) => {
      expect(encode('Float64', number).readDoubleLE()).toBe(Number(number));
      if (Math.abs(Number(number)) < 3e38)
        expect(encode('Float32', number).readFloatLE()).toBe(Math.fround(Number(number)));
    }),
    { numRuns: 1000 },
  );
});

const FIRST = Date.UTC(1900, 0, 1);
const LAST = Date.UTC(2299, 11, 31);
const times = (max: number) => fc.integer({ min: FIRST / 1000 + 86_400, max: max / 1000 - 86_400 });

it('dates are days', () => {
  fc.assert(
    fc.property(fc.integer({ min: FIRST / 86_400_000, max: LAST / 86_400_000 }), (days) => {
      const text = new Date(days * 86_400_000).toISOString().slice(0, 10);
      expect(encode('Date', `"${text}"`).readInt32LE()).toBe(days);
    }),
    { numRuns: 1000 },
  );
});

it.each([0, 1, 3, 6, 9])(
  'times with %s digits of a second are written to the last one, whatever their zone',
  (scale) => {
    const time = fc.record({
      seconds: times(scale === 9 ? Date.UTC(2262, 3, 10) : LAST),
      fraction: digits(scale),
      separator: fc.constantFrom('T', ' '),
      minutes: fc.option(fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 })),
      colon: fc.constantFrom('', ':'),
    });
    fc.assert(
      fc.property(time, ({ seconds, fraction, separator, minutes, colon }) => {
        const local = new Date((seconds + (minutes ?? 0) * 60) * 1000)
          .toISOString()
          .slice(0, 19)
          .replace('T', separator);
        const [hour, minute] = [Math.floor(Math.abs(minutes ?? 0) / 60), Math.abs(minutes ?? 0) % 60];
        const two = (value: number): string => `${value}`.padStart(2, '0');
        const zone = minutes === null ? '' : `${minutes < 0 ? '-' : '+'}${two(hour)}${colon}${two(minute)}`;
        const text = `${local}${fraction === '' ? '' : `.${fraction}`}${zone}`;
        const ticks = BigInt(seconds) * 10n ** BigInt(scale) + BigInt(fraction.padEnd(scale, '0') || '0');
        expect(encode(`DateTime64(${scale})`, `"${text}"`).readBigInt64LE()).toBe(ticks);
        if (scale === 6) expect(encode('DateTime', `"${text}"`).readBigInt64LE()).toBe(ticks);
      }),
      { numRuns: 500 },
    );
  },
);

it('epoch seconds are times, too', () => {
  fc.assert(
    fc.property(times(LAST), (seconds) => {
      expect(encode('DateTime', `${seconds}`).readBigInt64LE()).toBe(BigInt(seconds) * 1_000_000n);
    }),
  );
});

it('UUIDs are two numbers', () => {
  fc.assert(
    fc.property(fc.uuid(), fc.boolean(), (uuid, isUpper) => {
      const bytes = encode('UUID', JSON.stringify(isUpper ? uuid.toUpperCase() : uuid));
      const hex = Buffer.concat([
        Buffer.from(bytes.subarray(0, 8)).reverse(),
        Buffer.from(bytes.subarray(8)).reverse(),
      ]);
      expect(hex.toString('hex')).toBe(uuid.replaceAll('-', ''));
    }),
  );
});

it('texts are their bytes, with and without escapes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
      const escaped = JSON.stringify(text).replaceAll(
        /[^\x20-\x7e]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
      for (const json of [JSON.stringify(text), escaped]) {
        const bytes = encode('String', json);
        expect(bytes.subarray(Buffer.byteLength(text) > 127 ? 2 : 1).toString()).toBe(text);
      }
    }),
  );
});
