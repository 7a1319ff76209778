import { areForAll, MAX_JSON_BYTES, MAX_NULL_VALUES, type NullValues, nullValuesOf } from '../ingest/index.js';
import { CANDIDATES } from './candidates.js';
import { ColumnProfile } from './column-profile.js';
import type { InferredColumn } from './inference-result.js';
import { NULL_TOKENS } from './null-tokens.js';
import { exampleOf } from './value-summary.js';

/** Different values remembered a column; fewer if there are many columns. */
export const MAX_DISTINCT = 1000;
const MAX_DISTINCT_TOGETHER = 1_000_000;

export interface SchemaInferenceOptions {
  /** The file's columns in its order: at least one, each with a unique name. */
  columns: readonly string[];
  /** Spellings of null that the request names: where they are still values, they are in quotes. */
  nullValues: NullValues;
}

/** What `conclude` proposes. */
export type Proposal = { schema: Record<string, string>; null_values: NullValues; columns: InferredColumn[] };

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
    const { columns, nullValues } = options;
    const maxDistinct = maxDistinctOf(columns.length);
    this.#profiles = columns.map((name) => {
      const told = nullValuesOf(nullValues, name);
      const words = NULL_TOKENS.filter((word) => !told.includes(word));
      const possibleNulls = new Set([...told, ...words.slice(0, Math.max(0, MAX_NULL_VALUES - told.length))]);
      return new ColumnProfile(name, { candidates: CANDIDATES, possibleNulls, maxDistinct });
    });
  }

  /** A row by the names of its columns; `number` from 1. */
  take(row: Readonly<Record<string, string | null>>, number: number): void {
    for (const profile of this.#profiles) {
      const value = row[profile.name] ?? null;
      if (value === null) profile.takeNulls(1);
      else profile.take(value, number);
    }
  }

  /** Call it once, at the end. */
  conclude(): Proposal {
    const doubts = this.#doubtfulPoints();
    const { null_values, tooMany } = this.#proposeNulls(doubts);
    const columns = this.#profiles.map((profile) =>
      profile.conclude(CANDIDATES, tooMany.has(profile) ? TOO_MANY : (doubts.get(profile) ?? null)),
    );
    return { schema: schemaOf(columns), null_values, columns };
  }

  /** Why columns are text whose `1.000` may be a thousand, because another column has `1,50`. */
  #doubtfulPoints(): ReadonlyMap<ColumnProfile, string> {
    const decimal = this.#profiles.find(({ marks }) => marks.decimalComma !== null);
    const comma = decimal?.marks.decimalComma ?? null;
    if (decimal === undefined || comma === null) return new Map();
    const seen = `column '${exampleOf(decimal.name)}' has decimal commas ('${exampleOf(comma.text)}' in row ${comma.row})`;
    return new Map(
      this.#profiles.flatMap((profile) => {
        const point = profile.marks.thousandsPoint;
        if (point === null) return [];
        const text = exampleOf(point.text);
        return [[profile, `'${text}' in row ${point.row} may be ${text.replaceAll('.', '')}: ${seen}`] as const];
      }),
    );
  }

  /** What a job has to be told of the columns that are not `texts` anyway; `tooMany`: the columns that are left out of it, because it would be too long. */
  #proposeNulls(texts: ReadonlyMap<ColumnProfile, string>): {
    null_values: NullValues;
    tooMany: ReadonlySet<ColumnProfile>;
  } {
    const { nullValues } = this.options;
    const needs = new Map(
      this.#profiles.flatMap((profile) => {
        const words = this.#newWords(profile);
        return words.length > 0 && !texts.has(profile) && profile.hasType() ? [[profile, words] as const] : [];
      }),
    );
    if (needs.size === 0) return { null_values: nullValues, tooMany: new Set() };
    const tooMany = new Set<ColumnProfile>();
    for (;;) {
      const null_values = this.#byColumn(needs);
      const excess = Buffer.byteLength(JSON.stringify(null_values)) - MAX_JSON_BYTES;
      if (excess <= 0) return { null_values, tooMany };
      const forAll = this.#forAll(needs);
      if (forAll !== null) return { null_values: forAll, tooMany: new Set() };
      if (needs.size === 0) return { null_values: nullValues, tooMany };
      // The last ones, by about what has to go.
      for (let freed = 0; freed < excess; ) {
        const [profile, words] = [...needs].at(-1) ?? [];
        if (profile === undefined || words === undefined) break;
        freed += Buffer.byteLength(JSON.stringify({ [profile.name]: words }));
        needs.delete(profile);
        tooMany.add(profile);
      }
    }
  }

  #newWords(profile: ColumnProfile): string[] {
    const told = nullValuesOf(this.options.nullValues, profile.name);
    return profile.nullWords.filter((word) => !told.includes(word));
  }

  #byColumn(needs: ReadonlyMap<ColumnProfile, readonly string[]>): NullValues {
    const lists = this.#profiles.flatMap((profile) => {
      const all = [...nullValuesOf(this.options.nullValues, profile.name), ...(needs.get(profile) ?? [])];
      return all.length === 0 ? [] : [[profile.name, all] as const];
    });
    return Object.fromEntries(lists);
  }

  /** The same as one list for all columns, which is shorter; null if a column of texts has one of them as a value. */
  #forAll(needs: ReadonlyMap<ColumnProfile, readonly string[]>): string[] | null {
    const { nullValues } = this.options;
    if (!areForAll(nullValues)) return null;
    const words = new Set([...nullValues, ...[...needs.values()].flat()]);
    const isValue = this.#profiles.some(
      (profile) => !needs.has(profile) && this.#newWords(profile).some((word) => words.has(word)),
    );
    return isValue || words.size > MAX_NULL_VALUES ? null : [...words];
  }
}

const TOO_MANY = `its spellings of null have no room in null_values (${MAX_JSON_BYTES} bytes); name them for all columns`;
