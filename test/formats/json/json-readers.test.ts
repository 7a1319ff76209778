import { createJsonArrayReader, createNdjsonReader } from '../../../src/formats/index.js';
import { compileSchema } from '../../../src/models/schema/index.js';
import { type Decision, readFrom } from '../csv/read-all.js';
import { describeFixture } from '../fixtures.js';
import { TYPE_VECTORS } from '../validation/vectors.js';
import { jsonFixtures } from './json-fixtures.js';

const MB = 1_000_000;
const ANY = compileSchema({ type: 'object' });
const READERS = [
  { name: 'NDJSON', create: createNdjsonReader, file: (rows: string[]) => rows.join('\n') },
  { name: 'JSON', create: createJsonArrayReader, file: (rows: string[]) => `[${rows.join(',\n')}]` },
];

for (const fixture of jsonFixtures()) describeFixture(fixture);

it('are by ISO 8601 in value_format=json if their column has a format, numbers or strings', () => {
  const { columns, additionalColumns } = compileSchema({
    at: "Nullable(DateTime('epoch_ms'))",
    day: "Date('YYYYMMDD')",
  });
  const rows = [
    '{"at":1763630100123,"day":20261120,"x":1}',
    '{ "at":"-1","day":"20261120"}',
    '{"at":null,"day":20261120}',
    '{"at":1763630100123,"day":20261131}',
  ];
  for (const { create, file } of READERS) {
    const { decisions } = readFrom(
      create({ columns, additionalColumns, valueFormat: 'json' }),
      Buffer.from(file(rows)),
    );
    expect(decisions.map((each) => ('accepted' in each ? each.accepted : codesOf(each)))).toEqual([
      '{"at":"2025-11-20T09:15:00.123Z","day":"2026-11-20","x":1}',
      '{"at":"1969-12-31T23:59:59.999Z","day":"2026-11-20"}',
      '{"at":null,"day":"2026-11-20"}',
      ['INVALID_DATE'],
    ]);
  }
});

describe('the values', () => {
  const isNumber = (text: string): boolean => /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text);

  for (const { type, accepted, rejected } of TYPE_VECTORS) {
    const isNumeric = /Int|Float|Decimal|'/.test(type);
    const isTextual = !/Int|Float|Bool/.test(type);
    const literals = (texts: readonly string[]): string[] => [
      ...(isNumeric ? texts.filter(isNumber) : []),
      ...(isTextual ? texts.map((text) => JSON.stringify(text)) : []),
    ];

    it(`takes what is a ${type}`, () => {
      const rows = literals(accepted).map((literal) => `{"v":${literal}}`);
      if (type === 'Bool') rows.push('{"v":true}', '{"v":false}');
      const { decisions } = readFrom(createNdjsonReader(compileSchema({ v: type })), Buffer.from(rows.join('\n')));
      expect(decisions).toEqual(rows.map((row) => ({ accepted: Buffer.from(row).toString('latin1') })));
      expect(rows.length).toBeGreaterThan(0);
    });

    if (Object.keys(rejected).length === 0) continue;
    it.each(Object.entries(rejected))(`rejects what is not a ${type} with %s`, (code, texts) => {
      const rows = literals(texts).map((literal) => `{"v":${literal}}`);
      const { decisions } = readFrom(createNdjsonReader(compileSchema({ v: type })), Buffer.from(rows.join('\n')));
      expect(decisions.map((decision) => codesOf(decision)[0])).toEqual(rows.map(() => code));
    });
  }

  it.each([
    ['{"v":"\\ud800 "}', 'INVALID_ENCODING', /without its other half/],
    ['{"v":"\\ud800x"}', 'INVALID_ENCODING', /without its other half/],
    ['{"v":"\\ud800\\n"}', 'INVALID_ENCODING', /without its other half/],
    ['{"v":"\\q"}', 'MALFORMED_JSON', /a backslash begins no escape/],
    ['{"v":"\\u12"}', 'MALFORMED_JSON', /a backslash begins no escape/],
    ['{"v":"\\ud800\\u"}', 'MALFORMED_JSON', /a backslash begins no escape/],
  ])('says the same of an escape in %s wherever the file ends behind it', (row, code, message) => {
    for (const { create, file } of READERS) {
      for (const rows of [[row], [row, '{"v":"and some more text behind it"}']]) {
        const bytes = Buffer.from(file(rows));
        const everywhere = Array.from(bytes, (_, index) => index);
        for (const cuts of [[], everywhere]) {
          const [decision] = readFrom(create(ANY), bytes, cuts).decisions;
          expect(errorsOf(decision)[0]).toMatchObject({ error: code, message: expect.stringMatching(message) });
        }
      }
    }
  });

  it('says what is wrong in words, and names the place of a nested value', () => {
    const schema = {
      type: 'object',
      properties: {
        qty: { type: 'integer' },
        lines: { type: 'array', items: { type: 'object', properties: { at: { type: 'string' } }, required: ['at'] } },
      },
      required: ['qty'],
    };
    const row = '{"lines":[{"at":"x"},{"at":{"deep":[1]}},{}]}';
    const [decision] = readFrom(createNdjsonReader(compileSchema(schema)), Buffer.from(row)).decisions;
    expect(errorsOf(decision)).toEqual([
      {
        column: 'lines[1].at',
        type: 'String',
        error: 'NOT_A_STRING',
        observed: '{"deep":[1]}',
        message: `column 'lines[1].at': '{"deep":[1]}' is not a String`,
      },
      {
        column: 'lines[2].at',
        type: 'String',
        error: 'NULL_VALUE',
        observed: null,
        message: "column 'lines[2].at' is missing, but a String is required",
      },
      {
        column: 'qty',
        type: 'Int64',
        error: 'NULL_VALUE',
        observed: null,
        message: "column 'qty' is missing, but an Int64 is required",
      },
    ]);
  });

  it('asks for an array where the model has one, and for an object likewise', () => {
    const schema = {
      type: 'object',
      properties: { tags: { type: 'array', items: { type: 'string' } }, by: { type: 'object', properties: {} } },
    };
    for (const { create, file } of READERS) {
      const bytes = Buffer.from(file(['{"tags":{"0":"a"},"by":["b"]}']));
      const [decision] = readFrom(create(compileSchema(schema)), bytes).decisions;
      expect(codesOf(decision)).toEqual(['NOT_AN_ARRAY', 'NOT_AN_OBJECT']);
    }
  });

  it('keeps at most 100 errors of a row and says that there were more', () => {
    const options = compileSchema({
      type: 'object',
      properties: { v: { type: 'array', items: { type: 'integer' } } },
    });
    const file = Buffer.from(`{"v":[${'"x",'.repeat(150)}1]}`);
    const [decision] = readFrom(createNdjsonReader(options), file).decisions;
    expect(errorsOf(decision).length).toBe(100);
    expect(errorsOf(decision)[99]?.column).toBe('v[99]');
    expect(decision).toMatchObject({ rejected: { errorsTruncated: true } });
  });

  it('finds a member wherever it stands, and the one that is missing', () => {
    const options = compileSchema({ a: 'Int8', b: 'Nullable(Int8)', c: 'Int8' });
    const rows = [
      '{"a":1,"b":2,"c":3}',
      '{"c":1,"a":2}',
      '{"x":1,"c":1,"b":null,"y":{},"a":1}',
      '{"b":1,"c":1}',
      '{"a":1,"c":1}',
    ];
    const { decisions } = readFrom(createNdjsonReader(options), Buffer.from(rows.join('\n')));
    expect(decisions.map(codesOf)).toEqual([[], [], [], ['NULL_VALUE'], []]);
  });

  it('forgets the names of other rows, but never what a row has said itself', () => {
    const name = (index: number): string => `${index}`.padEnd(900, 'n');
    const rows = Array.from({ length: 6000 }, (_, index) => `{"${name(index)}":1,"${name(index + 1)}":2}`);
    const twice = `{${Array.from({ length: 500 }, (_, index) => `"${name(index)}":0`).join()},"${name(3)}":1}`;
    const file = Buffer.from([...rows, twice, ...rows.slice(0, 9)].join('\n'));
    const { decisions } = readFrom(createNdjsonReader(ANY), file);
    expect(decisions.flatMap((each, index) => ('rejected' in each ? [[index, codesOf(each)]] : []))).toEqual([
      [6000, ['DUPLICATE_KEY']],
    ]);
  });
});

describe.each(READERS)('values of $name as compact JSON', ({ create, file }) => {
  const schema = {
    id: 'Int64',
    price: 'Nullable(Decimal(10,2))',
    at: 'Nullable(DateTime)',
    rate: 'Nullable(Float64)',
    name: 'Nullable(String)',
  };

  it.each([
    ['{ "id" : 9223372036854775807 , "rate":1.50E+02 }', '{"id":9223372036854775807,"rate":1.50E+02}'],
    ['{"id":-0,"rate":-0,"x":-0}', '{"id":0,"rate":-0,"x":-0}'],
    ['{"price":"+007.50","id":1,"at":"+1700000000"}', '{"price":7.50,"id":1,"at":1700000000}'],
    ['{"price":7.50,"id":1,"at":1700000000}', '{"price":7.50,"id":1,"at":1700000000}'],
    ['{"id":1,"at":"2026-11-20T09:15:00Z","price":null}', '{"id":1,"at":"2026-11-20T09:15:00Z","price":null}'],
    [
      '{"id":1,"n\\u0061me":"a\\/b\\u00e9\\n","x":[ 1, {"y" :[ ]},{ }]}',
      '{"id":1,"name":"a/bé\\n","x":[1,{"y":[]},{}]}',
    ],
    ['{"x":[{"a":1,"b":2},{"b":3},{},{"c":4,"a":5}],"id":1}', '{"x":[{"a":1,"b":2},{"b":3},{},{"c":4,"a":5}],"id":1}'],
  ])('%s is %s', (row, value) => {
    const reader = create({ ...compileSchema(schema), valueFormat: 'json' });
    const { decisions } = readFrom(reader, Buffer.from(file(['{"id":0}', row, row])));
    const accepted = Buffer.from(value).toString('latin1');
    expect(decisions).toEqual([{ accepted: '{"id":0}' }, { accepted }, { accepted }]);
  });
});

describe.each(READERS)('large rows of $name', ({ create, file }) => {
  const cuts = Array.from({ length: 80 }, (_, index) => (index + 1) * 65_521);

  function both(text: string): Decision[] {
    const whole = readFrom(create(ANY), Buffer.from(text));
    expect(readFrom(create(ANY), Buffer.from(text), cuts).decisions).toEqual(whole.decisions);
    return whole.decisions;
  }

  it('takes an object of 999,989 bytes, the most that fits a record', () => {
    const sized = (bytes: number): string => `{"a":"${'x'.repeat(bytes - 8)}"}`;
    expect(both(file([sized(999_989), '{}'])).map(codesOf)).toEqual([[], []]);
    expect(both(file([sized(999_990), '{}'])).map(codesOf)).toEqual([['ROW_TOO_LARGE'], []]);
  });

  it('rejects a row of 2 MB and goes on with the next, however it is made', () => {
    const large = [
      `{"a":"${'x'.repeat(2 * MB)}"}`,
      `{"a":[${'{"b":"],}\\""},'.repeat(150_000)}0]}`,
      `{"a":${'['.repeat(MB)}${']'.repeat(MB)}}`,
      `{"a":1${' '.repeat(2 * MB)}}`,
    ];
    for (const row of large) {
      const decisions = both(file(['{"a":1}', row, '{"a":2}']));
      expect(decisions).toMatchObject([
        { accepted: '{"a":1}' },
        { rejected: { rowNumber: 2, line: 2, rawTruncated: true }, raw: row.slice(0, 65_536) },
        { accepted: '{"a":2}' },
      ]);
      expect(codesOf(decisions[1])).toEqual([row.includes('[[') ? 'TOO_DEEP' : 'ROW_TOO_LARGE']);
    }
  });

  it('holds nothing large of a row without an end', () => {
    const chunk = Buffer.alloc(65_536, 'x');
    const before = process.memoryUsage().arrayBuffers;
    const reader = create(ANY);
    const consumer = { accept: () => undefined, reject: () => undefined };
    reader.push(Buffer.from(file(['{"a":"']).replace(/\]$/, '')));
    let peak = 0;
    for (let index = 0; index < 1000; index++) {
      while (reader.advance(consumer));
      reader.push(chunk);
      peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
    }
    expect(peak).toBeLessThan(24 * MB);
  });

  it('decides about a bounded number of rows a step', () => {
    const { positions } = readFrom(create(ANY), Buffer.from(file(Array(2500).fill('{"a":1}'))));
    const steps = positions.map(({ decided }, index) => decided - (positions[index - 1]?.decided ?? 0));
    expect(Math.max(...steps)).toBeLessThanOrEqual(1000);
  });
});

function errorsOf(decision: Decision | undefined) {
  return decision !== undefined && 'rejected' in decision ? decision.rejected.errors : [];
}

function codesOf(decision: Decision | undefined): string[] {
  return errorsOf(decision).map(({ error }) => error);
}

describe.each(READERS)('the members of rows of $name that are renamed', ({ create, file }) => {
  const schema = { type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] };
  const renames = { 'Order ID': 'id', x: 'y"', 'q,ty': 'qty' };
  const rows = ['{"Order ID" : 1, "x": "\\/", "\\u0078x":2}', '{"x":3,"\\u004frder ID":2}', '{"id":3}'];

  it.each([
    ['raw', rows],
    ['json', ['{"id":1,"y\\"":"/","xx":2}', '{"y\\"":3,"id":2}', '{"id":3}']],
  ] as const)('are found by the rows’ names, in values of %s', (valueFormat, expected) => {
    const reader = create({ ...compileSchema(schema), renames, valueFormat });
    expect(readFrom(reader, Buffer.from(file(rows))).decisions).toEqual(expected.map((accepted) => ({ accepted })));
  });

  it('have the model’s names in errors', () => {
    const bad = ['{"Order ID":"1"}', '{"Order ID":1,"id":2}', '{"x":{"Order ID":1}}'];
    const { decisions } = readFrom(create({ ...compileSchema(schema), renames }), Buffer.from(file(bad)));
    expect(decisions.map((each) => 'rejected' in each && each.rejected.errors[0])).toMatchObject([
      { column: 'id', error: 'NOT_AN_INTEGER', observed: '"1"' },
      { column: 'id', error: 'DUPLICATE_KEY' },
      { column: 'id', error: 'NULL_VALUE', observed: null },
    ]);
  });

  it('are called by their new names though the model has a column of the old one', () => {
    const columns = compileSchema({ a: 'Nullable(Int8)', b: 'Nullable(String)' });
    const twice = ['{"a":"x","b":1}', '{"a":"y","b":2}', '{"b":3,"a":"z"}'];
    const reader = create({ ...columns, renames: { a: 'b', b: 'a' }, valueFormat: 'json' });
    expect(readFrom(reader, Buffer.from(file(twice))).decisions).toEqual([
      { accepted: '{"b":"x","a":1}' },
      { accepted: '{"b":"y","a":2}' },
      { accepted: '{"a":3,"b":"z"}' },
    ]);
  });

  it('make a row too large where its JSON is', () => {
    const size = 999_985;
    const name = 'n'.repeat(200);
    const row = `{"Order ID":1,"x":"${'v'.repeat(size - 30)}"}`;
    const read = (valueFormat: 'raw' | 'json') =>
      readFrom(create({ ...ANY, renames: { x: name }, valueFormat }), Buffer.from(file([row, '{"x":1}']))).decisions;
    expect(read('raw').map((each) => 'accepted' in each)).toEqual([true, true]);
    expect(read('json')).toMatchObject([
      { rejected: { errors: [{ error: 'ROW_TOO_LARGE' }] } },
      { accepted: `{"${name}":1}` },
    ]);
  });
});
