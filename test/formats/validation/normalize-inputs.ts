import fc from 'fast-check';
import { type Normalizations } from '../../../src/formats/index.js';
import { NORMALIZE_OPERATIONS } from '../../../src/ingest/index.js';
import type { Decision } from '../csv/read-all.js';

/** The columns of the rows that are normalized; the models know all but the last. */
export const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'other'];

/** Models whose values may all be strings in JSON. */
export const SCHEMAS: readonly object[] = [
  {
    a: 'String',
    b: 'Nullable(Date)',
    c: 'DateTime',
    d: 'Nullable(DateTime64(3))',
    e: 'Nullable(UUID)',
    f: 'Nullable(Decimal(6,2))',
  },
  {
    type: 'object',
    properties: {
      a: { type: 'string', format: 'email' },
      b: { type: 'string', format: 'date' },
      c: { type: 'string', enum: ['1700000000', '2024-01-31t01:02:03z'] },
      d: { type: 'string', minLength: 1, maxLength: 24 },
      e: { type: 'string', format: 'uuid' },
      f: { type: 'string', pattern: '^[0-9.]*$' },
    },
    required: ['a', 'c'],
  },
];

const GOOD: Readonly<Record<string, string[]>> = {
  a: ['A@b.c', 'x@Y.de'],
  b: ['2024/1/31', '31.1.2024', '20240131', '2024-01-31'],
  c: ['2024-01-31T01:02:03Z', '1700000000'],
  d: ['2024-01-31 01:02:03.123'],
  e: ['3F2504E0-4F89-41D3-9A0C-0305E82C3301'],
  f: ['+007.50', '12.3'],
  other: ['x', 'ß'],
};

const blanks = fc.constantFrom('', '', '', ' ', '\t', '\u00a0', '\n');
const oddText = fc.oneof(
  fc.constantFrom('', 'ß', 'İ', 'null', '"', '\\', '01/02/2024', '-0'),
  fc.string({ unit: 'grapheme', maxLength: 4 }),
);

/** One text for each of the names; many fit the models, some after they are normalized. */
export const textRow: fc.Arbitrary<string[]> = fc.tuple(
  ...NAMES.map((name) => {
    const text = fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...(GOOD[name] ?? [])) }, oddText);
    return fc.tuple(blanks, text, blanks).map((parts) => parts.join(''));
  }),
);

export const normalizations: fc.Arbitrary<Normalizations> = fc.dictionary(
  fc.constantFrom(...NAMES),
  fc.uniqueArray(fc.constantFrom(...NORMALIZE_OPERATIONS), { minLength: 1 }),
);

/** With these most texts fit. */
export const TIDY: Normalizations = {
  ...Object.fromEntries(NAMES.map((name) => [name, ['trim']])),
  b: ['trim', 'iso_date'],
  c: ['trim', 'lowercase'],
};

/** The JSON of the rows that were accepted, and what was wrong with the others. */
export function outcomes(decisions: readonly Decision[]): unknown[] {
  return decisions.map((each) =>
    'accepted' in each ? Buffer.from(each.accepted, 'latin1').toString() : each.rejected.errors,
  );
}
