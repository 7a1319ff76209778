import { type NullValues, nullValuesOf, type QuotedNulls } from '../../ingest/index.js';
import type { RowFields } from './row-check.js';

/** The spellings of null of one column, beside the empty field. */
export interface NullSpellings {
  readonly spellings: ReadonlySet<string>;
  /** In quotes they count, too. */
  readonly countQuoted: boolean;
}

/** null: the column has none. */
export function nullSpellings(
  {
    nullValues = [],
    quotedNulls = 'typed',
  }: { nullValues?: NullValues | undefined; quotedNulls?: QuotedNulls | undefined },
  column: string,
  isText: boolean,
): NullSpellings | null {
  const spellings = nullValuesOf(nullValues, column);
  return spellings.length === 0
    ? null
    : { spellings: new Set(spellings), countQuoted: quotedNulls === 'all' || !isText };
}

/** Whether a field that is not empty is null; `value`: its text, normalized. */
export function isSpelledNull(nulls: NullSpellings | null, value: string, row: RowFields, index: number): boolean {
  return nulls?.spellings.has(value) === true && (nulls.countQuoted || !row.isQuoted(index));
}
