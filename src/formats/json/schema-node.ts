import { ARRAY, type Column, OBJECT, type ValueSchema } from '../../models/schema/index.js';
import type { Renames } from '../row-reader.js';
import { type Normalizations, type Normalizer, normalizers } from '../validation/normalization.js';
import { QUOTE } from './bytes.js';
import { ScalarCheck } from './scalar-check.js';

/** A string at a place that the model does not know. */
const ANY_TEXT = { type: 'String', nullable: true, constraints: {} };
const NO_NORMALIZERS: ReadonlyMap<string, Normalizer> = new Map();

interface PlaceOptions {
  /** The names of an object's members, by what the rows call them. */
  renames?: Renames | undefined;
  /** Normalizes the texts at this node. */
  normalize?: Normalizer | undefined;
  /** Normalizers of the texts of an object's members, by name. */
  normalizers?: ReadonlyMap<string, Normalizer> | undefined;
}

/**
 * A place of a row where a value may stand: what the model says of it, and what the rows so far had there. A place
 * that the model does not know takes anything.
 */
export class SchemaNode {
  /** As errors name it; null if the model says nothing. */
  readonly type: string | null;
  readonly nullable: boolean;
  /** null if the value must be an array or an object. */
  readonly scalar: ScalarCheck | null = null;
  /** The same for a string, which may be normalized; null also if the model says nothing and it is not normalized. */
  readonly text: ScalarCheck | null = null;
  readonly isArray: boolean;
  readonly isObject: boolean;
  readonly minItems: number;
  readonly maxItems: number;
  /** Whether an object may have members that the model does not name. */
  readonly isOpen: boolean;
  /** The members that an object must have. */
  readonly required: readonly SchemaMember[];
  /** The member that stood first in the last object here. */
  first: SchemaMember | null = null;
  /** The names of members are not what the rows call them. */
  readonly isRenamed: boolean;
  readonly #members = new Map<string, SchemaMember>();
  readonly #renames: ReadonlyMap<string, string>;
  readonly #normalizers: ReadonlyMap<string, Normalizer>;
  #items: SchemaNode | null = null;
  #anything: SchemaNode | null = null;

  constructor(
    schema: ValueSchema | null,
    { renames = {}, normalize, normalizers = NO_NORMALIZERS }: PlaceOptions = {},
  ) {
    this.#renames = new Map(Object.entries(renames));
    this.#normalizers = normalizers;
    this.isRenamed = this.#renames.size > 0;
    this.type = schema?.type ?? null;
    this.nullable = schema?.nullable ?? true;
    this.isArray = schema?.type === ARRAY;
    this.isObject = schema?.type === OBJECT;
    this.minItems = schema?.constraints.minItems ?? 0;
    this.maxItems = schema?.constraints.maxItems ?? Number.POSITIVE_INFINITY;
    this.isOpen = schema?.additionalProperties !== false;
    if (!this.isArray && !this.isObject) {
      if (schema !== null) this.scalar = new ScalarCheck({ name: '', ...schema });
      this.text =
        normalize === undefined ? this.scalar : new ScalarCheck({ name: '', ...(schema ?? ANY_TEXT) }, normalize);
    }
    if (schema?.items !== undefined) this.#items = new SchemaNode(schema.items);
    const known = (schema?.properties ?? []).map((column) => this.#memberOf(column.name, column));
    for (const [index, member] of known.entries()) {
      this.#members.set(member.name, member);
      // Until the rows show otherwise they are expected in the model's order.
      member.next = known[index + 1] ?? null;
    }
    this.first = known[0] ?? null;
    this.required = known.filter(({ place }) => !place.nullable);
  }

  /** The place of an array's items. */
  get items(): SchemaNode {
    this.#items ??= new SchemaNode(null);
    return this.#items;
  }

  /** Where a value stands that is not of the kind that is asked for: it is read all the same. */
  get anything(): SchemaNode {
    if (this.type === null) return this;
    this.#anything ??= new SchemaNode(null);
    return this.#anything;
  }

  /** By the rows' name for it. */
  member(rowName: string): SchemaMember | undefined {
    return this.#members.get(this.#nameOf(rowName));
  }

  /** Remembers a member that the model does not know. */
  learn(rowName: string): SchemaMember {
    const name = this.#nameOf(rowName);
    const member = this.#memberOf(name, null);
    this.#members.set(name, member);
    return member;
  }

  #memberOf(name: string, schema: ValueSchema | null): SchemaMember {
    const place = new SchemaNode(schema, { normalize: this.#normalizers.get(name) });
    return new SchemaMember(name, place, schema !== null, this.#nameOf(name) === name);
  }

  #nameOf(rowName: string): string {
    return this.#renames.get(rowName) ?? rowName;
  }
}

/** A member of the objects at one place. */
export class SchemaMember {
  /** How the last row spelled its name between the quotes; null: it is to be looked up. */
  key: Buffer | null;
  /** All bits that are set in it. */
  keyBits: number;
  /** The one that stood behind it last. */
  next: SchemaMember | null = null;
  /** The number of the object that had it last. */
  seenIn = 0;

  constructor(
    readonly name: string,
    readonly place: SchemaNode,
    /** The model names it. */
    readonly isKnown: boolean,
    /** Rows that have this name mean this member: it is not the old name of another. */
    isRowName: boolean,
  ) {
    const text = JSON.stringify(name).slice(1, -1);
    this.key = isRowName && !text.includes('\\') ? Buffer.from(text) : null;
    this.keyBits = this.key?.reduce((bits, byte) => bits | byte, 0) ?? 0;
  }

  /** A row has its name like this, without escapes. */
  spelled(key: Buffer, bits: number): void {
    this.key = key;
    this.keyBits = bits;
  }
}

/** The index of the quote behind the name at i; -1 if another one stands there. */
export function keyEnd(bytes: Buffer, i: number, key: Buffer): number {
  const { length } = key;
  for (let k = 0; k < length; k++) {
    if (bytes[i + k] !== key[k]) return -1;
  }
  return bytes[i + length] === QUOTE ? i + length : -1;
}

/** The place of a whole row. */
export function rowNode({ columns, additionalColumns, renames, normalize }: ScannerOptions): SchemaNode {
  const schema = {
    type: OBJECT,
    nullable: false,
    constraints: {},
    properties: [...columns],
    additionalProperties: additionalColumns,
  };
  return new SchemaNode(schema, { renames, normalizers: normalizers(normalize) });
}

export interface ScannerOptions {
  /** The model's. */
  columns: readonly Column[];
  additionalColumns: boolean;
  /** Renames of a row's own members. */
  renames?: Renames | undefined;
  /** Normalizations of the texts of a row's own members. */
  normalize?: Normalizations | undefined;
}
