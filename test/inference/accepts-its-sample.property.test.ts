import fc from 'fast-check';
import { infer, rejectedWith } from './support.js';

const digits = (min: number, max: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: min, maxLength: max }).map((each) => each.join(''));
const sign = fc.constantFrom('', '', '-', '+');
const calendar = fc
  .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString());

/** The values of one column: mostly of one kind, as files have them. */
const kinds: fc.Arbitrary<string>[] = [
  fc.constantFrom('true', 'false', 'TRUE'),
  fc.constantFrom('0', '1'),
  fc.integer({ min: -1000, max: 1000 }).map(String),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n }).map(String),
  fc.tuple(sign, digits(1, 90)).map((parts) => parts.join('')),
  fc.tuple(sign, digits(1, 18), digits(2, 2)).map(([minus, whole, rest]) => `${minus}${whole}.${rest}`),
  fc.tuple(sign, digits(0, 5), digits(1, 6)).map(([minus, whole, rest]) => `${minus}${whole}.${rest}`),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  calendar.map((text) => text.slice(0, 10)),
  fc
    .tuple(calendar, fc.constantFrom(19, 21, 23), fc.constantFrom('', 'Z', '+02:00'))
    .map(([text, to, zone]) => text.slice(0, to) + zone),
  fc.tuple(calendar, digits(1, 10)).map(([text, rest]) => `${text.slice(0, 19)}.${rest}`),
  fc.uuid(),
  fc.string({ unit: 'binary', maxLength: 12 }),
];
const nulls = fc.constantFrom('', 'NULL', 'N/A', '-', 'NaN', '""');

const column = fc
  .tuple(
    fc.constantFrom(...kinds),
    fc.constantFrom(...kinds),
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: 0, max: 3 }),
  )
  .map(([kind, other, strangers, holes]) =>
    fc.oneof(
      { arbitrary: kind, weight: 20 },
      { arbitrary: other, weight: strangers === 0 ? 1 : 0 },
      { arbitrary: nulls, weight: holes === 0 ? 2 : 0 },
    ),
  );

const file = fc
  .tuple(fc.array(column, { minLength: 1, maxLength: 6 }), fc.integer({ min: 0, max: 40 }))
  .chain(([columns, rows]) => fc.array(fc.tuple(...columns), { minLength: rows, maxLength: rows }))
  .map((rows) => {
    const width = rows[0]?.length ?? 1;
    const header = Array.from({ length: width }, (_, index) => `c${index}`);
    return [header, ...rows].map((row) => `${row.map(field).join(',')}\n`).join('');
  });

function field(text: string): string {
  return text !== '""' && /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

it('a proposed schema accepts every row that it was proposed by', async () => {
  await fc.assert(
    fc.asyncProperty(file, async (content) => {
      const inferred = await infer(content);
      expect(inferred.rows_rejected).toBe(0);
      expect(await rejectedWith(content, inferred)).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
