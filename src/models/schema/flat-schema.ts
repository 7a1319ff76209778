import type { Column, CompiledSchema } from './column.js';
import { checkColumnCount, checkColumnName } from './column-name.js';
import { parseColumnType, spellColumnType } from './column-type.js';
import { invalidSchema, pointerTo, show } from './invalid-schema.js';

/** Compiles `{"<column>": "<type>" | "Nullable(<type>)", …}`. Throws INVALID_SCHEMA with a JSON Pointer. */
export function compileFlatSchema(schema: Readonly<Record<string, unknown>>): CompiledSchema {
  const entries = Object.entries(schema);
  if (entries.length === 0) {
    throw invalidSchema('', 'it names no column; {"type": "object"} accepts rows of any columns');
  }
  checkColumnCount(entries.length, '');
  return { columns: entries.map(([name, type]) => compileColumn(name, type)), additionalColumns: true };
}

function compileColumn(name: string, spelling: unknown): Column {
  const pointer = pointerTo('', name);
  checkColumnName(name, pointer);
  if (typeof spelling !== 'string') throw invalidSchema(pointer, `a type is a string, not ${show(spelling)}`);
  const inner = /^Nullable\( *(.*?) *\)$/s.exec(spelling)?.[1];
  const type = parseColumnType(inner ?? spelling);
  if (typeof type === 'string') throw invalidSchema(pointer, `${show(spelling)}: ${type}`);
  return { name, type: spellColumnType(type), nullable: inner !== undefined, constraints: {} };
}
