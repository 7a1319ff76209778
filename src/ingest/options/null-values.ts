import type { CompiledSchema } from '../../models/schema/index.js';
import { checkColumnName } from './column-name.js';
import { invalidOption } from './invalid-option.js';
import { parseObject } from './json-object.js';

/** Spellings of null beside the empty field: of all columns, or by the model's names of columns of these only. */
export type NullValues = readonly string[] | Readonly<Record<string, readonly string[]>>;

/** Where a spelling of null in quotes is one: in columns that are not text, or in all. */
export const QUOTED_NULLS = ['typed', 'all'] as const;
export type QuotedNulls = (typeof QUOTED_NULLS)[number];

/** Spellings of null that a column may have, and the code points of each: they fit the kernel's table and a form field. */
export const MAX_NULL_VALUES = 30;
export const MAX_NULL_VALUE_LENGTH = 64;

/**
 * `NULL,N/A`, or `{"visits":["NA"]}`, which its first character tells. Spellings are taken as they stand, spaces
 * included; repeated ones count once. Throws INVALID_OPTION.
 */
export function parseNullValues(text: string, name: string): NullValues {
  if (!text.trimStart().startsWith('{')) return checkedSpellings(text.split(','), name);
  const entries = Object.entries(parseObject(name, text)).map(([column, spellings]) => {
    checkColumnName(name, column);
    if (!Array.isArray(spellings) || spellings.some((each) => typeof each !== 'string')) {
      throw invalidOption(name, 'every member must be a list of spellings of null, as texts');
    }
    return [column, checkedSpellings(spellings as string[], name)] as const;
  });
  return Object.fromEntries(entries);
}

function checkedSpellings(given: readonly string[], name: string): string[] {
  const values = [...new Set(given)];
  // An empty field is null anyway if it can be.
  if (values.includes('')) throw invalidOption(name, 'expected spellings of null with commas between them');
  if (values.length > MAX_NULL_VALUES) throw invalidOption(name, `more than ${MAX_NULL_VALUES} spellings`);
  if (values.some((value) => Array.from(value).length > MAX_NULL_VALUE_LENGTH)) {
    throw invalidOption(name, `a spelling is longer than ${MAX_NULL_VALUE_LENGTH} characters`);
  }
  return values;
}

/** They are the same for all columns. */
export function areForAll(values: NullValues): values is readonly string[] {
  return Array.isArray(values);
}

/** The spellings of null of one column. */
export function nullValuesOf(values: NullValues, column: string): readonly string[] {
  if (areForAll(values)) return values;
  return Object.hasOwn(values, column) ? (values[column] ?? []) : [];
}

/** A column has one. */
export function hasNullValues(values: NullValues): boolean {
  return areForAll(values) ? values.length > 0 : Object.values(values).some(({ length }) => length > 0);
}

/** Throws INVALID_OPTION if a column that it names may not occur in a row. */
export function refuseUnusableNullValues(values: NullValues, { columns, additionalColumns }: CompiledSchema): void {
  if (areForAll(values) || additionalColumns) return;
  const known = new Set(columns.map(({ name }) => name));
  const unknown = Object.keys(values).find((name) => !known.has(name));
  if (unknown === undefined) return;
  throw invalidOption(
    'null_values',
    `the model has no column ${JSON.stringify(unknown)} and allows no additional columns`,
  );
}
