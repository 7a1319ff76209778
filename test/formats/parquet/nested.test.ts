import { RowFlags } from '../../../src/formats/parquet/columns/value-reader.js';
import { ConversionBuilder } from '../../../src/formats/parquet/conversions/conversion-builder.js';
import { fixture, readFile } from './read-file.js';

const ITEM = {
  type: 'object',
  properties: {
    sku: { type: 'string' },
    qty: { type: 'integer', maximum: 100 },
    price: { type: 'number' },
    at: { type: 'string', format: 'date-time' },
    key: { type: 'string', format: 'uuid' },
    ratio: { type: 'number' },
    size: { type: 'integer', maximum: 100 },
    tags: { type: 'array', items: { type: 'string', maxLength: 3 }, minItems: 1 },
  },
  required: ['sku'],
};
const MODEL = {
  type: 'object',
  properties: {
    items: { type: 'array', items: ITEM, maxItems: 4 },
    attrs: {
      type: 'object',
      properties: { color: { type: 'string', enum: ['red', 'blue'] }, weight: { type: 'integer' } },
      required: ['color'],
      additionalProperties: false,
    },
    by_day: {
      type: 'object',
      properties: { '2024-01-02': { type: 'integer', maximum: 1 }, '2024-01-03': { type: 'integer' } },
      required: ['2024-01-02'],
    },
  },
};

async function problemsOf(name: string, schema: object): Promise<Record<number, unknown[]>> {
  const { rejected } = await readFile(fixture(`${name}.parquet`), schema);
  return Object.fromEntries(
    rejected.map(({ row, errors }) => [row, errors.map(({ column, error, observed }) => [column, error, observed])]),
  );
}

function modelOf(properties: object, rest: object = {}): object {
  return { type: 'object', properties, ...rest };
}

describe('lists, structs and maps of a Parquet file, and arrays and objects of a model', () => {
  it('are decided with all that is inside them', async () => {
    const { by_day: _, ...properties } = MODEL.properties;
    expect(await problemsOf('nested-rejects', modelOf(properties))).toEqual({
      4: [['items[1]', 'NULL_VALUE', 'null']],
      5: [
        ['items[0].sku', 'NULL_VALUE', 'null'],
        ['items[1].qty', 'OUT_OF_RANGE', '101'],
        ['items[2].tags', 'TOO_SHORT', null],
        ['items[3].tags[1]', 'NULL_VALUE', 'null'],
        ['items[3].tags[2]', 'TOO_LONG', 'yyyyy'],
      ],
      6: [
        ['items[0].at', 'INVALID_DATETIME', '+010000-01-01T00:00:00.000000Z'],
        ['items[1].ratio', 'NOT_A_NUMBER', 'NaN'],
        ['items[2].size', 'NOT_AN_INTEGER', '7.5'],
        ['items[3].size', 'OUT_OF_RANGE', '300'],
      ],
      7: [['items', 'TOO_LONG', null]],
      8: [['attrs.color', 'NULL_VALUE', null]],
      9: [
        ['attrs.color', 'NULL_VALUE', 'null'],
        ['attrs.weight', 'NOT_AN_INTEGER', 'heavy'],
      ],
      10: [['attrs.shape', 'UNEXPECTED_COLUMN', null]],
      // It is not said what else is wrong: which of the two is meant, nobody knows.
      11: [['attrs.color', 'DUPLICATE_KEY', null]],
      12: [['extra[1][1]', 'NOT_A_NUMBER', '-Infinity']],
      14: [['by_day.2024-01-02', 'DUPLICATE_KEY', null]],
    });
  });

  it('are written by the model', async () => {
    const { accepted: rows } = await readFile(
      fixture('nested-rejects.parquet'),
      modelOf({ items: MODEL.properties.items, attrs: MODEL.properties.attrs }),
    );
    expect(rows[0]).toBe(
      '{"items":[{"sku":"a","qty":1,"price":1.50,"at":"2024-02-29T12:34:56.000000Z",' +
        '"key":"00000000-0000-0000-0000-000000000007","ratio":0.5,"size":7,"tags":["x"]}],' +
        '"attrs":{"color":"red","weight":12},"by_day":{},"extra":null}',
    );
  });

  it('take keys of a map that are not strings by their text', async () => {
    const { accepted, rejected } = await readFile(fixture('nested-rejects.parquet'), modelOf(MODEL.properties));
    expect(accepted).toEqual([
      '{"items":null,"attrs":null,"by_day":null,"extra":[[1],null,[]]}',
      expect.stringContaining('"by_day":{"2024-01-02":1,"2024-01-03":null}'),
    ]);
    expect(rejected[0]?.errors).toMatchObject([{ column: 'by_day.2024-01-02', type: 'Int64', error: 'NULL_VALUE' }]);
  });

  it('tell the wrong items before their number', async () => {
    const model = modelOf({ list: { type: 'array', items: { type: 'integer', maximum: -1 }, minItems: 9 } });
    const { rejected } = await readFile(fixture('nested-random.parquet'), model);
    expect(rejected.every(({ errors }) => errors.at(-1)?.error === 'TOO_SHORT')).toBe(true);
  });
});

describe('the types inside a Parquet file and inside a model', () => {
  const mismatch = async (name: string, schema: object): Promise<string> => {
    const error: unknown = await readFile(fixture(`${name}.parquet`), schema).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'HEADER_MISMATCH' });
    return (error as Error).message;
  };

  it('that differ are all named before a row is read', async () => {
    const schema = modelOf(
      {
        list: { type: 'array', items: { type: 'boolean' } },
        grid: { type: 'array', items: { type: 'array', items: { type: 'object' } } },
        order: {
          type: 'object',
          properties: {
            id: { type: 'array' },
            day: { type: 'string', format: 'date-time' },
            customer: { type: 'object' },
            flags: { type: 'array', items: { type: 'integer' } },
          },
          required: ['customer'],
        },
        items: {
          type: 'array',
          items: {
            type: 'object',
            properties: { tags: { type: 'object' }, sku: { type: 'string' }, price: { type: 'number' } },
            additionalProperties: false,
          },
        },
        counts: { type: 'object', properties: { a: { type: 'boolean' } } },
        parts: {
          type: 'object',
          properties: { b: { type: 'object', properties: { c: { type: 'string' } }, required: ['c'] } },
        },
      },
      { additionalProperties: false },
    );
    expect(await mismatch('nested-random', schema)).toBe(
      'missing columns: "order.customer", "parts.b.c"; ' +
        'unexpected columns: "order.ratio", "order.note", "parts.b.a", "parts.b.b"; ' +
        'columns of another type: "list[]" is INT64, not Bool, "grid[][]" is INT32, not Object, ' +
        '"order.id" is INT32, not Array, "order.day" is DATE, not DateTime, "order.flags[]" is BOOLEAN, not Int64, ' +
        '"items[].tags" is LIST, not Object, "counts.a" is INT64, not Bool',
    );
  });

  it('of lists and objects are not each other', async () => {
    const schema = modelOf({
      list: { type: 'object' },
      order: { type: 'array' },
      counts: { type: 'array' },
      items: { type: 'string' },
    });
    expect(await mismatch('nested-random', schema)).toBe(
      'columns of another type: "list" is LIST, not Object, "order" is STRUCT, not Array, ' +
        '"items" is LIST, not String, "counts" is MAP, not Array',
    );
  });

  it('are called by the names that the job gives', async () => {
    const renames = { list: 'numbers' };
    const read = (items: object): Promise<unknown> =>
      readFile(fixture('nested-random.parquet'), modelOf({ numbers: { type: 'array', items } }), undefined, {
        renames,
      });
    await expect(read({ type: 'boolean' })).rejects.toMatchObject({
      message: 'columns of another type: "numbers[]" is INT64, not Bool',
    });
    expect(await read({ type: ['integer', 'null'] })).toMatchObject({ rejected: [] });
  });

  it('of one name in one struct are refused', async () => {
    expect(await mismatch('repeated', modelOf({}))).toBe('repeated columns: "pair.a"');
  });

  it('are old timestamps as they are in columns', async () => {
    const at = (required: object): object =>
      modelOf({ times: { type: 'array', items: { type: ['object', 'null'], properties: { at: required } } } });
    expect(await mismatch('nested-int96', at({ type: 'integer' }))).toContain('"times[].at" is INT96, not Int64');
    const { accepted, rejected } = await readFile(
      fixture('nested-int96.parquet'),
      at({ type: 'string', format: 'date-time' }),
    );
    expect([accepted.length, rejected]).toEqual([4, []]);
  });

  it('are not too many to be read', () => {
    const builder = new ConversionBuilder(new RowFlags(), new Map());
    const fields = Array.from({ length: 100_000 }, (_, index) => ({
      name: `m${index}`,
      type: { kind: 'bool' as const },
      mayBeNull: false,
    }));
    const all = { type: 'Object', nullable: true, constraints: {}, properties: [], additionalProperties: false };
    builder.build({ kind: 'struct', fields: fields.slice(1) }, all, 'wide');
    expect(builder.unexpected.length).toBe(99_999);
    expect(() => builder.build({ kind: 'bool' }, null, 'more')).toThrow(
      expect.objectContaining({
        code: 'FILE_TOO_COMPLEX',
        message: expect.stringContaining('more than 100,000 columns'),
      }),
    );
  });

  it('may be as deep as rows of JSON may be', async () => {
    const { accepted } = await readFile(fixture('deep.parquet'), modelOf({}));
    expect(accepted).toEqual([`{"deep":${'['.repeat(63)}7${']'.repeat(63)}}`]);
    expect(await mismatch('too-deep', modelOf({}))).toMatch(/not supported: "deep(\[\])+[^"]*" \(LIST on level 65\)$/);
  });
});
