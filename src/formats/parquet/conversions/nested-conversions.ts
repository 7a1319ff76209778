import { ARRAY, OBJECT, type ValueSchema } from '../../../models/schema/index.js';
import { pathTo, type RowErrors } from '../../validation/row-problems.js';
import { duplicateError, unexpectedError, wrongCountError } from '../../validation/structure-errors.js';
import { missingError } from '../../validation/value-check.js';
import { ListReader, MapReader, StructReader } from '../columns/nested.js';
import { explain, takes, takesAll, type ValueConversion } from './value-conversion.js';

/** Lists, and what becomes of their items. `schema`: the model's array, null if it says nothing. */
export function listConversion(item: ValueConversion, schema: ValueSchema | null): ValueConversion {
  const reader = new ListReader(item.reader);
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema?.constraints ?? {};
  const isAnyCount = minItems === 0 && maxItems === Number.POSITIVE_INFINITY;
  const isAnyItem = takesAll(item);
  const accepts = (row: number): boolean => {
    const from = reader.from(row);
    const to = reader.to(row);
    if (to - from < minItems || to - from > maxItems) return false;
    for (let i = from; i < to && !isAnyItem; i++) if (!takes(item, i)) return false;
    return true;
  };
  return {
    reader,
    type: schema === null ? null : ARRAY,
    nullable: schema?.nullable ?? true,
    accepts: isAnyCount && isAnyItem ? null : accepts,
    explain: (row, path, problems) => {
      const from = reader.from(row);
      const count = reader.to(row) - from;
      for (let i = 0; i < count && !problems.isFull; i++) explain(item, from + i, pathTo(path, `[${i}]`), problems);
      if (count < minItems || count > maxItems) problems.add(wrongCountError(path, ARRAY, count, minItems, maxItems));
    },
  };
}

export interface MemberConversion {
  name: string;
  conversion: ValueConversion;
}

/** Structs whose members fit the model's object by name; null if the model says nothing. */
export function structConversion(members: readonly MemberConversion[], schema: ValueSchema | null): ValueConversion {
  const reader = new StructReader(members.map(({ name, conversion }) => ({ name, reader: conversion.reader })));
  const checked = members.map(({ conversion }) => conversion).filter((conversion) => !takesAll(conversion));
  const accepts = (row: number): boolean => {
    const index = reader.indexOf(row);
    for (const conversion of checked) if (!takes(conversion, index)) return false;
    return true;
  };
  return {
    reader,
    type: schema === null ? null : OBJECT,
    nullable: schema?.nullable ?? true,
    accepts: checked.length === 0 ? null : accepts,
    explain: (row, path, problems) => {
      const index = reader.indexOf(row);
      for (const { name, conversion } of members) explain(conversion, index, pathTo(path, `.${name}`), problems);
    },
  };
}

/** What becomes of a map's keys, of the members that the model names, and of all others. */
export interface EntryConversions {
  key: ValueConversion;
  known: readonly MemberConversion[];
  other: ValueConversion;
}

/** Maps as objects, whose members are what each row has; the same key twice is an error even if the model says nothing. */
export function mapConversion({ key, known, other }: EntryConversions, schema: ValueSchema | null): ValueConversion {
  const conversions = new Map(known.map(({ name, conversion }) => [name, conversion]));
  const readers = new Map(known.map(({ name, conversion }) => [name, conversion.reader]));
  const reader = new MapReader(key.reader, other.reader, readers);
  const required = known.filter(({ conversion }) => !conversion.nullable);
  const isOpen = schema?.additionalProperties !== false;
  const accepts = (row: number): boolean => {
    const names = new Set<string>();
    const to = reader.to(row);
    for (let i = reader.from(row); i < to; i++) {
      const name = key.reader.text(i);
      const conversion = conversions.get(name);
      if (names.has(name) || !takes(key, i) || (conversion === undefined && !isOpen)) return false;
      if (!takes(conversion ?? other, i)) return false;
      names.add(name);
    }
    return required.every(({ name }) => names.has(name));
  };
  const explainEntry = (i: number, names: ReadonlySet<string>, path: string, problems: RowErrors): void => {
    const name = key.reader.text(i);
    const conversion = conversions.get(name);
    const place = pathTo(path, `.${name}`);
    explain(key, i, path, problems);
    // The name of a key with a flaw may be that of another.
    if (names.has(name) && key.reader.flaw(i) === null)
      problems.addDuplicate(duplicateError(place, conversion?.type ?? null));
    if (conversion === undefined && !isOpen) problems.add(unexpectedError(place));
    explain(conversion ?? other, i, place, problems);
  };
  return {
    reader,
    type: schema === null ? null : OBJECT,
    nullable: schema?.nullable ?? true,
    accepts,
    explain: (row, path, problems) => {
      const names = new Set<string>();
      const to = reader.to(row);
      for (let i = reader.from(row); i < to; i++) {
        explainEntry(i, names, path, problems);
        names.add(key.reader.text(i));
      }
      for (const { name, conversion } of required) {
        if (!names.has(name)) problems.add(missingError(pathTo(path, `.${name}`), conversion.type ?? 'value'));
      }
    },
  };
}
