import type { Column } from './column.js';
import { type ColumnType, spellColumnType } from './column-type.js';
import { checkKeywords, invalidSchema, isObject, pointerTo, show } from './invalid-schema.js';
import { compileEnum, type JsonType, numericConstraints, textConstraints } from './json-schema-constraints.js';

const TYPES: Readonly<Record<JsonType, ColumnType>> = {
  string: { kind: 'string' },
  integer: { kind: 'int', bits: 64, signed: true },
  number: { kind: 'float', bits: 64 },
  boolean: { kind: 'bool' },
};
const FORMATS: ReadonlyMap<unknown, ColumnType> = new Map<unknown, ColumnType>([
  ['date', { kind: 'date' }],
  ['date-time', { kind: 'datetime' }],
  ['uuid', { kind: 'uuid' }],
  ['email', { kind: 'string' }],
]);

const COMMON = ['type', 'nullable', 'enum'];
const TEXT = ['format', 'minLength', 'maxLength', 'pattern'];
const NUMERIC = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'];
const KEYWORDS: Readonly<Record<JsonType, readonly string[]>> = {
  string: [...COMMON, ...TEXT],
  integer: [...COMMON, ...NUMERIC],
  number: [...COMMON, ...NUMERIC],
  boolean: COMMON,
};

/**
 * Compiles one property. A column is nullable unless it is required; a required one is where it says so itself, by
 * `["<type>", "null"]` or OpenAPI's `nullable`, and its enum, if there is one, has null in it.
 */
export function compileProperty(name: string, property: unknown, required: boolean, pointer: string): Column {
  if (!isObject(property)) throw invalidSchema(pointer, `expected a schema object, not ${show(property)}`);
  const { type, takesNull } = readType(property, pointer);
  checkKeywords(property, pointer, KEYWORDS[type], `a column of type ${show(type)}`);
  const values = compileEnum(property['enum'], type, takesNull || !required, pointerTo(pointer, 'enum'));
  const constraints = { ...values?.constraint, ...numericConstraints(property, pointer) };
  Object.assign(constraints, textConstraints(property, pointer));
  return {
    name,
    type: spellColumnType(type === 'string' ? stringType(property['format'], pointer) : TYPES[type]),
    nullable: !required || (takesNull && values?.hasNull !== false),
    constraints,
  };
}

function readType(
  property: Readonly<Record<string, unknown>>,
  pointer: string,
): { type: JsonType; takesNull: boolean } {
  const { type: given, nullable = false } = property;
  const at = pointerTo(pointer, 'type');
  if (typeof nullable !== 'boolean') {
    throw invalidSchema(pointerTo(pointer, 'nullable'), `expected true or false, not ${show(nullable)}`);
  }
  if (given === undefined) throw invalidSchema(pointer, 'it has no type');
  const types: unknown[] = Array.isArray(given) ? given : [given];
  const [type, ...others] = types.filter((each) => each !== 'null');
  if (type === undefined || others.length > 0)
    throw invalidSchema(at, 'expected one type, with "null" beside it or not');
  if (type === 'array' || type === 'object') throw invalidSchema(at, `a column cannot be of type ${show(type)}`);
  if (!isJsonType(type)) {
    throw invalidSchema(at, `unknown type ${show(type)}; the types are ${Object.keys(TYPES).join(', ')}`);
  }
  return { type, takesNull: nullable || types.includes('null') };
}

function isJsonType(type: unknown): type is JsonType {
  return typeof type === 'string' && Object.hasOwn(TYPES, type);
}

function stringType(format: unknown, pointer: string): ColumnType {
  if (format === undefined) return TYPES.string;
  const type = FORMATS.get(format);
  if (type !== undefined) return type;
  const formats = [...FORMATS.keys()].join(', ');
  throw invalidSchema(pointerTo(pointer, 'format'), `unknown format ${show(format)}; the formats are ${formats}`);
}
