import { ServiceError } from '../../../errors/index.js';
import { ARRAY, OBJECT, type ValueSchema } from '../../../models/schema/index.js';
import { compareNames } from '../../csv/header-matching.js';
import { MAX_DEPTH } from '../../limits.js';
import type { Normalizer } from '../../validation/normalization.js';
import { ValueCheck } from '../../validation/value-check.js';
import { NullReader } from '../columns/nested.js';
import type { RowFlags } from '../columns/value-reader.js';
import { convert } from '../compatibility.js';
import { type FileField, type FileType, isNested, type ScalarType, spellFileType } from '../file-type.js';
import { readerOf, textReader } from '../value-readers.js';
import { listConversion, type MemberConversion, mapConversion, structConversion } from './nested-conversions.js';
import { scalarConversion, unknownConversion, type ValueConversion } from './value-conversion.js';

/** Columns of a file and what is inside them; what is inside a map counts for each member that the model has for it. */
const MAX_PLACES = 100_000;
/** Limit of the names of nested fields, in bytes: a row has room for them. */
const MAX_FIELD_NAME_BYTES = 65_536;

type Nested<K> = Extract<FileType, { kind: K }>;

/**
 * Finds what becomes of a column's values, and of those inside them, level by level. Where the file's types do not fit
 * the model, that is noted by the place, such as `items[].qty`, and the search goes on: so all of it can be told at once.
 */
export class ConversionBuilder {
  /** Places that are missing, and those that the model does not take. */
  readonly missing: string[] = [];
  readonly unexpected: string[] = [];
  /** Members that are there twice. */
  readonly repeated: string[] = [];
  /** Each with its type, and the model's. */
  readonly mismatches: { path: string; found: string; expected: string }[] = [];
  /** Each with a type that cannot be read. */
  readonly unsupported: { path: string; found: string }[] = [];
  #places = 0;

  constructor(
    private readonly notes: RowFlags,
    /** Normalizers of the texts of columns, by name; not of what is inside a column. */
    private readonly normalizers: ReadonlyMap<string, Normalizer>,
  ) {}

  /** `schema`: what the model says of the values at `path`; null: nothing. Throws ServiceError FILE_TOO_COMPLEX. */
  build(type: FileType, schema: ValueSchema | null, path: string, level = 1): ValueConversion {
    this.#places += 1;
    if (this.#places > MAX_PLACES) {
      throw new ServiceError(
        'FILE_TOO_COMPLEX',
        'the Parquet file has more than 100,000 columns and members of columns',
      );
    }
    if (type.kind === 'null') return this.#nulls(schema);
    if (!isNested(type)) {
      const normalize = level === 1 && type.kind === 'string' ? this.normalizers.get(path) : undefined;
      return this.#scalar(type, schema, path, normalize ?? null);
    }
    if (level === MAX_DEPTH) return this.#unreadable(path, `${spellFileType(type)} on level ${level + 1}`);
    const isExpected = schema === null || schema.type === (type.kind === 'list' ? ARRAY : OBJECT);
    if (!isExpected) return this.#mismatch(type, schema, path);
    switch (type.kind) {
      case 'list':
        return listConversion(this.build(type.element, schema?.items ?? null, `${path}[]`, level + 1), schema);
      case 'struct':
        return this.#struct(type, schema, path, level);
      case 'map':
        return this.#map(type, schema, path, level);
    }
  }

  #struct({ fields }: Nested<'struct'>, schema: ValueSchema | null, path: string, level: number): ValueConversion {
    const properties = schema?.properties ?? [];
    const at = (name: string): string => `${path}.${name}`;
    const names = fields.map(({ name }) => name);
    const { missing, unexpected } = compareNames(names, properties, schema?.additionalProperties !== false);
    for (const name of missing) this.missing.push(at(name));
    for (const name of unexpected) this.unexpected.push(at(name));
    for (const name of repeatedNames(names)) this.repeated.push(at(name));
    const known = new Map(properties.map((property) => [property.name, property]));
    const member = ({ name, type }: FileField): MemberConversion => {
      if (Buffer.byteLength(name) > MAX_FIELD_NAME_BYTES)
        this.#unreadable(path, 'STRUCT with a name of more than 64 KiB');
      return { name, conversion: this.build(type, known.get(name) ?? null, at(name), level + 1) };
    };
    return structConversion(fields.map(member), schema);
  }

  #map({ key, value }: Nested<'map'>, schema: ValueSchema | null, path: string, level: number): ValueConversion {
    const keyReader = isNested(key) ? `${spellFileType(key)} keys` : readerOf(key, this.notes);
    if (typeof keyReader === 'string') return this.#unreadable(path, `MAP with ${keyReader}`);
    const conversion = (inside: ValueSchema | null, name: string): ValueConversion =>
      this.build(value, inside, `${path}.${name}`, level + 1);
    const known = (schema?.properties ?? []).map((property) => ({
      name: property.name,
      conversion: conversion(property, property.name),
    }));
    // A key is never null, whatever the file says.
    const keys = unknownConversion(keyReader, false);
    return mapConversion({ key: keys, known, other: conversion(null, '*') }, schema);
  }

  #scalar(type: ScalarType, schema: ValueSchema | null, path: string, normalize: Normalizer | null): ValueConversion {
    const reader = normalize === null ? readerOf(type, this.notes) : textReader(normalize, this.notes);
    if (typeof reader === 'string') return this.#unreadable(path, reader);
    if (schema === null) return unknownConversion(reader);
    if (schema.type === ARRAY || schema.type === OBJECT) return this.#mismatch(type, schema, path);
    const check = new ValueCheck({ name: path, ...schema }, normalize);
    const conversion = convert(type, check, this.notes);
    return conversion === null ? this.#mismatch(type, schema, path) : scalarConversion(conversion, check, schema.type);
  }

  #nulls(schema: ValueSchema | null): ValueConversion {
    return { ...unknownConversion(new NullReader(), schema?.nullable), type: schema?.type ?? null };
  }

  #mismatch(type: FileType, schema: ValueSchema, path: string): ValueConversion {
    this.mismatches.push({ path, found: spellFileType(type), expected: schema.type });
    return this.#nulls(null);
  }

  #unreadable(path: string, found: string): ValueConversion {
    this.unsupported.push({ path, found });
    return this.#nulls(null);
  }
}

function repeatedNames(names: readonly string[]): string[] {
  const seen = new Set<string>();
  return names.filter((name) => seen.size === seen.add(name).size);
}
