import { ValueCheck } from '../../../src/formats/validation/value-check.js';
import { compileSchema } from '../../../src/models/schema/index.js';

/** The codes of a value's errors under one JSON Schema property. */
function codesOf(property: object, text: string): string[] {
  const [column] = compileSchema({ type: 'object', properties: { c: property }, required: ['c'] }).columns;
  if (column === undefined) throw new Error('a schema of one property has one column');
  return new ValueCheck(column).errorsOf(text).map((each) => each.error);
}

describe('constraints', () => {
  it.each([
    [{ type: 'integer', minimum: 5 }, ['5', '+5', '6', '9223372036854775807'], ['4', '-5']],
    [{ type: 'integer', exclusiveMinimum: 5 }, ['6'], ['5', '005']],
    [{ type: 'integer', maximum: 1.5 }, ['1', '-9223372036854775808'], ['2']],
    [
      { type: 'integer', exclusiveMaximum: 2 ** 60 },
      ['1152921504606846975', '-1'],
      ['1152921504606846976', '1152921504606846977'],
    ],
    [{ type: 'integer', minimum: 2 ** 53 }, ['9007199254740992', '+0009007199254740993'], ['9007199254740991']],
    [{ type: 'integer', maximum: 2 ** 53 }, ['9007199254740992'], ['9007199254740993']],
    [{ type: 'number', minimum: 0, maximum: 1 }, ['0', '-0', '.5', '1e0'], ['-1e-300', '1.0000001']],
  ])('bounds of %j', (property, good, bad) => {
    for (const text of good) expect([text, codesOf(property, text)]).toEqual([text, []]);
    for (const text of bad) expect([text, codesOf(property, text)]).toEqual([text, ['OUT_OF_RANGE']]);
  });

  it.each([
    [{ type: 'string', enum: ['a', ''] }, ['a', ''], ['A', 'b']],
    [{ type: 'integer', enum: [1, -20, 0] }, ['1', '+1', '001', '-20', '-0'], ['20', '2']],
    [{ type: 'number', enum: [1.5, 0, 1e21] }, ['1.5', '1.50', '15e-1', '-0', '1e21', '1000000000000000000000'], ['1']],
    [{ type: 'boolean', enum: [true] }, ['true', 'TRUE', '1'], ['false', '0']],
    [{ type: 'string', format: 'date', enum: ['2023-01-01'] }, ['2023-01-01'], ['2023-01-02']],
  ])('members of %j', (property, good, bad) => {
    for (const text of good) expect([text, codesOf(property, text)]).toEqual([text, []]);
    for (const text of bad) expect([text, codesOf(property, text)]).toEqual([text, ['NOT_IN_ENUM']]);
  });

  it('counts lengths in code points', () => {
    const property = { type: 'string', minLength: 2, maxLength: 3 };
    expect(['😀', '😀é', '😀😀😀', 'abcd'].map((text) => codesOf(property, text))).toEqual([
      ['TOO_SHORT'],
      [],
      [],
      ['TOO_LONG'],
    ]);
    expect(codesOf({ type: 'string', maxLength: 0 }, '')).toEqual([]);
  });

  it('looks for a pattern anywhere unless it is anchored', () => {
    expect(codesOf({ type: 'string', pattern: '\\d{2}' }, 'a12b')).toEqual([]);
    expect(codesOf({ type: 'string', pattern: '^\\d{2}$' }, 'a12b')).toEqual(['PATTERN_MISMATCH']);
    expect(codesOf({ type: 'string', pattern: '^\\p{Lu}' }, 'Éa')).toEqual([]);
    expect(codesOf({ type: 'string', pattern: '^a$' }, 'a\n')).toEqual(['PATTERN_MISMATCH']);
  });

  it.each(['a@b', 'first.last+tag@sub.example.org', "o'brien@example.com", `${'x'.repeat(64)}@example.com`, '1@2.3'])(
    'takes %s as an email address',
    (text) => {
      expect(codesOf({ type: 'string', format: 'email' }, text)).toEqual([]);
    },
  );

  it.each([
    '',
    'a',
    '@',
    'a@',
    '@b',
    'a b@c',
    'a@b c',
    'a@b@c',
    'a@-b',
    'a@b-',
    'a@b..c',
    'a@.b',
    'é@b',
    'a@é',
    ' a@b',
    'a@b\n',
    `${'x'.repeat(65)}@example.com`,
    `a@${'b'.repeat(64)}`,
    `a@${'b.'.repeat(130)}c`,
  ])('refuses %j as an email address', (text) => {
    expect(codesOf({ type: 'string', format: 'email' }, text)).toEqual(['NOT_AN_EMAIL']);
  });

  it('says what was expected', () => {
    const [column] = compileSchema({
      type: 'object',
      properties: { c: { type: 'string', enum: Array.from({ length: 12 }, (_, index) => `v${index}`), minLength: 1 } },
    }).columns;
    const [first, second] = column === undefined ? [] : new ValueCheck(column).errorsOf('');
    expect(first?.message).toBe(
      "column 'c': '' is not one of 'v0', 'v1', 'v2', 'v3', 'v4', 'v5', 'v6', 'v7', 'v8', 'v9', …",
    );
    expect(second?.message).toBe("column 'c': '' is shorter than 1 characters");
  });
});
