import fc from 'fast-check';
import type { InferenceResult } from '../../src/inference/inference-result.js';
import { compileSchema } from '../../src/models/schema/index.js';
import { infer, rejectedJson } from './support.js';

/** Values are made as texts: what JSON.stringify would not write, numbers above all, is in files all the same. */
const digits = (min: number, max: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: min, maxLength: max }).map((each) => each.join(''));
const whole = fc.oneof(
  fc.constant('0'),
  fc.tuple(fc.integer({ min: 1, max: 9 }), digits(0, 90)).map(([first, rest]) => first + rest),
);
const minus = fc.constantFrom('', '', '-');
const calendar = fc
  .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString());
const quoted = (text: fc.Arbitrary<string>) => text.map((each) => JSON.stringify(each));
const names = fc.constantFrom(
  'id',
  'ä',
  '\u{1F600}',
  '1',
  '',
  ' ',
  '__proto__',
  'constructor',
  'type',
  'properties',
  '$schema',
  'x'.repeat(300),
);

const scalars: fc.Arbitrary<string>[] = [
  fc.constantFrom('true', 'false'),
  fc.constantFrom('0', '1', '-0'),
  fc.integer({ min: -1000, max: 1000 }).map(String),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n }).map(String),
  fc.tuple(minus, whole).map((parts) => parts.join('')),
  fc
    .tuple(minus, fc.integer({ min: 0, max: 10 ** 9 }), digits(2, 2))
    .map(([sign, left, right]) => `${sign}${left}.${right}`),
  fc.tuple(minus, whole, digits(1, 8)).map(([sign, left, right]) => `${sign}${left}.${right}`),
  fc.tuple(minus, whole, fc.constantFrom('e', 'E', 'e+', 'E-'), digits(1, 3)).map((parts) => parts.join('')),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => JSON.stringify(each)),
  quoted(calendar.map((text) => text.slice(0, 10))),
  quoted(
    fc
      .tuple(calendar, fc.constantFrom(19, 21, 23), fc.constantFrom('', 'Z', '+02:00'))
      .map(([text, to, zone]) => text.slice(0, to) + zone),
  ),
  quoted(fc.tuple(calendar, digits(1, 10)).map(([text, rest]) => `${text.slice(0, 19)}.${rest}`)),
  quoted(fc.uuid()),
  quoted(fc.tuple(minus, whole, digits(2, 2)).map(([sign, left, right]) => `${sign}${left}.${right}`)),
  quoted(fc.constantFrom('N/A', 'NULL', '', 'true', '1', '01067')),
  quoted(fc.string({ unit: 'grapheme', maxLength: 12 })),
  fc.constantFrom('"\\u00e4\\n"', '"\\ud83d\\ude00"', '"\\/"'),
];

const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(fc.constant('null'), ...scalars),
    fc.oneof(...scalars).chain((each) => arrayOf(fc.constant(each))),
    arrayOf(tie('value')),
    objectOf(tie('value')),
  ),
}));

function arrayOf(item: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.array(item, { maxLength: 4 }).map((items) => `[${items.join(', ')}]`);
}

function objectOf(member: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .uniqueArray(fc.tuple(names, member), { selector: ([name]) => name, maxLength: 4 })
    .map((members) => `{${members.map(([name, each]) => `${JSON.stringify(name)}:${each}`).join(' ,')}}`);
}

/** Mostly of one kind, as files have them; some rows lack it, or have null. */
const member = fc
  .tuple(
    fc.constantFrom(...scalars, value, arrayOf(fc.oneof(...scalars)), objectOf(fc.oneof(...scalars))),
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: 0, max: 3 }),
  )
  .map(([kind, strangers, holes]) =>
    fc.oneof(
      { arbitrary: kind, weight: 20 },
      { arbitrary: value, weight: strangers === 0 ? 1 : 0 },
      { arbitrary: fc.constant('null'), weight: holes === 0 ? 2 : 0 },
      { arbitrary: fc.constant(''), weight: holes === 1 ? 2 : 0 },
    ),
  );

const rows: fc.Arbitrary<string[]> = fc
  .tuple(
    fc.uniqueArray(fc.tuple(names, member), { selector: ([name]) => name, minLength: 1, maxLength: 5 }),
    fc.integer({ min: 1, max: 30 }),
  )
  .chain(([members, count]) =>
    fc.array(fc.tuple(...members.map(([name, each]) => each.map((text) => [name, text] as const))), {
      minLength: count,
      maxLength: count,
    }),
  )
  .map((table) =>
    table.map(
      (row) =>
        `{${row
          .filter(([, text]) => text !== '')
          .map(([name, text]) => `${JSON.stringify(name)}: ${text}`)
          .join(',')}}`,
    ),
  );

const file = fc.tuple(rows, fc.constantFrom('json' as const, 'ndjson' as const)).map(([each, format]) => ({
  format,
  content: format === 'json' ? `[${each.join(',\n')}]\n` : `${each.join('\n')}\n`,
}));

/** null if no column comes of the file, which is a finding, too. */
async function inferred(
  content: string | Buffer,
  options: Parameters<typeof infer>[1],
): Promise<InferenceResult | null> {
  try {
    return await infer(content, options);
  } catch (error) {
    expect(error).toMatchObject({ code: 'HEADER_MISMATCH' });
    return null;
  }
}

function columnsOf({ schema }: InferenceResult): string[] {
  return compileSchema(schema).columns.map(({ name }) => name);
}

it('a schema proposed by JSON accepts every row that it was proposed by', async () => {
  await fc.assert(
    fc.asyncProperty(file, async ({ content, format }) => {
      const found = await inferred(content, { format });
      if (found === null) return;
      expect(found.rows_rejected).toBe(0);
      expect(rejectedJson(content, found)).toEqual([]);
      expect(columnsOf(found).toSorted()).toEqual(found.columns.map(({ name }) => name).toSorted());
    }),
    { numRuns: 1000 },
  );
});

it('so does one that was proposed by the beginning of a file, cut off anywhere', async () => {
  await fc.assert(
    fc.asyncProperty(file, fc.double({ min: 0, max: 1, noNaN: true }), async ({ content, format }, share) => {
      const bytes = Buffer.from(content);
      const beginning = bytes.subarray(0, Math.ceil(bytes.length * share));
      const found = await inferred(beginning, { format, partial: true });
      if (found === null) return;
      expect(found).toMatchObject({ rows_rejected: 0, truncated: true });
      const rejected = rejectedJson(content, found).filter(({ rowNumber }) => rowNumber <= found.rows_sampled);
      expect(rejected).toEqual([]);
    }),
    { numRuns: 500 },
  );
});
