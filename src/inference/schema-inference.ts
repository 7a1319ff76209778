import { CANDIDATES } from './candidates.js';
import { ColumnProfile } from './column-profile.js';
import type { InferredColumn } from './inference-result.js';
import { NULL_TOKENS } from './null-tokens.js';

/** Different values remembered a column; fewer if there are many columns. */
export const MAX_DISTINCT = 1000;
const MAX_DISTINCT_TOGETHER = 1_000_000;

export interface SchemaInferenceOptions {
  /** The file's columns in its order: at least one, each with a unique name. */
  columns: readonly string[];
  /** Spellings of null that the rows have none of any more. */
  nullValues: readonly string[];
  /** Maximum number of spellings of null that a job accepts. */
  maxNullValues: number;
}

/** What `conclude` proposes. */
export type Proposal = { schema: Record<string, string>; null_values: string[]; columns: InferredColumn[] };

/** Number of different values that each of `columns` columns remembers. */
export function maxDistinctOf(columns: number): number {
  return Math.min(MAX_DISTINCT, Math.floor(MAX_DISTINCT_TOGETHER / columns));
}

/** In the flat spelling. */
export function schemaOf(columns: readonly InferredColumn[]): Record<string, string> {
  return Object.fromEntries(
    columns.map(({ name, type, nullable }) => [name, nullable ? `Nullable(${type})` : type] as const),
  );
}

/**
 * Proposes types for the columns of a file by its rows. Every type is tested by the code that tests the rows of a job,
 * so that each row that was taken satisfies the proposed schema.
 */
export class SchemaInference {
  readonly #profiles: readonly ColumnProfile[];

  constructor(private readonly options: SchemaInferenceOptions) {
    const { columns, nullValues, maxNullValues } = options;
    const words = NULL_TOKENS.filter((word) => !nullValues.includes(word));
    const possibleNulls = new Set(words.slice(0, Math.max(0, maxNullValues - nullValues.length)));
    const maxDistinct = maxDistinctOf(columns.length);
    this.#profiles = columns.map(
      (name) => new ColumnProfile(name, { candidates: CANDIDATES, possibleNulls, maxDistinct }),
    );
  }

  /** A row by the names of its columns; `number` from 1. */
  take(row: Readonly<Record<string, string | null>>, number: number): void {
    for (const profile of this.#profiles) {
      const value = row[profile.name] ?? null;
      if (value === null) profile.takeNulls(1);
      else profile.take(value, number);
    }
  }

  /**
   * The spellings of null that are values, each with a column of texts that has it: a job's spellings of null are null in
   * all of its columns. A column that would need one of them to be null is text, too, and so are its own.
   */
  #valuesOfTexts(): ReadonlyMap<string, string> {
    const values = new Map<string, string>();
    const open = this.#profiles.filter(({ nullWords, hasValues }) => hasValues && nullWords.length > 0);
    for (let before = -1; before < values.size; ) {
      before = values.size;
      for (const profile of open) {
        if (profile.hasType() && !profile.nullWords.some((word) => values.has(word))) continue;
        for (const word of profile.nullWords) if (!values.has(word)) values.set(word, profile.name);
      }
    }
    return values;
  }

  /** Call it once, at the end. */
  conclude(): Proposal {
    const values = this.#valuesOfTexts();
    const needed = new Set(
      this.#profiles
        .filter((profile) => profile.hasType() && !profile.nullWords.some((word) => values.has(word)))
        .flatMap(({ nullWords }) => nullWords),
    );
    const columns = this.#profiles.map((profile) => profile.conclude(needed, CANDIDATES, values));
    return {
      schema: schemaOf(columns),
      null_values: [...this.options.nullValues, ...needed],
      columns,
    };
  }
}
