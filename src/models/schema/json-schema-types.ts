import { type ColumnType, KIND_TRAITS, spellColumnType } from './column-type.js';
import type { ScalarType } from './json-schema-constraints.js';

/** What JSON Schema's types are here. */
export const TYPES: Readonly<Record<ScalarType, ColumnType>> = {
  string: { kind: 'string' },
  integer: { kind: 'int', bits: 64, signed: true },
  number: { kind: 'float', bits: 64 },
  boolean: { kind: 'bool' },
};
/** What the formats of its strings are. */
export const FORMATS: ReadonlyMap<unknown, ColumnType> = new Map<unknown, ColumnType>([
  ...KIND_TRAITS.flatMap(({ format, names }) =>
    format === null ? [] : names.flatMap(([, type]) => (type === null ? [] : [[format, type] as const])),
  ),
  ['email', { kind: 'string' }],
]);

/** How JSON Schema spells a type. */
export interface JsonSchemaSpelling {
  type: ScalarType;
  format?: string;
}

const SPELLINGS: ReadonlyMap<string, JsonSchemaSpelling> = new Map<string, JsonSchemaSpelling>([
  ...[...FORMATS].map(([format, type]) => [spellColumnType(type), { type: 'string', format: String(format) }] as const),
  // A String is one without a format.
  ...Object.entries(TYPES).map(([name, type]) => [spellColumnType(type), { type: name as ScalarType }] as const),
]);

/** How JSON Schema says a type, by the type's canonical spelling; undefined: it cannot. */
export function inJsonSchema(type: string): JsonSchemaSpelling | undefined {
  return SPELLINGS.get(type);
}
