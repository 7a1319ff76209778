import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { InferredColumn } from '../../src/inference/inference-result.js';
import type { InferenceTask } from '../../src/inference/ipc.js';
import { infer, rejectedJson } from './support.js';

const MANY = 30;

function inferLines(lines: readonly string[], options: Partial<InferenceTask> = {}) {
  return infer(lines.map((line) => `${line}\n`).join(''), { format: 'ndjson', ...options });
}

/** What is found out about a member of these values, as they are spelled. */
async function column(...values: string[]): Promise<InferredColumn> {
  const { columns } = await inferLines(values.map((value) => `{"v":${value},"other":1}`));
  return columns.find(({ name }) => name === 'v') as InferredColumn;
}

function many(...values: string[]): string[] {
  return Array.from({ length: MANY }, (_, index) => values[index % values.length] as string);
}

describe('the type of a member', () => {
  it.each<[string, string[], string, RegExp]>([
    ['true and false', ['true', 'false'], 'Bool', /true and false/],
    ['small whole numbers', ['7', '-12', '-0'], 'Int32', /up to 2 digits/],
    ['many of 0 and 1', many('0', '1'), 'UInt8', /^only 0 and 1$/],
    ['numbers that leave Int32 little room', ['7', '123456789'], 'Int64', /up to 9 digits/],
    ['more than Int64', ['9223372036854775808', '1'], 'UInt64', /beyond Int64/],
    ['more than Int64, with a negative', ['9223372036854775808', '-1'], 'Decimal(38,0)', /whole numbers/],
    ['whole numbers too long for a Decimal', ['1'.repeat(80)], 'Float64', /too long .* keep every digit/],
    ['a whole number with a point', ['1.0', '2'], 'Float64', /up to 1 digit after/],
    ['exponents', ['1e3', '2'], 'Float64', /exponent/],
    ['prices', many('12.50', '3.00'), 'Decimal(18,2)', /always 2 digits/],
    ['prices in quotes', many('"12.50"', '"-3.00"'), 'Decimal(18,2)', /always 2 digits/],
    ['few prices in quotes', ['"12.50"'], 'String', /text/],
    ['digits in quotes', ['"1"', '"12345678"'], 'String', /text/],
    ['words of truth in quotes', ['"true"'], 'String', /text/],
    ['dates', ['"2026-01-31"', '"2024-02-29"'], 'Date', /dates/],
    ['dates with escapes', ['"2026\\u002d01-31"'], 'Date', /dates/],
    ['times with fractions', ['"2026-01-31T10:00:00.5Z"'], 'DateTime64(3)', /1 digit after the seconds/],
    ['times', ['"2026-01-31T10:00:00Z"'], 'DateTime', /dates with times/],
    ['epoch seconds, which are numbers', ['1760000000'], 'Int64', /10 digits/],
    ['epoch milliseconds', ['1763630100123'], "DateTime('epoch_ms')", /epoch milliseconds/],
    ['epoch milliseconds in quotes', ['"1763630100123"'], 'String', /text/],
    ['UUIDs', ['"123e4567-e89b-12d3-a456-426614174000"'], 'UUID', /UUIDs/],
    ['a word after many dates', [...many('"2026-01-31"'), '"N/A"'], 'String', /no Date: 'N\/A' in row 31/],
  ])('is found for %s', async (_, values, type, reason) => {
    const found = await column(...values);
    expect([found.type, found.nullable]).toEqual([type, false]);
    expect(found.reason).toMatch(reason);
  });

  it('is nullable where it is null or missing, from the first row on', async () => {
    const found = await inferLines(['{"a":1}', '{"b":null,"a":1}', '{"b":2,"a":1}']);
    expect(found.schema).toEqual({ a: 'Int32', b: 'Nullable(Int32)' });
    expect(found.columns.map(({ evidence }) => [evidence.rows, evidence.nulls])).toEqual([
      [3, 0],
      [3, 2],
    ]);
    expect(found).toMatchObject({ format: 'ndjson', null_values: [], skipped_columns: [], truncated: false });
  });

  it('has the evidence of a column, numbers digit by digit', async () => {
    const { evidence } = await column('9007199254740993', 'null', '9007199254740992', '1e1');
    expect(evidence).toMatchObject({ rows: 4, nulls: 1, distinct: 3, min: '1e1', max: '9007199254740993' });
    expect(evidence.examples).toEqual(['9007199254740993', '9007199254740992', '1e1']);
    expect(evidence.rejected.map(({ type, example }) => [type, example])).toEqual([
      ['Int64', '1e1'],
      ['Decimal(18,2)', '1e1'],
    ]);
    expect((await column('"ab"', '"\\ud83d\\ude00"')).evidence).toMatchObject({ min_length: 1, max_length: 2 });
  });
});

describe('members with parts', () => {
  it('are proposed as JSON Schema', async () => {
    const lines = [
      '{"id":1,"tags":["a","b"],"lines":[{"sku":"A","qty":1,"at":"2026-01-31T10:00:00Z"}],"who":{"name":"x","age":null}}',
      '{"id":18446744073709551615,"tags":[],"lines":[{"sku":"B","qty":2.5},{"qty":3,"at":null}],"who":null}',
      '{"id":3,"lines":[null],"who":{"name":"y","day":"2026-01-31"},"ok":true}',
    ];
    const found = await inferLines(lines);
    expect(found.schema).toEqual({
      type: 'object',
      properties: {
        id: { type: 'number' },
        tags: { type: 'array', items: { type: 'string' } },
        lines: {
          type: 'array',
          items: {
            type: ['object', 'null'],
            properties: {
              sku: { type: 'string' },
              qty: { type: 'number' },
              at: { type: ['string', 'null'], format: 'date-time' },
            },
            required: ['qty'],
          },
        },
        who: {
          type: ['object', 'null'],
          properties: { name: { type: 'string' }, day: { type: 'string', format: 'date' } },
          required: ['name'],
        },
        ok: { type: 'boolean' },
      },
      required: ['id', 'lines', 'who'],
    });
    expect(found.columns.map(({ name, type, nullable, reason }) => [name, type, nullable, reason])).toEqual([
      ['id', 'Float64', false, 'whole numbers too long for other types; rows keep every digit'],
      ['tags', 'Array', true, 'arrays of String, up to 2 items'],
      ['lines', 'Array', false, 'arrays of objects, up to 2 items'],
      ['who', 'Object', true, 'objects of 3 members'],
      ['ok', 'Bool', true, 'true and false'],
    ]);
    expect(found.columns[2]?.evidence).toEqual({
      rows: 3,
      nulls: 0,
      distinct: 3,
      distinct_capped: false,
      min: null,
      max: null,
      min_length: null,
      max_length: null,
      examples: [
        '[{"sku":"A","qty":1,"at":"2026-01-31T10:00:00Z"}]',
        '[{"sku":"B","qty":2.5},{"qty":3,"at":null}]',
        '[null]',
      ],
      rejected: [],
    });
    expect(rejectedJson(lines.join('\n'), found)).toEqual([]);
  });

  it.each([
    [
      'items of several kinds',
      '[1,"a"]',
      { type: 'array' },
      'arrays of numbers and strings: any type is accepted, up to 2 items',
    ],
    ['no items', '[]', { type: 'array' }, 'empty arrays'],
    ['nothing but nulls', '[null]', { type: 'array' }, 'arrays of nulls, up to 1 item'],
    [
      'arrays',
      '[[1],[]]',
      { type: 'array', items: { type: 'array', items: { type: 'integer' } } },
      'arrays of arrays, up to 2 items',
    ],
    ['no members', '{}', { type: 'object' }, 'objects without members'],
    [
      'names that no model has',
      '{"":1,"b":2}',
      { type: 'object', properties: { b: { type: 'integer' } }, required: ['b'] },
      'objects of 1 member',
    ],
    ['numbers beyond any type', '{"a":1e999}', { type: 'object' }, 'objects of 1 member'],
  ])('say no more than holds: %s', async (_, value, property, reason) => {
    const line = `{"v":${value}}`;
    const found = await inferLines([line]);
    expect(found.schema).toEqual({ type: 'object', properties: { v: property }, required: ['v'] });
    expect(found.columns[0]?.reason).toBe(reason);
    expect(rejectedJson(line, found)).toEqual([]);
  });

  it('are left open where they are maps, and where they are deeper than a model', async () => {
    const map = Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`user${index}`, index]));
    const deep = `${'[{"a":'.repeat(30)}1${'}]'.repeat(30)}`;
    const line = `{"map":${JSON.stringify(map)},"deep":${deep}}`;
    const found = await inferLines([line]);
    expect(found.schema).toMatchObject({ properties: { map: { type: 'object' }, deep: { type: 'array' } } });
    expect(found.columns.map(({ reason }) => reason)).toEqual([
      'objects with too many names to list',
      'arrays of objects, up to 1 item',
    ]);
    expect(rejectedJson(line, found)).toEqual([]);
  });
});

describe('left out', () => {
  it.each<[string, string[], string, RegExp]>([
    ['numbers and strings', ['{"v":1,"a":1}', '{"v":"1","a":1}'], 'v', /^numbers \(row 1\) and strings \(row 2\)/],
    ['objects and strings', ['{"v":{},"a":1}', '{"v":"1","a":1}'], 'v', /^objects \(row 1\) and strings \(row 2\)/],
    ['true and numbers', ['{"v":true,"a":1}', '{"v":0,"a":1}'], 'v', /^booleans \(row 1\) and numbers \(row 2\)/],
    ['nothing but null', ['{"v":null,"a":1}'], 'v', /^only nulls/],
    ['numbers beyond any type', ['{"v":1e999,"a":1}'], 'v', /^numbers too large for any type/],
    ['an empty name', ['{"":1,"a":1}'], '', /^a column has no name/],
    ['__proto__', ['{"__proto__":1,"a":1}'], '__proto__', /^a column is named __proto__, which no model takes/],
    ['a long name', [`{"${'x'.repeat(257)}":1,"a":1}`], `${'x'.repeat(255)}…`, /longer than 256 bytes/],
  ])('are %s', async (_, lines, name, reason) => {
    const found = await inferLines(lines);
    expect(found.schema).toEqual({ a: 'Int32' });
    expect(found.skipped_columns).toEqual([{ name, reason: expect.stringMatching(reason) }]);
    expect(rejectedJson(lines.join('\n'), found)).toEqual([]);
  });

  it('are members, not names of the language', async () => {
    const line = '{"__proto__":1,"constructor":2,"toString":{"__proto__":"x"}}';
    const found = await inferLines([line, line]);
    expect(found.columns.map(({ name, type }) => [name, type])).toEqual([
      ['constructor', 'Int64'],
      ['toString', 'Object'],
    ]);
    expect(rejectedJson(`${line}\n{"constructor":"x","toString":{}}`, found)).toHaveLength(1);
  });
});

describe('a file', () => {
  it.each<[string, string, 'json' | 'ndjson', RegExp]>([
    ['no rows', '[]', 'json', /no complete row with a member/],
    ['rows without members', '{}\n{}\n', 'ndjson', /no complete row with a member/],
    ['nothing but broken rows', '{"a":\n[1]\n', 'ndjson', /no complete row with a member; row 1: the line ends/],
    ['nothing for a model', '{"a":null}\n', 'ndjson', /no column of the file can be used in a model; 'a': only nulls/],
    [
      'too many members',
      `[${JSON.stringify(Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`m${i}`, i])))}]`,
      'json',
      /^row 1: .*more than 10000 different members/,
    ],
    [
      'other members in every row',
      Array.from(
        { length: 200 },
        (_, row) =>
          `${JSON.stringify(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`m${row}-${i}`, 1])))}\n`,
      ).join(''),
      'ndjson',
      /^row 11: .*more than 10000 different members/,
    ],
  ])('of %s is refused', async (_, content, format, message) => {
    await expect(infer(content, { format })).rejects.toMatchObject({
      code: 'HEADER_MISMATCH',
      message: expect.stringMatching(message),
    });
  });

  it('has broken rows, which no column is judged by', async () => {
    const found = await inferLines(['{"a":1}', '{"a":"x"', '{"a":1,"a":"x"}', '[1]', '{"a":2}']);
    expect(found).toMatchObject({ schema: { a: 'Int32' }, rows_sampled: 2, rows_rejected: 3 });
  });

  it('is an array over many lines, too', async () => {
    const found = await infer('\uFEFF [\n {\n"a" : 1},{"a":2.5 }\n]\n', { format: 'json' });
    expect(found).toMatchObject({ format: 'json', schema: { a: 'Float64' }, rows_sampled: 2, truncated: false });
  });

  it('ends before a row that may go on', async () => {
    for (const content of ['[{"a":1},{"a":"x', '[{"a":1},{"a":12}', '[{"a":1},', '[{"a":1},{"a":1e']) {
      expect(await infer(content, { format: 'json', partial: true })).toMatchObject({
        schema: { a: 'Int32' },
        rows_sampled: 1,
        rows_rejected: 0,
        truncated: true,
      });
    }
    const lines = '{"a":1}\n{"a":"ä"}';
    const cut = Buffer.from(lines).subarray(0, -3);
    expect(await infer(cut, { format: 'ndjson', partial: true })).toMatchObject({ rows_sampled: 1, rows_rejected: 0 });
  });

  it('is sampled up to 8 MiB, or up to the given number of rows', async () => {
    const row = `{"a":"${'x'.repeat(990)}"}`;
    for (const [format, content] of [
      ['ndjson', `${row}\n`.repeat(12_000)],
      ['json', `[${`${row},`.repeat(12_000)}{}]`],
    ] as const) {
      const found = await infer(content, { format });
      expect(found.truncated).toBe(true);
      expect(found.rows_sampled).toBeGreaterThan(8000);
      expect(found.rows_sampled).toBeLessThan(9000);
      expect(await infer(content, { format, sampleRows: 7 })).toMatchObject({ rows_sampled: 7, truncated: true });
    }
  });

  it('is decompressed, and transcoded', async () => {
    const content = '{"ä":1}\n';
    for (const [fileCompression, bytes] of [
      ['gzip', gzipSync(content)],
      ['zstd', zstdCompressSync(content)],
    ] as const) {
      const found = await infer(bytes, { format: 'ndjson', sourceEncoding: { fileCompression, encoding: 'utf-8' } });
      expect(found).toMatchObject({ schema: { ä: 'Int32' }, truncated: false });
    }
    const sourceEncoding = { fileCompression: 'none' as const, encoding: 'utf-16le' as const };
    expect(await infer(Buffer.from(content, 'utf16le'), { format: 'ndjson', sourceEncoding })).toMatchObject({
      schema: { ä: 'Int32' },
    });
  });
});
