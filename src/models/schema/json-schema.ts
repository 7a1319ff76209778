import type { CompiledSchema } from './column.js';
import { checkKeywords, invalidSchema, isObject, show } from './invalid-schema.js';
import { compileMembers } from './json-schema-property.js';

const KEYWORDS = ['$schema', '$id', 'type', 'properties', 'required', 'additionalProperties'];
const DIALECT = /^https?:/;

/** Whether a schema is written in JSON Schema rather than in the flat spelling. */
export function isJsonSchema(schema: Readonly<Record<string, unknown>>): boolean {
  return schema['type'] === 'object' || isObject(schema['properties']) || DIALECT.test(String(schema['$schema']));
}

/**
 * Compiles a JSON Schema (2020-12) of rows: what decides about a row is taken over, what would only describe
 * it is allowed, everything else is refused. Throws INVALID_SCHEMA with a JSON Pointer.
 */
export function compileJsonSchema(schema: Readonly<Record<string, unknown>>): CompiledSchema {
  checkKeywords(schema, '', KEYWORDS, 'a schema of rows');
  const { $schema: dialect, $id: id, type } = schema;
  if (dialect !== undefined && !(typeof dialect === 'string' && DIALECT.test(dialect))) {
    throw invalidSchema('/$schema', `expected the address of a JSON Schema dialect, not ${show(dialect)}`);
  }
  if (id !== undefined && typeof id !== 'string') throw invalidSchema('/$id', `expected a string, not ${show(id)}`);
  if (type !== undefined && type !== 'object') {
    throw invalidSchema('/type', `a row is an "object", not ${show(type)}`);
  }
  const { columns, additional } = compileMembers(schema, '', 1);
  return { columns, additionalColumns: additional };
}
