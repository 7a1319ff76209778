import type { CompiledSchema } from './column.js';
import { compileFlatSchema } from './flat-schema.js';
import { invalidSchema, isObject, show } from './invalid-schema.js';
import { compileJsonSchema, isJsonSchema } from './json-schema.js';

/**
 * Compiles a model's schema, in either spelling, into one typed column list.
 *
 * JSON Schema is what has `"type": "object"`, an object under `properties` or a `$schema`; all else is the flat
 * spelling. Throws `ServiceError` INVALID_SCHEMA whose detail begins with the JSON Pointer (RFC 6901, from the
 * schema's root) of the first mistake.
 */
export function compileSchema(schema: unknown): CompiledSchema {
  if (!isObject(schema)) throw invalidSchema('', `a schema is a JSON object, not ${show(schema)}`);
  return isJsonSchema(schema) ? compileJsonSchema(schema) : compileFlatSchema(schema);
}
