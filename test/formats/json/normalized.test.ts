import { createJsonArrayReader, createNdjsonReader, type Normalizations } from '../../../src/formats/index.js';
import { compileSchema } from '../../../src/models/schema/index.js';
import { readFrom } from '../csv/read-all.js';

const READERS = [
  { name: 'NDJSON', create: createNdjsonReader, file: (rows: string[]) => rows.join('\n') },
  { name: 'JSON', create: createJsonArrayReader, file: (rows: string[]) => `[${rows.join(',\n')}]` },
];

describe.each(READERS)('the texts of $name that are normalized', ({ create, file }) => {
  function read(schema: unknown, normalize: Normalizations, rows: string[], renames = {}) {
    const reader = create({ ...compileSchema(schema), normalize, renames, valueFormat: 'json' });
    return readFrom(reader, Buffer.from(file(rows))).decisions.map((each) =>
      'accepted' in each
        ? Buffer.from(each.accepted, 'latin1').toString()
        : each.rejected.errors.map(({ column, error, observed }) => `${column} ${error} ${observed}`),
    );
  }

  it('are checked and written as they come out, and shown as they are', () => {
    const schema = {
      type: 'object',
      properties: {
        mail: { type: 'string', format: 'email' },
        day: { type: 'string', format: 'date' },
        kind: { type: 'string', enum: ['A', 'B'] },
      },
    };
    const normalize: Normalizations = { mail: ['trim', 'lowercase'], day: ['iso_date'], kind: ['uppercase'] };
    const rows = [
      '{"mail":" \\u00a0A@B.c\\t","day":"1.2.2024","kind":"b"}',
      '{"mail":"a@b.c","day":"2024-02-01","kind":"A"}',
      '{"mail":" AB ","day":"01/02/2024","kind":" a"}',
    ];
    expect(read(schema, normalize, rows)).toEqual([
      '{"mail":"a@b.c","day":"2024-02-01","kind":"B"}',
      rows[1],
      ['mail NOT_AN_EMAIL  AB ', 'day INVALID_DATE 01/02/2024', 'kind NOT_IN_ENUM  a'],
    ]);
  });

  it.each([
    ['String', '" Ä\\u00e4 "', '"ÄÄ"'],
    ['Date', '" 2024-01-31"', '"2024-01-31"'],
    ['DateTime64(3)', '"2024-01-31t00:00:00.123 "', '"2024-01-31T00:00:00.123"'],
    ['UUID', '" 3f2504e0-4f89-41d3-9a0c-0305e82c3301"', '"3F2504E0-4F89-41D3-9A0C-0305E82C3301"'],
    ['Decimal(5,2)', '" +007.50 "', '7.50'],
    ['DateTime', '" 1700000000 "', '1700000000'],
    ['DateTime', '" 2024-01-31 00:00:00 "', '"2024-01-31 00:00:00"'],
  ])('may be of type %s: %s', (type, given, expected) => {
    expect(read({ v: type }, { v: ['trim', 'uppercase'] }, [`{"v":${given}}`])).toEqual([`{"v":${expected}}`]);
  });

  it('are not numbers, booleans and nulls: those are checked as they are', () => {
    const schema = {
      type: 'object',
      properties: { at: { type: 'number' }, ok: { type: 'boolean' }, text: { type: ['string', 'null'] } },
    };
    const normalize: Normalizations = { at: ['iso_date'], ok: ['uppercase'], text: ['trim'] };
    expect(read(schema, normalize, ['{"at":1e2,"ok":true,"text":null}', '{"at":"1","ok":" true","text":2}'])).toEqual([
      '{"at":1e2,"ok":true,"text":null}',
      ['at NOT_A_NUMBER "1"', 'ok NOT_A_BOOLEAN " true"', 'text NOT_A_STRING 2'],
    ]);
    // As a text it would be a date.
    expect(read({ at: 'DateTime' }, { at: ['iso_date'] }, ['{"at":20240131}', '{"at":"20240131"}'])).toEqual([
      '{"at":20240131}',
      ['at INVALID_DATETIME 20240131'],
    ]);
  });

  it('may become empty, which is not null', () => {
    const schema = { a: 'String', b: 'Nullable(String)', c: 'Nullable(Date)' };
    const normalize: Normalizations = { a: ['trim'], b: ['trim'], c: ['trim'] };
    expect(read(schema, normalize, ['{"a":" ","b":" ","c":null}', '{"a":"","b":null,"c":" "}'])).toEqual([
      '{"a":"","b":"","c":null}',
      ['c INVALID_DATE  '],
    ]);
  });

  it('are found under the model’s names, even if the model does not know them', () => {
    const rows = ['{"Mail":" A ","x":" B ","y":" C "}', '{"\\u004dail":" A","z":1,"x":["  "]}', '{"mail":" D"}'];
    expect(read({ mail: 'Nullable(String)' }, { mail: ['trim'], x: ['trim'] }, rows, { Mail: 'mail' })).toEqual([
      '{"mail":"A","x":"B","y":" C "}',
      '{"mail":"A","z":1,"x":["  "]}',
      '{"mail":"D"}',
    ]);
  });

  it('are a row’s own: what is inside arrays and objects stays', () => {
    const schema = {
      type: 'object',
      properties: { name: { type: 'string' }, inner: { type: 'object', properties: { name: { type: 'string' } } } },
    };
    const normalize: Normalizations = { name: ['trim'], 'inner.name': ['trim'], inner: ['trim'] };
    expect(read(schema, normalize, ['{"name":" a","inner":{"name":" b"}}', '{"inner":" b"}'])).toEqual([
      '{"name":"a","inner":{"name":" b"}}',
      ['inner NOT_AN_OBJECT " b"'],
    ]);
  });

  it('may be too large only as they come out', () => {
    const size = 999_980;
    const row = (text: string): string => `{"v":"${text}"}`;
    const grows = row('ΐ'.repeat(size / 4));
    const rows = [grows, row(` ${'v'.repeat(size)}`), row('ß')];
    expect(read({ v: 'String' }, { v: ['trim', 'uppercase'] }, rows)).toEqual([
      ['null ROW_TOO_LARGE null'],
      row('V'.repeat(size)),
      row('SS'),
    ]);
  });
});
