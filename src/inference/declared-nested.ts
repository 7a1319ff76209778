import { type FileField, spellFileType } from '../formats/index.js';
import { ARRAY, OBJECT } from '../models/schema/index.js';
import { declaredProperty, isNullable, UNSEEN_NULLS } from './declared-property.js';
import type { InferredColumn } from './inference-result.js';
import { JsonColumn } from './json-column.js';
import type { JsonValue } from './parse-json-row.js';
import { COLUMN_LEVEL, type PathBudget } from './path-profile.js';
import type { Property } from './row-schema.js';

/** A column of lists, structs or maps, whose types the file declares: its values are checked for nulls and dates. */
export class DeclaredNested {
  readonly #column: JsonColumn;

  constructor(
    private readonly field: FileField,
    budget: PathBudget,
  ) {
    this.#column = new JsonColumn(field.name, budget);
  }

  get name(): string {
    return this.field.name;
  }

  take(value: JsonValue, row: number): void {
    this.#column.take(value, row);
  }

  /** `isWhole`: the sample is the whole file; else what it says of nulls counts as far as the file says the same. */
  conclude(isWhole: boolean): InferredColumn {
    const { type, mayBeNull } = this.field;
    const { place } = this.#column;
    const nullable = isNullable(place, mayBeNull && !isWhole);
    const declared = `the file says ${spellFileType(type)}`;
    return {
      name: this.name,
      type: type.kind === 'list' ? ARRAY : OBJECT,
      nullable,
      reason: nullable && place.nulls === 0 ? `${declared}; ${UNSEEN_NULLS}` : declared,
      evidence: this.#column.evidence(place.nulls + place.values),
    };
  }

  /** null never: the column is on the second level. */
  property(isWhole: boolean): Property | null {
    return declaredProperty(this.field, this.#column.place, isWhole, COLUMN_LEVEL);
  }
}
