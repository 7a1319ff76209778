import type { CompiledSchema } from './column.js';
import { checkColumnCount, checkColumnName } from './column-name.js';
import { checkKeywords, invalidSchema, isObject, pointerTo, show } from './invalid-schema.js';
import { compileProperty } from './json-schema-property.js';

const KEYWORDS = ['$schema', '$id', 'type', 'properties', 'required', 'additionalProperties'];
const DIALECT = /^https?:/;

/** Whether a schema is written in JSON Schema rather than in the flat spelling. */
export function isJsonSchema(schema: Readonly<Record<string, unknown>>): boolean {
  return schema['type'] === 'object' || isObject(schema['properties']) || DIALECT.test(String(schema['$schema']));
}

/**
 * Compiles a JSON Schema (2020-12) of flat objects: what decides about a row is taken over, what would only describe
 * it is allowed, everything else is refused. Throws INVALID_SCHEMA with a JSON Pointer.
 */
export function compileJsonSchema(schema: Readonly<Record<string, unknown>>): CompiledSchema {
  checkKeywords(schema, '', KEYWORDS, 'a schema of rows');
  const { $schema: dialect, $id: id, type, properties, additionalProperties = true } = schema;
  if (dialect !== undefined && !(typeof dialect === 'string' && DIALECT.test(dialect))) {
    throw invalidSchema('/$schema', `expected the address of a JSON Schema dialect, not ${show(dialect)}`);
  }
  if (id !== undefined && typeof id !== 'string') throw invalidSchema('/$id', `expected a string, not ${show(id)}`);
  if (type !== undefined && type !== 'object') {
    throw invalidSchema('/type', `a row is an "object", not ${show(type)}`);
  }
  if (properties !== undefined && !isObject(properties)) {
    throw invalidSchema('/properties', `expected an object, not ${show(properties)}`);
  }
  if (typeof additionalProperties !== 'boolean') {
    throw invalidSchema('/additionalProperties', `expected true or false, not ${show(additionalProperties)}`);
  }
  const entries = Object.entries(properties ?? {});
  checkColumnCount(entries.length, '/properties');
  const required = requiredNames(schema['required'], new Set(entries.map(([name]) => name)));
  const columns = entries.map(([name, property]) => {
    const pointer = pointerTo('/properties', name);
    checkColumnName(name, pointer);
    return compileProperty(name, property, required.has(name), pointer);
  });
  return { columns, additionalColumns: additionalProperties };
}

function requiredNames(required: unknown, known: ReadonlySet<string>): ReadonlySet<string> {
  if (required === undefined) return new Set();
  if (!Array.isArray(required)) throw invalidSchema('/required', `expected an array of names, not ${show(required)}`);
  const names = new Set<string>();
  for (const [index, name] of (required as unknown[]).entries()) {
    const pointer = pointerTo('/required', index);
    if (typeof name !== 'string') throw invalidSchema(pointer, `a name is a string, not ${show(name)}`);
    if (!known.has(name)) throw invalidSchema(pointer, `${show(name)} is not among the properties`);
    names.add(name);
  }
  return names;
}
