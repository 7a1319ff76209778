import { readdirSync, readFileSync } from 'node:fs';
import type { InferenceResult } from '../../src/inference/inference-result.js';
import { fixture, readFile } from '../formats/parquet/read-file.js';
import { infer } from './support.js';

function inferFixture(name: string, sampleRows = 100_000): Promise<InferenceResult> {
  return infer(readFileSync(fixture(name)), {
    format: 'parquet',
    sourceEncoding: { fileCompression: 'none', encoding: null },
    sampleRows,
  });
}

/** What a job's reader decides with a schema. */
async function decided(name: string, schema: object): Promise<{ accepted: number; rejected: number }> {
  const { accepted, rejected } = await readFile(fixture(name), schema);
  return { accepted: accepted.length, rejected: rejected.length };
}

const FILES = readdirSync(fixture('')).filter(
  (name) => name.endsWith('.parquet') && !/^(?:bomb-|many|repeated|too-deep|wide-steps)/.test(name),
);

it.each(FILES)('a proposed schema accepts every row of %s that has JSON at all', async (name) => {
  const inferred = await inferFixture(name);
  expect(inferred).toMatchObject({ format: 'parquet', null_values: [], truncated: false });
  expect(await decided(name, inferred.schema)).toEqual({
    accepted: inferred.rows_sampled,
    rejected: inferred.rows_rejected,
  });
});

it.each(FILES)('what is proposed by the first row of %s takes the nulls of all others', async (name) => {
  const { schema } = await inferFixture(name, 1);
  const { rejected } = await readFile(fixture(name), schema);
  expect(rejected.flatMap(({ errors }) => errors.filter(({ error }) => error === 'NULL_VALUE'))).toEqual([]);
});

describe('a column without a null in the sample', () => {
  it('has none if it is REQUIRED, or every row group counts none', async () => {
    const { schema, columns } = await inferFixture('late-nulls.parquet', 10);
    expect(schema).toEqual({
      required: 'Int64',
      full: 'Int64',
      late: 'Nullable(Int64)',
      uncounted: 'Nullable(Int64)',
      text: 'Nullable(String)',
    });
    const { nullable, reason, evidence } = columns.find(({ name }) => name === 'uncounted')!;
    expect([nullable, reason, evidence.nulls]).toEqual([
      true,
      'the file says INT64; nulls may be in the rows that were not sampled',
      0,
    ]);
  });

  it('has none if the sample is the whole file', async () => {
    const { schema } = await inferFixture('late-nulls.parquet');
    expect(schema).toMatchObject({ full: 'Int64', late: 'Nullable(Int64)', uncounted: 'Int64' });
  });

  it('is judged by what is inside of it where it has parts', async () => {
    const { schema } = await inferFixture('late-nested-nulls.parquet', 10);
    const integer = { type: 'integer' };
    const maybe = { type: ['integer', 'null'] };
    expect(schema).toMatchObject({
      properties: {
        required: integer,
        full: integer,
        late: maybe,
        uncounted: maybe,
        order: {
          type: 'object',
          properties: {
            always: integer,
            late: maybe,
            part: { type: 'object', properties: { x: integer } },
            gone: { type: ['object', 'null'], properties: { y: maybe } },
          },
        },
        gone: { type: ['object', 'null'], properties: { x: maybe } },
        list: { type: 'array', items: integer },
        items: { type: ['array', 'null'], items: { type: ['object', 'null'], properties: { x: maybe } } },
        map: { type: ['object', 'null'] },
      },
    });
  });

  it.each(['late-nulls.parquet', 'late-nested-nulls.parquet'])(
    'is proposed so that all rows of %s fit',
    async (name) => {
      for (const rows of [1, 99, 100, 101, 299, 300]) {
        expect(await decided(name, (await inferFixture(name, rows)).schema)).toEqual({ accepted: 300, rejected: 0 });
      }
    },
  );
});

it('takes the types that the file says, and looks for nulls', async () => {
  const numbers = await inferFixture('numbers.parquet');
  expect(numbers.schema).toMatchObject({ bool: 'Nullable(Bool)', uint8: 'Nullable(UInt8)', half: 'Nullable(Float32)' });
  const { evidence } = numbers.columns.find(({ name }) => name === 'uint64')!;
  // Every digit, which a double does not have.
  expect([evidence.min, evidence.max]).toEqual(['0', '18446744073709551615']);
  expect((await inferFixture('decimals.parquet')).schema).toMatchObject({ wide: 'Nullable(Decimal(76,26))' });
  expect((await inferFixture('times.parquet')).schema).toMatchObject({
    date: 'Nullable(Date)',
    time_us: 'Nullable(String)',
    timestamp_ns_zone: 'Nullable(DateTime64(9))',
  });
  expect((await inferFixture('no-row-groups.parquet')).schema).not.toMatchObject({ id: expect.stringMatching('Null') });
});

it('keeps a date that its type has no room for as text, and says so', async () => {
  const { columns } = await inferFixture('rejects.parquet');
  expect(columns.find(({ name }) => name === 'at')).toMatchObject({
    type: 'String',
    reason: "the file says TIMESTAMP(MICROS), but '+010000-01-01T00:00:00.000000' in row 6 does not fit DateTime",
    evidence: { rejected: [{ type: 'DateTime', example: '+010000-01-01T00:00:00.000000', row: 6 }] },
  });
});

describe('lists, structs and maps', () => {
  it('have what the file says of the values inside, nulls by the sample', async () => {
    const { schema, columns, skipped_columns } = await inferFixture('nested.parquet');
    expect(skipped_columns).toEqual([]);
    expect(schema).toMatchObject({
      type: 'object',
      properties: {
        list: { type: ['array', 'null'], items: { type: ['integer', 'null'] } },
        lists: { type: ['array', 'null'], items: { type: ['array', 'null'], items: { type: 'boolean' } } },
        struct: {
          type: ['object', 'null'],
          properties: {
            sku: { type: ['string', 'null'] },
            price: { type: ['number', 'null'] },
            tags: { type: ['array', 'null'], items: { type: ['string', 'null'] } },
          },
          required: ['sku', 'price', 'tags'],
        },
        map: { type: ['object', 'null'] },
      },
      required: columns.map(({ name }) => name),
    });
    expect(columns[0]).toMatchObject({ name: 'list', type: 'Array', nullable: true, reason: 'the file says LIST' });
    expect(columns[0]?.evidence.examples[0]).toBe('[1,null,3]');
  });

  it('make the other columns have types that JSON Schema has', async () => {
    const { schema, columns } = await inferFixture('row-groups.parquet');
    expect(schema).toEqual({
      type: 'object',
      properties: {
        id: { type: 'integer' },
        name: { type: 'string' },
        price: { type: 'number' },
        note: { type: ['string', 'null'] },
        tags: { type: 'array', items: { type: 'integer' } },
      },
      required: ['id', 'name', 'price', 'note', 'tags'],
    });
    expect(columns.map(({ type }) => type)).toEqual(['Int64', 'String', 'Float64', 'String', 'Array']);
  });

  it('are accepted as far as they were read', async () => {
    for (const rows of [1, 2, 5, 17, 100]) {
      const found = await inferFixture('nested-random.parquet', rows);
      const { rejected } = await readFile(fixture('nested-random.parquet'), found.schema);
      expect(rejected.filter(({ row }) => row <= rows)).toEqual([]);
    }
  });

  it('are left open below the levels of a model', async () => {
    const text = JSON.stringify((await inferFixture('deep.parquet')).schema);
    expect(text.split('"type"').length).toBeGreaterThan(32);
    await expect(inferFixture('too-deep.parquet')).rejects.toMatchObject({ code: 'HEADER_MISMATCH' });
  });
});

it('reads the given number of rows, or of bytes, and no more', async () => {
  expect(await inferFixture('row-groups.parquet', 2)).toMatchObject({ rows_sampled: 2, truncated: true });
  const { rows_sampled, truncated } = await inferFixture('many.parquet', 1_000_000);
  expect(truncated).toBe(true);
  expect(rows_sampled).toBeLessThan(600_000);
});
