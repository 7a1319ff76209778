import { compileSchema, KIND_TRAITS } from '../../src/models/schema/index.js';
import { at, type Branch, violations } from './document.js';

function isCompiled(schema: unknown): boolean {
  try {
    compileSchema(schema);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_SCHEMA' });
    return false;
  }
}

describe('the contract takes the schemas that the service takes', () => {
  it.each<Branch>([
    { a: 'String' },
    { type: 'String', properties: 'Int8' },
    { a: 'Nullable(UUID)', b: 'Decimal(76,76)', c: 'DateTime64(9)', d: 'Nullable(Decimal(10,2))' },
    { type: 'object' },
    { properties: {} },
    { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'any row' },
    { type: 'object', properties: { a: { type: ['string', 'null'], format: 'email' } }, required: ['a'] },
    { type: 'object', properties: { a: { type: 'integer', exclusiveMinimum: 0 } }, additionalProperties: false },
    { type: 'object', properties: { a: { type: 'array', minItems: 1, items: { type: ['string', 'null'] } } } },
    { type: 'object', properties: { a: { type: 'object', properties: { b: { type: 'array' } }, required: ['b'] } } },
  ])('%j', (schema) => {
    expect([isCompiled(schema), violations('/components/schemas/ModelSchema', schema)]).toEqual([true, []]);
  });
});

describe('the contract refuses the schemas that the service refuses', () => {
  it.each<Branch>([
    {},
    { title: 'any row' },
    { required: [] },
    { '': 'String' },
    { a: 'Integer' },
    { a: 'Decimal(77,2)' },
    { a: 'DateTime64(10)' },
    { a: 'Nullable(Nullable(UUID))' },
    { type: 'object', additionalProperties: {} },
    { type: 'object', patternProperties: {} },
    { type: 'object', properties: { a: { type: 'array', items: { type: 'tuple' } } } },
    { type: 'object', properties: { a: { type: 'array', items: [{ type: 'string' }] } } },
    { type: 'object', properties: { a: { type: 'object', properties: { '': { type: 'string' } } } } },
    { type: 'object', properties: { a: { type: 'array', uniqueItems: true } } },
    { type: 'object', properties: { a: { type: 'string', format: 'uri' } } },
    { type: 'object', properties: { a: { type: 'string', minLength: -1 } } },
  ])('%j', (schema) => {
    const refused = violations('/components/schemas/ModelSchema', schema).length > 0;
    expect([isCompiled(schema), refused]).toEqual([false, true]);
  });
});

describe('the contract has every column type', () => {
  const spellings = KIND_TRAITS.flatMap(({ names }) =>
    names.map(([name]) => name.replace('(P,S)', '(10,2)').replace('(n)', '(3)').replace("('format')", "('YYYYMMDD')")),
  );

  it.each(spellings)('%s', (type) => {
    expect(violations('/components/schemas/ColumnSpelling', type)).toEqual([]);
    expect(violations('/components/schemas/ColumnSpelling', `Nullable(${type})`)).toEqual([]);
    expect(violations('/components/schemas/ColumnType', type)).toEqual([]);
  });

  it('that is a format of JSON Schema, and email', () => {
    const formats = KIND_TRAITS.flatMap(({ format }) => (format === null ? [] : [format]));
    const enumerated = at('/components/schemas/PropertySchema/properties/format/enum') as string[];
    expect(enumerated.toSorted()).toEqual([...formats, 'email'].toSorted());
  });
});
