import type { ScalarKind } from '../formats/index.js';
import { columnNameProblem, MAX_LEVELS } from '../models/schema/index.js';
import { ColumnProfile } from './column-profile.js';
import { JSON_CANDIDATES } from './json-candidates.js';
import { NO_NULLS } from './null-tokens.js';
import { JsonNumber, type JsonObject, type JsonValue } from './parse-json-row.js';

export type JsonKind = ScalarKind | 'array' | 'object';

/** An object of more names is taken for a map, whose names are values. */
const MAX_MEMBERS = 200;
/** Level of the row's members: the second level of a model. */
export const COLUMN_LEVEL = 2;

/** Maximum number of members and items inside of columns that are profiled. */
const MAX_PARTS = 10_000;

/** Number of paths inside of columns that may still be profiled: shared by all columns of a file. */
export interface PathBudget {
  left: number;
}

export function newBudget(): PathBudget {
  return { left: MAX_PARTS };
}

/** What the sampled rows have at one place: as a column, as a member of an object, as the items of an array. */
export class PathProfile {
  /** Values that are not null. */
  values = 0;
  nulls = 0;
  /** The most items that an array has. */
  mostItems = 0;
  /** The objects or arrays can have more than was profiled: too many names, or too deep. */
  isOpen = false;
  /** Profile of an array's items; null until there is one. */
  items: PathProfile | null = null;
  /** Profiles of an object's members by name: those that a model can name. */
  readonly members = new Map<string, PathProfile>();
  /** The first row of each kind. */
  readonly kinds = new Map<JsonKind, number>();
  /** Profile of scalar values, all of one kind. */
  profile: ColumnProfile | null = null;

  private constructor(
    private readonly name: string,
    private readonly budget: PathBudget,
    private readonly maxDistinct: number,
    private readonly level: number,
  ) {}

  static column(name: string, budget: PathBudget, maxDistinct: number): PathProfile {
    return new PathProfile(name, budget, maxDistinct, COLUMN_LEVEL);
  }

  /** The kind of all values that are not null; null if they are of more than one, or there are none. */
  get kind(): JsonKind | null {
    const [first, second] = this.kinds.keys();
    return second === undefined ? (first ?? null) : null;
  }

  take(value: JsonValue, row: number): void {
    if (value === null) {
      this.nulls += 1;
      return;
    }
    this.values += 1;
    const kind = kindOf(value);
    if (!this.kinds.has(kind)) this.kinds.set(kind, row);
    if (this.kinds.size > 1) this.#forget();
    else if (kind === 'array') this.#takeArray(value as JsonValue[], row);
    else if (kind === 'object') this.#takeObject(value as JsonObject, row);
    else {
      this.profile ??= new ColumnProfile(this.name, {
        candidates: JSON_CANDIDATES[kind],
        possibleNulls: NO_NULLS,
        maxDistinct: this.maxDistinct,
      });
      this.profile.take(String(value), row);
    }
  }

  #takeArray(values: readonly JsonValue[], row: number): void {
    this.mostItems = Math.max(this.mostItems, values.length);
    if (values.length === 0 || this.isOpen) return;
    this.items ??= this.#part('');
    for (const value of values) this.items?.take(value, row);
  }

  #takeObject(object: JsonObject, row: number): void {
    for (const [name, value] of Object.entries(object)) {
      if (this.isOpen) return;
      this.#member(name)?.take(value, row);
    }
  }

  #member(name: string): PathProfile | null {
    const known = this.members.get(name);
    if (known !== undefined) return known;
    if (columnNameProblem(name) !== null) return null;
    const member = this.members.size < MAX_MEMBERS ? this.#part(name) : this.#open();
    if (member !== null) this.members.set(name, member);
    return member;
  }

  /** null, and the path is open, if there can be none. */
  #part(name: string): PathProfile | null {
    if (this.level === MAX_LEVELS || this.budget.left === 0) return this.#open();
    this.budget.left -= 1;
    return new PathProfile(name, this.budget, 0, this.level + 1);
  }

  #open(): null {
    this.isOpen = true;
    this.#forget();
    return null;
  }

  #forget(): void {
    this.profile = null;
    this.items = null;
    this.members.clear();
  }
}

function kindOf(value: NonNullable<JsonValue>): JsonKind {
  if (value instanceof JsonNumber) return 'number';
  if (Array.isArray(value)) return 'array';
  return typeof value as 'string' | 'boolean' | 'object';
}
