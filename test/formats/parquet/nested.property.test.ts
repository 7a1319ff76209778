import { readFileSync } from 'node:fs';
import fc, { type Arbitrary } from 'fast-check';
import { createNdjsonReader, type FieldError, type RowConsumer } from '../../../src/formats/index.js';
import { compileSchema } from '../../../src/models/schema/index.js';
import { ANY_COLUMNS, fixture, readFile } from './read-file.js';

const PATH = fixture('nested-random.parquet');
const LINES = readFileSync(fixture('nested-random.jsonl'));

/** A schema of this type, nullable or not, with some of the keywords. */
function typed(type: string, keywords: Record<string, Arbitrary<unknown>> = {}): Arbitrary<object> {
  const some = fc.record(keywords, { requiredKeys: [] });
  return fc
    .tuple(fc.boolean(), some)
    .map(([isNullable, more]) => ({ type: isNullable ? [type, 'null'] : type, ...more }));
}

const whole = typed('integer', { minimum: fc.integer({ min: -3, max: 2 }), maximum: fc.integer({ min: 3, max: 11 }) });
const large = fc.oneof(typed('integer', { exclusiveMaximum: fc.constant(2 ** 31) }), typed('number'));
const text = typed('string', {
  minLength: fc.nat(2),
  maxLength: fc.integer({ min: 2, max: 5 }),
  pattern: fc.constantFrom('^[^"]*$', 'a'),
});

function list(items: Arbitrary<object>): Arbitrary<object> {
  return typed('array', { items, minItems: fc.nat(1), maxItems: fc.integer({ min: 2, max: 4 }) });
}

/** `isOpen`: a member need be neither named nor there. */
function object(members: Record<string, Arbitrary<object>>, isOpen: boolean): Arbitrary<object> {
  return fc
    .tuple(typed('object'), fc.record(members, { requiredKeys: [] }), fc.infiniteStream(fc.boolean()), fc.boolean())
    .map(([schema, properties, picks, additional]) => {
      const names = Object.keys(properties);
      const required = names.filter(() => picks.next().value);
      const isWhole = isOpen || names.length === Object.keys(members).length;
      return { ...schema, properties, required, additionalProperties: additional || !isWhole };
    });
}

const order = {
  id: whole,
  ratio: fc.oneof(typed('number', { minimum: fc.constant(-2) }), typed('integer')),
  note: text,
  day: typed('string', { format: fc.constant('date') }),
  flags: list(typed('boolean')),
};
const model = object(
  {
    list: list(large),
    grid: list(list(whole)),
    order: object(order, false),
    items: list(object({ sku: text, price: typed('number', { maximum: fc.constant(400) }), tags: list(text) }, false)),
    counts: object({ a: large, b: large, e: whole }, true),
    parts: object({ a: object({ a: whole, b: text }, false), c: object({ a: large, b: text }, false) }, true),
  },
  false,
);

interface Verdict {
  row: number;
  errors: FieldError[];
}

/** What the reader of JSON says of the same rows. */
function readJson(schema: object): { accepted: string[]; rejected: Verdict[] } {
  const accepted: string[] = [];
  const rejected: Verdict[] = [];
  const consumer: RowConsumer = {
    accept: (bytes, start, end) => accepted.push(Buffer.from(bytes.subarray(start, end)).toString()),
    reject: ({ rowNumber: row, errors }) => rejected.push({ row, errors }),
  };
  const reader = createNdjsonReader(compileSchema(schema));
  reader.push(LINES);
  reader.end();
  while (reader.advance(consumer));
  return { accepted, rejected };
}

describe('rows of Parquet with lists, structs and maps', () => {
  it('are decided like the same rows of JSON, by any model that their types fit', async () => {
    let mixed = 0;
    await fc.assert(
      fc.asyncProperty(model, async (schema) => {
        const { accepted, rejected } = await readFile(PATH, { ...schema, type: 'object' });
        const expected = readJson({ ...schema, type: 'object' });
        expect(accepted).toEqual(expected.accepted);
        expect(rejected.map(({ row, errors }) => ({ row, errors }))).toEqual(expected.rejected);
        if (accepted.length > 0 && rejected.length > 0) mixed += 1;
      }),
      { numRuns: 30 },
    );
    // Not all models take nothing, or everything.
    expect(mixed).toBeGreaterThan(5);
  });

  it('go on from wherever a reader stood', async () => {
    const schema = { type: 'object', properties: { list: { type: 'array', items: { type: 'integer', maximum: 7 } } } };
    const whole = await readFile(PATH, schema);
    await fc.assert(
      fc.asyncProperty(fc.nat(600), async (row) => {
        const { accepted, rejected } = await readFile(PATH, schema, { row, line: 0, byte: 0 });
        expect(rejected).toEqual(whole.rejected.filter((each) => each.row > row));
        expect(accepted).toEqual(whole.accepted.slice(whole.accepted.length - accepted.length));
        expect(accepted.length + rejected.length).toBe(600 - row);
      }),
      { numRuns: 15, examples: [[0], [249], [250], [600]] },
    );
    const { accepted } = await readFile(PATH, ANY_COLUMNS);
    expect(accepted.join('\n')).toBe(LINES.toString().trimEnd());
  });
});
