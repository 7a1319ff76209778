import { type NormalizeOperation } from '../../ingest/index.js';
import { testDate } from './date-time.js';

/** By the model's names of columns: the operations on their texts, in this order. */
export type Normalizations = Readonly<Record<string, readonly NormalizeOperation[]>>;
export type Normalizer = (text: string) => string;

const OPERATIONS: Readonly<Record<NormalizeOperation, Normalizer>> = {
  trim: (text) => text.trim(),
  // By Unicode alone, whatever the locale.
  lowercase: (text) => text.toLowerCase(),
  uppercase: (text) => text.toUpperCase(),
  iso_date: isoDate,
};

const YEAR_FIRST = /^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})$/;
const DIGITS_ALONE = /^(\d{4})(\d{2})(\d{2})$/;
const DAY_FIRST = /^(\d{1,2})\.(\d{1,2})\.(\d{4})$/;

export function normalizers(normalizations: Normalizations = {}): ReadonlyMap<string, Normalizer> {
  return new Map(
    Object.entries(normalizations)
      .filter(([, operations]) => operations.length > 0)
      .map(([column, operations]) => [
        column,
        (text: string): string => operations.reduce((value, operation) => OPERATIONS[operation](value), text),
      ]),
  );
}

/** Dates that can be read in one way only, as YYYY-MM-DD; everything else, and days that do not exist, as they stand. */
function isoDate(text: string): string {
  const date = yearFirst(text) ?? dayFirst(text);
  return date !== undefined && testDate(date) === null ? date : text;
}

function yearFirst(text: string): string | undefined {
  const [, year, , month, day] = YEAR_FIRST.exec(text) ?? [];
  if (year !== undefined) return dateOf(year, month, day);
  const [, digits, ofYear, ofMonth] = DIGITS_ALONE.exec(text) ?? [];
  return digits === undefined ? undefined : dateOf(digits, ofYear, ofMonth);
}

/** Points put the day first; with slashes, either may be. */
function dayFirst(text: string): string | undefined {
  const [, day, month, year] = DAY_FIRST.exec(text) ?? [];
  return year === undefined ? undefined : dateOf(year, month, day);
}

function dateOf(year: string, month = '', day = ''): string {
  return `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
}
