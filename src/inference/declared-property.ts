import { type FileField, type FileType, proposedTypes } from '../formats/index.js';
import {
  type ColumnType,
  columnNameProblem,
  inJsonSchema,
  MAX_LEVELS,
  spellColumnType,
} from '../models/schema/index.js';
import { scalarTypeOf } from './json-property.js';
import type { PathProfile } from './path-profile.js';
import { orNull, type Property } from './row-schema.js';

/** The type of the JSON Schema spelling that takes all values of a type; itself if it is one. */
export function inJsonSchemaType(type: ColumnType): ColumnType {
  switch (type.kind) {
    case 'int':
      return type.bits === 64 && !type.signed ? { kind: 'float', bits: 64 } : { kind: 'int', bits: 64, signed: true };
    case 'float':
    case 'decimal':
      return { kind: 'float', bits: 64 };
    case 'datetime64':
      return { kind: 'datetime' };
    default:
      return inJsonSchema(spellColumnType(type)) === undefined ? { kind: 'string' } : type;
  }
}

/** Why a column is nullable that has no null in the sample. */
export const UNSEEN_NULLS = 'nulls may be in the rows that were not sampled';

/**
 * The JSON Schema of values whose type the file declares. Nulls are the sample's, and, unless that is the whole file
 * (`isWhole`), those that the file does not rule out. `level`: nesting of the value in the schema. null if it would
 * have to accept anything.
 */
export function declaredProperty(
  { type, mayBeNull }: Omit<FileField, 'name'>,
  place: PathProfile | null,
  isWhole: boolean,
  level: number,
): Property | null {
  if (level > MAX_LEVELS) return null;
  const typed = (name: string): Pick<Property, 'type'> => orNull(name, isNullable(place, mayBeNull && !isWhole));
  switch (type.kind) {
    case 'list': {
      const item = { type: type.element, mayBeNull: type.itemsMayBeNull };
      // Values that were not sampled may be out of the type's range.
      const items = place?.isOpen === true ? null : declaredProperty(item, place?.items ?? null, isWhole, level + 1);
      return { ...typed('array'), ...(items !== null && { items }) };
    }
    case 'struct':
      return { ...typed('object'), ...declaredMembers(type.fields, place, isWhole, level) };
    // Its keys are values.
    case 'map':
      return typed('object');
    default: {
      const { type: name, format } = scalarSpelling(type, place);
      return { ...typed(name), ...(format !== undefined && { format }) };
    }
  }
}

/** Where the sample has no value, nothing speaks against it. `isUnsure`: there may be nulls that it does not have. */
export function isNullable(place: PathProfile | null, isUnsure: boolean): boolean {
  return isUnsure || place === null || place.nulls > 0 || place.values === 0;
}

function declaredMembers(
  fields: readonly FileField[],
  place: PathProfile | null,
  isWhole: boolean,
  level: number,
): Pick<Property, 'properties' | 'required'> {
  if (place?.isOpen === true) return {};
  const members = fields.flatMap((field) => {
    const { name } = field;
    if (columnNameProblem(name) !== null) return [];
    const property = declaredProperty(field, place?.members.get(name) ?? null, isWhole, level + 1);
    return property === null ? [] : [[name, property] as const];
  });
  // A struct has all of its fields, be they null.
  return members.length === 0
    ? {}
    : { properties: Object.fromEntries(members), required: members.map(([name]) => name) };
}

/** Text if the sample has dates and times that are out of their type's range. */
function scalarSpelling(type: FileType, place: PathProfile | null): { type: string; format?: string | undefined } {
  const [first = { kind: 'string' as const }] = proposedTypes(type);
  const spelled = spellColumnType(inJsonSchemaType(first));
  const found = place === null || place.values === 0 ? null : scalarTypeOf(place);
  const isTime = spelled === 'Date' || spelled === 'DateTime';
  const text = { type: 'string' };
  if (isTime && found !== null && found !== spelled) return text;
  return inJsonSchema(spelled) ?? text;
}
