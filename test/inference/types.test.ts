import { CANDIDATES } from '../../src/inference/candidates.js';
import { COLUMN_KINDS } from '../../src/models/schema/index.js';
import { column } from './support.js';

/** As many values as it takes until a narrow type is believed. */
function many(...values: string[]): string[] {
  return Array.from({ length: 30 }, (_, index) => values[index % values.length] as string);
}

describe('the type of a column', () => {
  it.each<[string, string[], string, RegExp]>([
    ['true and false', ['true', 'FALSE'], 'Bool', /true and false/],
    ['words of truth among digits', ['1', 'true', '0'], 'Bool', /true and false/],
    ['many of 0 and 1', many('0', '1'), 'UInt8', /only 0 and 1/],
    ['few of 0 and 1', ['0', '1'], 'Int32', /1 digit/],
    ['small whole numbers', ['7', '-12', '12345678'], 'Int32', /up to 8 digits/],
    ['numbers that leave Int32 little room', ['7', '123456789'], 'Int64', /up to 9 digits/],
    ['the greatest Int64', ['9223372036854775807'], 'Int64', /19 digits/],
    ['more than Int64', ['9223372036854775808', '1'], 'UInt64', /beyond Int64/],
    ['more than Int64, with a negative', ['9223372036854775808', '-1'], 'Decimal(38,0)', /whole numbers/],
    ['whole numbers too long for any type', ['1'.repeat(80)], 'String', /text/],
    ['prices', many('12.50', '3.00', '-7.25'), 'Decimal(18,2)', /always 2 digits/],
    ['large prices', many(`${'9'.repeat(16)}.50`), 'Decimal(38,2)', /always 2 digits/],
    ['few prices', ['12.50', '3.00'], 'Float64', /2 digits/],
    ['measurements', many('12.5', '3', '.25'), 'Float64', /up to 2 digits/],
    ['always one digit after the point', many('12.5', '3.1'), 'Float64', /1 digit/],
    ['exponents', ['1e9', '2'], 'Float64', /exponent/],
    ['dates', ['2026-01-31', '2024-02-29'], 'Date', /dates/],
    ['times', ['2026-01-31 10:00:00', '2026-01-31T10:00:00Z'], 'DateTime', /dates with times/],
    [
      'times with fractions',
      ['2026-01-31 10:00:00.5', '2026-01-31 10:00:00'],
      'DateTime64(3)',
      /1 digit after the seconds/,
    ],
    ['times in microseconds', ['2026-01-31T10:00:00.123456+02:00'], 'DateTime64(6)', /6 digits after the seconds/],
    ['days without hyphens', ['20261120', '20240229'], "Date('YYYYMMDD')", /dates as YYYYMMDD/],
    ['numbers that are not all days', ['20261120', '20261131'], 'Int32', /8 digits/],
    ['days of no time of ours', ['20261120', '18991231'], 'Int32', /8 digits/],
    ['epoch milliseconds', ['1763630100123', '631152000000'], "DateTime('epoch_ms')", /epoch milliseconds/],
    ['epoch microseconds', ['1763630100123456'], "DateTime('epoch_us')", /epoch microseconds/],
    ['epoch seconds', ['1763630100', '1763630101'], 'Int64', /10 digits/],
    ['milliseconds of another time', ['1763630100123', '4102444800001'], 'Int64', /13 digits/],
    ['days among times', ['20261120', '2026-01-31 10:00:00'], 'String', /no Int64/],
    ['seconds among times', ['1763630100', '2026-01-31 10:00:00'], 'DateTime', /dates with times/],
    ['dates among times', ['2026-01-31', '2026-01-31 10:00:00'], 'String', /no Date: '2026-01-31 10:00:00' in row 2/],
    ['UUIDs', ['123e4567-e89b-12d3-a456-426614174000'], 'UUID', /UUIDs/],
    ['zip codes', ['10115', '01067'], 'String', /'01067' in row 2: its leading zero/],
    ['phone numbers', ['+4930123456'], 'String', /'\+4930123456' in row 1: its leading zero or plus/],
    ['decimals with leading zeros', ['01.5', '2.5'], 'String', /text/],
    ['a word after many numbers', [...many('1', '2'), 'unknown'], 'String', /no Int64: 'unknown' in row 31/],
    ['text', ['Anna', 'Ben'], 'String', /^text$/],
    ['spaces around numbers', [' 1', '2'], 'String', /text/],
    ['impossible dates', ['2026-02-30'], 'String', /text/],
  ])('is found for %s', async (_, values, type, reason) => {
    const found = await column(values);
    expect([found.type, found.nullable]).toEqual([type, false]);
    expect(found.reason).toMatch(reason);
  });

  it('is nullable where a field is empty, unless it is quoted', async () => {
    expect(await column(['1', '', '3'])).toMatchObject({ type: 'Int32', nullable: true, evidence: { nulls: 1 } });
    expect(await column(['a', '""'])).toMatchObject({ type: 'String', nullable: false });
    expect(await column(['1', '""'])).toMatchObject({
      type: 'String',
      nullable: false,
      reason: expect.stringMatching(/''/),
    });
    expect(await column(['', ''])).toMatchObject({ type: 'String', nullable: true, reason: 'only nulls' });
  });
});

it('may be of each kind that there is', () => {
  const kinds = new Set(['string', ...CANDIDATES.map(({ type }) => type.kind)]);
  expect([...kinds].toSorted()).toEqual(Object.keys(COLUMN_KINDS).toSorted());
});
