import type { Evidence } from './inferred-schema.js';
import { JsonPlace, type PlaceBudget } from './json-place.js';
import type { JsonValue } from './json-row.js';
import { MAX_DISTINCT } from './schema-inference.js';
import { ValueSummary } from './value-summary.js';

/** A member of the rows, which may be an array or an object. */
export class JsonColumn {
  readonly place: JsonPlace;
  /** Of arrays and objects; other values are their profile's. */
  readonly #summary = new ValueSummary(MAX_DISTINCT);

  constructor(name: string, budget: PlaceBudget) {
    this.place = JsonPlace.column(name, budget, MAX_DISTINCT);
  }

  take(value: JsonValue, row: number): void {
    this.place.take(value, row);
    if (this.isNested && value !== null && !this.#summary.isCapped) this.#summary.take(JSON.stringify(value));
  }

  /** All values are arrays, or all are objects. */
  get isNested(): boolean {
    return this.place.kind === 'array' || this.place.kind === 'object';
  }

  /** Of arrays and objects in so many rows. */
  evidence(rows: number): Evidence {
    const nulls = rows - this.place.values;
    return { rows, nulls, min: null, max: null, ...this.#summary.evidence(false), rejected: [] };
  }
}
