import { ServiceError } from '../errors/index.js';
import type { FieldError } from '../formats/index.js';
import { ARRAY, MAX_COLUMNS, OBJECT } from '../models/schema/index.js';
import type { InferenceResult, InferredColumn, SkippedColumn } from './inference-result.js';
import { JSON_CANDIDATES, JSON_SCHEMA_CANDIDATES } from './json-candidates.js';
import { JsonColumn } from './json-column.js';
import { describe, KIND_NAMES, membersOf } from './json-property.js';
import type { JsonObject } from './parse-json-row.js';
import { newBudget, type PathProfile } from './path-profile.js';
import { schemaOf } from './schema-inference.js';
import { nameProblem, skippedColumn } from './skipped-columns.js';

/**
 * Infers types for the members of JSON rows. A row without a member counts as one with null there. The
 * proposed schema is flat if no column is nested, and a JSON Schema otherwise. Every type is tested by the code that
 * tests the rows of a job, so every sampled row satisfies the schema.
 */
export class JsonInference {
  readonly #members = new Map<string, JsonColumn>();
  readonly #unusable = new Map<string, string>();
  readonly #budget = newBudget();
  #rows = 0;
  #firstBroken: string | null = null;

  /** `number` from 1. Throws ServiceError HEADER_MISMATCH if there are more members than a model has columns. */
  take(row: JsonObject, number: number): void {
    this.#rows += 1;
    for (const [name, value] of Object.entries(row)) {
      const member = this.#members.get(name) ?? this.#meet(name, number);
      member?.take(value, number);
    }
  }

  /** Notes a row that is invalid under any model, with its errors. */
  refuse([error]: readonly FieldError[], number: number): void {
    this.#firstBroken ??= `; row ${number}: ${error?.message}`;
  }

  /** Call it once, at the end. Throws ServiceError HEADER_MISMATCH if no column can be inferred. */
  conclude(): Pick<InferenceResult, 'schema' | 'columns' | 'skipped_columns'> {
    const hasNested = [...this.#members.values()].some(({ isNested }) => isNested);
    const columns: InferredColumn[] = [];
    const kept = new Map<string, PathProfile>();
    const skipped_columns: SkippedColumn[] = [...this.#unusable].map(([name, reason]) => skippedColumn(name, reason));
    for (const [name, member] of this.#members) {
      const column = this.#column(name, member, hasNested);
      if (typeof column === 'string') skipped_columns.push(skippedColumn(name, column));
      else {
        columns.push(column);
        kept.set(name, member.place);
      }
    }
    if (columns.length === 0) throw this.#noColumn(skipped_columns);
    const schema = hasNested ? { type: 'object' as const, ...membersOf(kept, this.#rows) } : schemaOf(columns);
    return { schema, columns, skipped_columns };
  }

  #meet(name: string, row: number): JsonColumn | null {
    if (this.#unusable.has(name)) return null;
    if (this.#members.size + this.#unusable.size === MAX_COLUMNS) {
      throw new ServiceError(
        'HEADER_MISMATCH',
        `row ${row}: the rows have more than ${MAX_COLUMNS} different members, which is the limit of a model; if the names vary from row to row, put these values into one member that is an object`,
      );
    }
    const problem = nameProblem(name);
    if (problem !== null) {
      this.#unusable.set(name, problem);
      return null;
    }
    const member = new JsonColumn(name, this.#budget);
    this.#members.set(name, member);
    return member;
  }

  /** Or why there is none. */
  #column(name: string, member: JsonColumn, hasNested: boolean): InferredColumn | string {
    const { place } = member;
    const { kind, profile } = place;
    const nulls = this.#rows - place.values;
    if (kind === null) return place.values === 0 ? ONLY_NULLS : mixedKinds(place);
    if (kind === 'array' || kind === 'object') {
      return {
        name,
        type: kind === 'array' ? ARRAY : OBJECT,
        nullable: nulls > 0,
        reason: describe(place),
        evidence: member.evidence(this.#rows),
      };
    }
    const among = (hasNested ? JSON_SCHEMA_CANDIDATES : JSON_CANDIDATES)[kind];
    if (profile === null || (kind !== 'string' && !profile.hasType(among))) return OUT_OF_RANGE;
    profile.takeNulls(nulls);
    return profile.conclude(among);
  }

  #noColumn([first]: readonly SkippedColumn[]): ServiceError {
    const problem =
      first === undefined
        ? `the sample has no complete row with a member${this.#firstBroken ?? ''}`
        : `no column of the file can be used in a model; '${first.name}': ${first.reason}`;
    return new ServiceError('HEADER_MISMATCH', problem);
  }
}

const ONLY_NULLS = 'only nulls, so its type is unknown; add it to the schema if you know it';
const OUT_OF_RANGE = 'numbers too large for any type; write them as strings to have them checked';

function mixedKinds({ kinds }: PathProfile): string {
  const seen = [...kinds].map(([kind, row]) => `${KIND_NAMES[kind]} (row ${row})`);
  return `${seen.join(' and ')}, but a column has one type; use one type for all of them, to have them checked`;
}
