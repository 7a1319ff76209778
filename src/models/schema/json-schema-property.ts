import { ARRAY, type Column, OBJECT, type ValueSchema } from './column.js';
import { checkColumnCount, checkColumnName } from './column-name.js';
import { type ColumnType, spellColumnType } from './column-type.js';
import { checkKeywords, invalidSchema, isObject, pointerTo, show } from './invalid-schema.js';
import {
  arrayConstraints,
  compileEnum,
  numericConstraints,
  type ScalarType,
  textConstraints,
} from './json-schema-constraints.js';
import { FORMATS, TYPES } from './json-schema-types.js';

type JsonType = ScalarType | 'array' | 'object';
type Property = Readonly<Record<string, unknown>>;

/** Maximum nesting of arrays and objects, counting the row. */
export const MAX_LEVELS = 32;

const COMMON = ['type', 'nullable'];
const TEXT = ['enum', 'format', 'minLength', 'maxLength', 'pattern'];
const NUMERIC = ['enum', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'];
const KEYWORDS: Readonly<Record<JsonType, readonly string[]>> = {
  string: [...COMMON, ...TEXT],
  integer: [...COMMON, ...NUMERIC],
  number: [...COMMON, ...NUMERIC],
  boolean: [...COMMON, 'enum'],
  array: [...COMMON, 'items', 'minItems', 'maxItems'],
  object: [...COMMON, 'properties', 'required', 'additionalProperties'],
};

/** What an object says of its members. `level`: of the object among those that it is part of, the row being the first. */
export function compileMembers(
  schema: Property,
  pointer: string,
  level: number,
): { columns: Column[]; additional: boolean } {
  const { properties, additionalProperties = true } = schema;
  const at = pointerTo(pointer, 'properties');
  if (properties !== undefined && !isObject(properties)) {
    throw invalidSchema(at, `expected an object, not ${show(properties)}`);
  }
  if (typeof additionalProperties !== 'boolean') {
    throw invalidSchema(
      pointerTo(pointer, 'additionalProperties'),
      `expected true or false, not ${show(additionalProperties)}`,
    );
  }
  const entries = Object.entries(properties ?? {});
  checkColumnCount(entries.length, at);
  const known = new Set(entries.map(([name]) => name));
  const required = requiredNames(schema['required'], known, pointerTo(pointer, 'required'));
  const columns = entries.map(([name, property]) => {
    const place = pointerTo(at, name);
    checkColumnName(name, place);
    return { name, ...compileValue(property, required.has(name), place, level + 1) };
  });
  return { columns, additional: additionalProperties };
}

/**
 * Compiles what is said of one value. It is nullable unless it is required; a required one is if it says so itself,
 * by `["<type>", "null"]` or OpenAPI's `nullable`, and its enum, if there is one, has null in it.
 */
function compileValue(property: unknown, required: boolean, pointer: string, level: number): ValueSchema {
  if (!isObject(property)) throw invalidSchema(pointer, `expected a schema object, not ${show(property)}`);
  if (level > MAX_LEVELS) throw invalidSchema(pointer, `it is nested more than ${MAX_LEVELS} levels deep`);
  const { type, takesNull } = readType(property, pointer);
  checkKeywords(property, pointer, KEYWORDS[type], `a value of type ${show(type)}`);
  const nullable = !required || takesNull;
  switch (type) {
    case 'array': {
      const { items } = property;
      const constraints = arrayConstraints(property, pointer);
      const array = { type: ARRAY, nullable, constraints };
      if (items === undefined) return array;
      // An item that is there is not missing: it may be null only if its schema says so.
      return { ...array, items: compileValue(items, true, pointerTo(pointer, 'items'), level + 1) };
    }
    case 'object': {
      const { columns, additional } = compileMembers(property, pointer, level);
      return { type: OBJECT, nullable, constraints: {}, properties: columns, additionalProperties: additional };
    }
    default:
      return compileScalar(property, type, required, takesNull, pointer);
  }
}

function compileScalar(
  property: Property,
  type: ScalarType,
  required: boolean,
  takesNull: boolean,
  pointer: string,
): ValueSchema {
  const values = compileEnum(property['enum'], type, takesNull || !required, pointerTo(pointer, 'enum'));
  return {
    type: spellColumnType(type === 'string' ? stringType(property['format'], pointer) : TYPES[type]),
    nullable: !required || (takesNull && values?.hasNull !== false),
    constraints: {
      ...values?.constraint,
      ...numericConstraints(property, pointer),
      ...textConstraints(property, pointer),
    },
  };
}

function requiredNames(required: unknown, known: ReadonlySet<string>, pointer: string): ReadonlySet<string> {
  if (required === undefined) return new Set();
  if (!Array.isArray(required)) throw invalidSchema(pointer, `expected an array of names, not ${show(required)}`);
  const names = new Set<string>();
  for (const [index, name] of (required as unknown[]).entries()) {
    const at = pointerTo(pointer, index);
    if (typeof name !== 'string') throw invalidSchema(at, `a name is a string, not ${show(name)}`);
    if (!known.has(name)) throw invalidSchema(at, `${show(name)} is not among the properties`);
    names.add(name);
  }
  return names;
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
  if (!isJsonType(type)) {
    throw invalidSchema(at, `unknown type ${show(type)}; the types are ${Object.keys(KEYWORDS).join(', ')}`);
  }
  return { type, takesNull: nullable || types.includes('null') };
}

function isJsonType(type: unknown): type is JsonType {
  return typeof type === 'string' && Object.hasOwn(KEYWORDS, type);
}

function stringType(format: unknown, pointer: string): ColumnType {
  if (format === undefined) return TYPES.string;
  const type = FORMATS.get(format);
  if (type !== undefined) return type;
  const formats = [...FORMATS.keys()].join(', ');
  throw invalidSchema(pointerTo(pointer, 'format'), `unknown format ${show(format)}; the formats are ${formats}`);
}
