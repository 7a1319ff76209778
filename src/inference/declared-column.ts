import {
  type FileField,
  proposedTypes,
  spellFileType,
  TYPE_ERRORS,
  typeTest,
  type ValueTest,
} from '../formats/index.js';
import { type ColumnType, inJsonSchema, spellColumnType } from '../models/schema/index.js';
import { UNSEEN_NULLS } from './declared-property.js';
import type { InferredColumn, RejectedType } from './inference-result.js';
import type { JsonValue } from './parse-json-row.js';
import { orNull, type Property } from './row-schema.js';
import { compareNumbers, compareTexts, Extent } from './value-facts.js';
import { exampleOf, extremes, ValueSummary } from './value-summary.js';

interface Choice {
  type: ColumnType;
  test: ValueTest;
}

/**
 * A column whose type the file declares: its values are checked for nulls, and for what the model's type cannot hold.
 * A STRING stays one, whatever it looks like: who wrote it had numbers and dates to choose from.
 */
export class DeclaredColumn {
  readonly #choices: Choice[];
  readonly #rejected: RejectedType[] = [];
  readonly #summary: ValueSummary;
  readonly #extent: Extent;
  #rows = 0;
  #nulls = 0;

  /**
   * `field`: of a type that has `proposedTypes`. `maxDistinct`: different values that are remembered. `spelled`: the type
   * that the model's spelling has for one of those.
   */
  constructor(
    private readonly field: FileField,
    maxDistinct: number,
    spelled: (type: ColumnType) => ColumnType = (type) => type,
  ) {
    this.#choices = proposedTypes(field.type)
      .map(spelled)
      .map((type) => ({ type, test: typeTest(type) }));
    this.#summary = new ValueSummary(maxDistinct);
    this.#extent = new Extent(isNumeric(this.#type) ? compareNumbers : compareTexts);
  }

  get name(): string {
    return this.field.name;
  }

  take(value: JsonValue, row: number): void {
    this.#rows += 1;
    if (value === null) this.#nulls += 1;
    else this.#takeText(String(value), row);
  }

  #takeText(text: string, row: number): void {
    this.#summary.take(text);
    this.#extent.take(text);
    while (this.#choices.length > 1) {
      const { type, test } = this.#choices[0] as Choice;
      const code = test(text);
      if (code === null) return;
      this.#rejected.push({ type: spellColumnType(type), reason: TYPE_ERRORS[code], example: exampleOf(text), row });
      this.#choices.shift();
    }
  }

  /** `isWhole`: the sample is the whole file; else what it says of nulls counts as far as the file says the same. */
  conclude(isWhole: boolean): InferredColumn {
    const type = this.#type;
    const hasExtent = isNumeric(type) || type.kind === 'date' || isTime(type);
    return {
      name: this.field.name,
      type: spellColumnType(type),
      nullable: this.#isNullable(isWhole),
      reason: this.#nulls === 0 && this.#isNullable(isWhole) ? `${this.#reason}; ${UNSEEN_NULLS}` : this.#reason,
      evidence: {
        rows: this.#rows,
        nulls: this.#nulls,
        ...extremes(hasExtent ? this.#extent : { min: null, max: null }),
        ...this.#summary.evidence(type.kind === 'string'),
        rejected: this.#rejected,
      },
    };
  }

  /** In JSON Schema, if `spelled` has its types; otherwise null. */
  property(isWhole: boolean): Property | null {
    const spelling = inJsonSchema(spellColumnType(this.#type));
    if (spelling === undefined) return null;
    return { ...spelling, ...orNull(spelling.type, this.#isNullable(isWhole)) };
  }

  #isNullable(isWhole: boolean): boolean {
    return this.#nulls > 0 || (this.field.mayBeNull && !isWhole);
  }

  get #type(): ColumnType {
    return (this.#choices[0] as Choice).type;
  }

  get #reason(): string {
    const { type } = this.field;
    const declared = `the file says ${spellFileType(type)}`;
    const [rejected] = this.#rejected;
    if (rejected !== undefined)
      return `${declared}, but '${rejected.example}' in row ${rejected.row} does not fit ${rejected.type}`;
    return type.kind === 'string' ? `${declared}: its writer had other types to choose from` : declared;
  }
}

function isNumeric({ kind }: ColumnType): boolean {
  return kind === 'int' || kind === 'float' || kind === 'decimal';
}

function isTime({ kind }: ColumnType): boolean {
  return kind === 'datetime' || kind === 'datetime64';
}
