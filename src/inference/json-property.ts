import { inJsonSchema } from '../models/schema/index.js';
import { JSON_SCHEMA_CANDIDATES } from './json-candidates.js';
import type { JsonKind, PathProfile } from './path-profile.js';
import { orNull, type Property } from './row-schema.js';

/** What messages call values of a kind. */
export const KIND_NAMES: Readonly<Record<JsonKind, string>> = {
  string: 'strings',
  number: 'numbers',
  boolean: 'booleans',
  array: 'arrays',
  object: 'objects',
};

/** A property that accepts every value at a path; null if it would have to accept anything. */
export function propertyOf(place: PathProfile): Property | null {
  const { kind, nulls } = place;
  const typed = (type: string): Pick<Property, 'type'> => orNull(type, nulls > 0);
  switch (kind) {
    case null:
      return null;
    case 'array': {
      const items = place.items === null ? null : propertyOf(place.items);
      return { ...typed('array'), ...(items !== null && { items }) };
    }
    case 'object':
      return { ...typed('object'), ...membersOf(place.members, place.values) };
    default: {
      const spelling = inJsonSchema(scalarTypeOf(place) ?? '');
      return spelling === undefined ? null : { ...spelling, ...typed(spelling.type) };
    }
  }
}

/** The properties of `objects` objects, and which of them all have. */
export function membersOf(
  members: ReadonlyMap<string, PathProfile>,
  objects: number,
): Pick<Property, 'properties' | 'required'> {
  const properties: [string, Property][] = [];
  const required: string[] = [];
  for (const [name, place] of members) {
    const property = propertyOf(place);
    if (property === null) continue;
    properties.push([name, property]);
    if (place.values + place.nulls === objects) required.push(name);
  }
  return {
    ...(properties.length > 0 && { properties: Object.fromEntries(properties) }),
    ...(required.length > 0 && { required }),
  };
}

/** Describes arrays or objects. */
export function describe(place: PathProfile): string {
  if (place.kind === 'object') return describeObjects(place);
  const { items, mostItems, isOpen } = place;
  if (mostItems === 0) return 'empty arrays';
  const most = `up to ${counted(mostItems, 'item')}`;
  if (isOpen || items === null) return `arrays whose items could not all be sampled, ${most}`;
  return `arrays of ${itemName(items)}, ${most}`;
}

function describeObjects({ members, isOpen }: PathProfile): string {
  if (isOpen) return 'objects with too many names to list';
  return members.size === 0 ? 'objects without members' : `objects of ${counted(members.size, 'member')}`;
}

function itemName(items: PathProfile): string {
  const { kind } = items;
  if (kind === 'array' || kind === 'object') return KIND_NAMES[kind];
  if (kind !== null) return scalarTypeOf(items) ?? KIND_NAMES[kind];
  const kinds = [...items.kinds.keys()].map((each) => KIND_NAMES[each]);
  return kinds.length === 0 ? 'nulls' : `${kinds.join(' and ')}: any type is accepted`;
}

/** The type of scalar values in the JSON Schema spelling, as `Column.type` has it; null if no type can hold them. */
export function scalarTypeOf({ kind, profile }: PathProfile): string | null {
  if (kind === null || kind === 'array' || kind === 'object') return null;
  const among = JSON_SCHEMA_CANDIDATES[kind];
  if (profile === null || (kind !== 'string' && !profile.hasType(among))) return null;
  return profile.conclude(among).type;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
