import fc from 'fast-check';
import { jsonWriter } from '../../../src/formats/validation/json-value.js';
import { type ColumnType, parseColumnType } from '../../../src/models/schema/index.js';
import { JSON_VALUE_VECTORS } from './json-vectors.js';
import { TYPE_VECTORS } from './vectors.js';

function writerOf(type: string): (text: string) => string {
  return jsonWriter(parseColumnType(type) as ColumnType);
}

/** Digits before and after the point, and the power of ten: a decimal number exactly. */
function exactly(text: string): { units: bigint; exponent: number } {
  const [, sign, whole = '', fraction = '', exponent = '0'] = /^([+-]?)(\d*)\.?(\d*)(?:[eE](.*))?$/.exec(text) ?? [];
  const units = BigInt(whole + fraction) * (sign === '-' ? -1n : 1n);
  return { units, exponent: Number(exponent) - fraction.length };
}

function isSameNumber(a: string, b: string): boolean {
  const [x, y] = [exactly(a), exactly(b)];
  const shift = x.exponent - y.exponent;
  return shift >= 0 ? x.units * 10n ** BigInt(shift) === y.units : x.units === y.units * 10n ** BigInt(-shift);
}

describe('a value as JSON', () => {
  for (const { type, values } of JSON_VALUE_VECTORS) {
    it.each(Object.entries(values))(`is a ${type}'s (%j → %s)`, (text, json) => {
      expect(writerOf(type)(text)).toBe(json);
    });
  }

  it.each(TYPE_VECTORS.map(({ type, accepted }) => [type, accepted] as const))(
    'is legal and as long as it must be, for every %s there is',
    (type, accepted) => {
      for (const text of accepted) {
        const json = writerOf(type)(text);
        expect(() => JSON.parse(json)).not.toThrow();
        expect(json).not.toMatch(/^-?0\d/);
      }
    },
  );

  it('is text that reads back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(JSON.parse(writerOf('String')(text))).toBe(text);
      }),
    );
  });

  const digits = (constraints: fc.StringConstraints) =>
    fc.string({ unit: fc.constantFrom(...Array.from('0123456789')), ...constraints });
  const sign = fc.constantFrom('', '+', '-');

  it('is the same integer, in its one spelling', () => {
    fc.assert(
      fc.property(sign, digits({ minLength: 1, maxLength: 60 }), (before, text) => {
        expect(writerOf('Int64')(before + text)).toBe(String(BigInt(text) * (before === '-' ? -1n : 1n)));
      }),
    );
  });

  it('is the same number to the last digit', () => {
    const exponent = fc.oneof(
      fc.constant(''),
      fc.tuple(fc.constantFrom('e', 'E'), sign, fc.nat({ max: 200 })).map((parts) => parts.join('')),
    );
    const text = fc
      .tuple(sign, digits({ maxLength: 30 }), fc.boolean(), digits({ maxLength: 30 }), exponent)
      .filter(([, whole, point, fraction]) => whole !== '' || (point && fraction !== ''))
      .map(([before, whole, point, fraction, power]) => before + whole + (point ? `.${fraction}` : '') + power);
    fc.assert(
      fc.property(text, (number) => {
        const json = writerOf('Float64')(number);
        expect(json).toMatch(/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/);
        expect(isSameNumber(json, number)).toBe(true);
        expect(json.startsWith('-')).toBe(number.startsWith('-'));
      }),
      { numRuns: 1000 },
    );
  });
});
