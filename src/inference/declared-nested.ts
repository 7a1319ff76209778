import { type FileField, spellFileType } from '../formats/index.js';
import { ARRAY, OBJECT } from '../models/schema/index.js';
import { declaredProperty, mayBeNull } from './declared-property.js';
import type { InferredColumn } from './inferred-schema.js';
import { JsonColumn } from './json-column.js';
import { COLUMN_LEVEL, type PlaceBudget } from './json-place.js';
import type { JsonValue } from './json-row.js';
import type { Property } from './row-schema.js';

/** A column of lists, structs or maps, whose types the file says: its values are looked at for nulls and dates. */
export class DeclaredNested {
  readonly #column: JsonColumn;

  constructor(
    private readonly field: FileField,
    budget: PlaceBudget,
  ) {
    this.#column = new JsonColumn(field.name, budget);
  }

  get name(): string {
    return this.field.name;
  }

  take(value: JsonValue, row: number): void {
    this.#column.take(value, row);
  }

  conclude(): InferredColumn {
    const { type } = this.field;
    const { place } = this.#column;
    return {
      name: this.name,
      type: type.kind === 'list' ? ARRAY : OBJECT,
      nullable: mayBeNull(place),
      reason: `the file says ${spellFileType(type)}`,
      evidence: this.#column.evidence(place.nulls + place.values),
    };
  }

  /** null never: the column is on the second level. */
  get property(): Property | null {
    return declaredProperty(this.field.type, this.#column.place, COLUMN_LEVEL);
  }
}
