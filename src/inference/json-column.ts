import type { ColumnStats } from './inference-result.js';
import type { JsonValue } from './parse-json-row.js';
import { type PathBudget, PathProfile } from './path-profile.js';
import { MAX_DISTINCT } from './schema-inference.js';
import { ValueSummary } from './value-summary.js';

/** A member of the rows, which may be an array or an object. */
export class JsonColumn {
  readonly place: PathProfile;
  /** Summary of arrays and objects; other values are in the profile. */
  readonly #summary = new ValueSummary(MAX_DISTINCT);

  constructor(name: string, budget: PathBudget) {
    this.place = PathProfile.column(name, budget, MAX_DISTINCT);
  }

  take(value: JsonValue, row: number): void {
    this.place.take(value, row);
    if (this.isNested && value !== null && !this.#summary.isCapped) this.#summary.take(JSON.stringify(value));
  }

  /** All values are arrays, or all are objects. */
  get isNested(): boolean {
    return this.place.kind === 'array' || this.place.kind === 'object';
  }

  /** Statistics of the arrays and objects in `rows` rows. */
  evidence(rows: number): ColumnStats {
    const nulls = rows - this.place.values;
    return { rows, nulls, min: null, max: null, ...this.#summary.evidence(false), rejected: [] };
  }
}
