import { compileSchema } from '../../../src/models/schema/index.js';

function refusal(schema: unknown): { code: string; message: string } {
  try {
    compileSchema(schema);
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('the schema was not refused');
}

describe('the flat spelling', () => {
  it('becomes required and nullable columns in the order written', () => {
    expect(compileSchema({ event_id: 'String', timestamp: 'UInt32', amount: 'Nullable(Float64)' })).toEqual({
      columns: [
        { name: 'event_id', type: 'String', nullable: false, constraints: {} },
        { name: 'timestamp', type: 'UInt32', nullable: false, constraints: {} },
        { name: 'amount', type: 'Float64', nullable: true, constraints: {} },
      ],
      additionalColumns: true,
    });
  });

  it.each([
    'String',
    'Bool',
    'Int8',
    'Int16',
    'Int32',
    'Int64',
    'UInt8',
    'UInt16',
    'UInt32',
    'UInt64',
    'Float32',
    'Float64',
    'Decimal(10,2)',
    'Decimal(1,0)',
    'Decimal(76,76)',
    'Date',
    'DateTime',
    'DateTime64(0)',
    'DateTime64(9)',
    "Date('YYYYMMDD')",
    "DateTime('YYYYMMDD')",
    "DateTime('epoch_s')",
    "DateTime('epoch_ms')",
    "DateTime('epoch_us')",
    'UUID',
  ])('knows %s', (type) => {
    expect(compileSchema({ a: type, b: `Nullable(${type})` }).columns).toMatchObject([
      { type, nullable: false },
      { type, nullable: true },
    ]);
  });

  it('spells types one way', () => {
    expect(compileSchema({ a: 'Decimal( 10 , 2 )', b: 'Nullable( DateTime64( 3 ) )' }).columns).toMatchObject([
      { type: 'Decimal(10,2)' },
      { type: 'DateTime64(3)' },
    ]);
  });

  it.each([
    ['string', 'did you mean String?'],
    ['INT32', 'did you mean Int32?'],
    ['Int128', 'not a type; the types are String, Bool,'],
    ['', 'not a type'],
    ['String ', 'not a type'],
    ['Nullable(Nullable(String))', 'not a type'],
    ['Nullable()', 'not a type'],
    ['Nullable(string)', 'did you mean String?'],
    ['Decimal', 'not a type'],
    ['Decimal(10)', 'not a type'],
    ['Decimal(0,0)', 'the precision of a Decimal is 1 to 76'],
    ['Decimal(77,2)', 'the precision of a Decimal is 1 to 76'],
    ['Decimal(2,3)', 'the scale of a Decimal is at most its precision'],
    ["Date('epoch_ms')", "the formats of a Date are 'YYYYMMDD'"],
    ["DateTime('epoch')", "the formats of a DateTime are 'epoch_s', 'epoch_ms', 'epoch_us', 'YYYYMMDD'"],
    ['DateTime(epoch_ms)', 'not a type'],
    ['DateTime64', 'not a type'],
    ['DateTime64(10)', '0 to 9 digits'],
    ['constructor', 'not a type'],
    [null, 'a type is a string, not null'],
    [{ type: 'string' }, 'a type is a string, not an object'],
    [['String'], 'a type is a string, not an array'],
    [7, 'a type is a string, not 7'],
  ])('refuses the type %j', (type, words) => {
    const { code, message } = refusal({ ok: 'String', 'a/b~c': type });
    expect(code).toBe('INVALID_SCHEMA');
    expect(message).toMatch(/^\/a~1b~0c: /);
    expect(message).toContain(words);
  });

  it.each([
    ['no object', 'String', 'a schema is a JSON object, not "String"'],
    ['null', null, 'a schema is a JSON object, not null'],
    ['an array', [], 'a schema is a JSON object, not an array'],
    ['no column', {}, 'it names no column'],
    ['an empty name', { '': 'String' }, '/: a column has no name'],
    ['a long name', { ['é'.repeat(129)]: 'String' }, 'longer than 256 bytes'],
    ['half a character', { '\ud83d': 'String' }, 'not valid Unicode'],
    ['__proto__', JSON.parse('{"__proto__":"Int8"}'), 'a column is named __proto__'],
    [
      '10,001 columns',
      Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`c${i}`, 'String'])),
      '10001 columns',
    ],
  ])('refuses %s', (_name, schema, words) => {
    expect(refusal(schema)).toMatchObject({ code: 'INVALID_SCHEMA', message: expect.stringContaining(words) });
  });

  it('takes columns with the names that JSON Schema and objects use', () => {
    const schema = { type: 'String', required: 'Bool', $schema: 'String', constructor: 'Int8' };
    const { columns } = compileSchema(schema);
    expect(columns.map((column) => column.name)).toEqual(['type', 'required', '$schema', 'constructor']);
  });
});

describe('the JSON Schema spelling', () => {
  it('becomes the same columns', () => {
    const schema = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'Orders',
      type: 'object',
      properties: {
        id: { type: 'integer', minimum: 1, description: 'the order' },
        price: { type: 'number', exclusiveMinimum: 0, maximum: 1e6 },
        paid: { type: 'boolean' },
        state: { type: 'string', enum: ['new', 'done', null] },
        code: { type: 'string', minLength: 2, maxLength: 8, pattern: '^[A-Z]+$' },
        on: { type: 'string', format: 'date' },
        at: { type: 'string', format: 'date-time' },
        key: { type: 'string', format: 'uuid' },
        mail: { type: 'string', format: 'email' },
      },
      required: ['id', 'key'],
      additionalProperties: false,
    };
    expect(compileSchema(schema)).toEqual({
      columns: [
        { name: 'id', type: 'Int64', nullable: false, constraints: { minimum: 1 } },
        { name: 'price', type: 'Float64', nullable: true, constraints: { exclusiveMinimum: 0, maximum: 1e6 } },
        { name: 'paid', type: 'Bool', nullable: true, constraints: {} },
        { name: 'state', type: 'String', nullable: true, constraints: { enum: ['new', 'done'] } },
        {
          name: 'code',
          type: 'String',
          nullable: true,
          constraints: { minLength: 2, maxLength: 8, pattern: '^[A-Z]+$' },
        },
        { name: 'on', type: 'Date', nullable: true, constraints: {} },
        { name: 'at', type: 'DateTime', nullable: true, constraints: {} },
        { name: 'key', type: 'UUID', nullable: false, constraints: {} },
        { name: 'mail', type: 'String', nullable: true, constraints: { format: 'email' } },
      ],
      additionalColumns: false,
    });
  });

  it('describes arrays and objects in one another, 32 levels of them', () => {
    const line = { type: 'object', properties: { qty: { type: ['integer', 'null'], minimum: 1 } }, required: ['qty'] };
    const schema = {
      type: 'object',
      properties: {
        lines: { type: 'array', items: { ...line, additionalProperties: false }, minItems: 1, maxItems: 9 },
        any: { type: ['array', 'null'] },
      },
      required: ['lines', 'any'],
    };
    const qty = { name: 'qty', type: 'Int64', nullable: true, constraints: { minimum: 1 } };
    expect(compileSchema(schema).columns).toEqual([
      {
        name: 'lines',
        type: 'Array',
        nullable: false,
        constraints: { minItems: 1, maxItems: 9 },
        items: { type: 'Object', nullable: false, constraints: {}, properties: [qty], additionalProperties: false },
      },
      { name: 'any', type: 'Array', nullable: true, constraints: {} },
    ]);
    const nested = (levels: number): object =>
      levels === 1 ? { type: 'string' } : { type: 'array', items: nested(levels - 1) };
    expect(compileSchema({ type: 'object', properties: { c: nested(31) } }).columns).toHaveLength(1);
    expect(refusal({ type: 'object', properties: { c: nested(32) } }).message).toMatch(/more than 32 levels/);
  });

  it.each([
    [{ type: 'object' }, true],
    [{ type: 'object', additionalProperties: true }, true],
    [{ type: 'object', additionalProperties: false }, false],
    [{ properties: {} }, true],
  ])('takes %j', (schema, additionalColumns) => {
    expect(compileSchema(schema)).toEqual({ columns: [], additionalColumns });
  });

  it.each([
    [{ type: ['string', 'null'] }, true],
    [{ type: ['null', 'string'] }, true],
    [{ type: ['string'] }, false],
    [{ type: 'string', nullable: true }, true],
    [{ type: 'string', nullable: false }, false],
    [{ type: ['string', 'null'], enum: ['a', null] }, true],
    [{ type: ['string', 'null'], enum: ['a'] }, false],
  ])('a required column of %j: nullable %j', (property, nullable) => {
    const { columns } = compileSchema({ type: 'object', properties: { c: property }, required: ['c'] });
    expect(columns).toMatchObject([{ type: 'String', nullable }]);
  });

  it.each([
    ['/type', { type: 'array', properties: {} }],
    ['/$schema', { type: 'object', $schema: null }],
    ['/$schema', { type: 'object', $schema: 'draft-07' }],
    ['/$id', { type: 'object', $id: 1 }],
    ['/properties', { type: 'object', properties: [] }],
    ['/required', { type: 'object', required: 'a' }],
    ['/required/1', { type: 'object', properties: { a: { type: 'string' } }, required: ['a', 'b'] }],
    ['/required/0', { type: 'object', required: [1] }],
    ['/additionalProperties', { type: 'object', additionalProperties: { type: 'string' } }],
    ['/oneOf', { type: 'object', oneOf: [] }],
    ['/$defs', { type: 'object', $defs: {} }],
    ['/minProperties', { type: 'object', minProperties: 1 }],
    ['/properties/', { type: 'object', properties: { '': { type: 'string' } } }],
  ])('refuses a schema at %s', (pointer, schema) => {
    expect(refusal(schema)).toMatchObject({
      code: 'INVALID_SCHEMA',
      message: expect.stringMatching(new RegExp(`^${pointer.replace('$', '\\$')}: `)),
    });
  });

  it.each([
    ['', true],
    ['', 'string'],
    ['', {}],
    ['', { $ref: '#/$defs/x', enum: [] }],
    ['/type', { type: 'text' }],
    ['/type', { type: 'String' }],
    ['/type', { type: ['object', 'array'] }],
    ['/type', { type: 'null' }],
    ['/type', { type: ['string', 'integer'] }],
    ['/type', { type: ['constructor'] }],
    ['/nullable', { type: 'string', nullable: 'yes' }],
    ['/format', { type: 'string', format: 'ipv4' }],
    ['/format', { type: 'integer', format: 'int64' }],
    ['/enum', { type: 'string', enum: 'a' }],
    ['/enum', { type: 'string', enum: [] }],
    ['/enum', { type: 'string', enum: [null] }],
    ['/enum/1', { type: 'string', enum: ['a', 1] }],
    ['/enum/0', { type: 'integer', enum: [1.5] }],
    ['/enum/0', { type: 'integer', enum: [2 ** 53] }],
    ['/minimum', { type: 'integer', minimum: '1' }],
    ['/minimum', { type: 'string', minimum: 1 }],
    ['/exclusiveMinimum', { type: 'number', minimum: 1, exclusiveMinimum: true }],
    ['/minLength', { type: 'integer', minLength: 1 }],
    ['/minLength', { type: 'string', minLength: -1 }],
    ['/maxLength', { type: 'string', maxLength: 1.5 }],
    ['/pattern', { type: 'string', pattern: '(?=x)' }],
    ['/pattern', { type: 'string', pattern: '(' }],
    ['/pattern', { type: 'string', pattern: '((a{100}){100}){100}' }],
    ['/pattern', { type: 'string', pattern: 'a'.repeat(1001) }],
    ['/pattern', { type: 'string', pattern: 7 }],
    ['/default', { type: 'string', default: '' }],
    ['/multipleOf', { type: 'number', multipleOf: 2 }],
    ['/const', { type: 'string', const: 'a' }],
    ['/items', { type: 'string', items: {} }],
    ['/items', { type: 'array', items: {} }],
    ['/items', { type: 'array', items: [{ type: 'string' }] }],
    ['/items/type', { type: 'array', items: { type: 'tuple' } }],
    ['/minItems', { type: 'array', minItems: -1 }],
    ['/maxItems', { type: 'string', maxItems: 1 }],
    ['/uniqueItems', { type: 'array', uniqueItems: true }],
    ['/enum', { type: 'array', enum: [[]] }],
    ['', { type: 'array', minItems: 2, maxItems: 1 }],
    ['/properties', { type: 'object', properties: [] }],
    ['/properties/x/minimum', { type: 'object', properties: { x: { type: 'string', minimum: 1 } } }],
    ['/required/0', { type: 'object', properties: {}, required: ['x'] }],
    ['/additionalProperties', { type: 'object', additionalProperties: {} }],
    ['/minProperties', { type: 'object', minProperties: 1 }],
    ['', { type: 'integer', minimum: 2, maximum: 1 }],
    ['', { type: 'string', minLength: 2, maxLength: 1 }],
  ])('refuses a property at %s: %j', (pointer, property) => {
    const { code, message } = refusal({ type: 'object', properties: { c: property } });
    expect(code).toBe('INVALID_SCHEMA');
    expect(message).toMatch(new RegExp(`^/properties/c${pointer}: `));
  });
});
