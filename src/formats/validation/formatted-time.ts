import type { ColumnType, TimeFormat } from '../../models/schema/index.js';
import { FIRST_SECOND, LAST_SECOND, testDate } from './date-time.js';
import { rangeTest } from './integer.js';
import type { ValueTest } from './value-test.js';

type FormattedType = Extract<ColumnType, { kind: 'formatted' }>;
type EpochFormat = Exclude<TimeFormat, 'YYYYMMDD'>;

/** Digits of a second's fraction that each unit has. */
export const EPOCH_DIGITS: Readonly<Record<EpochFormat, number>> = { epoch_s: 0, epoch_ms: 3, epoch_us: 6 };

/** The numbers of units of the years 0001 to 9999. */
export function epochRange(format: EpochFormat): [lowest: bigint, highest: bigint] {
  const unit = 10n ** BigInt(EPOCH_DIGITS[format]);
  return [FIRST_SECOND * unit, (LAST_SECOND + 1n) * unit - 1n];
}

/** `[+-]?\d+` in the unit, or a day `YYYYMMDD`. */
export function formattedTest({ as, format }: FormattedType): ValueTest {
  const mismatch = as === 'date' ? 'INVALID_DATE' : 'INVALID_DATETIME';
  if (format === 'YYYYMMDD') {
    return (text) => (/^\d{8}$/.test(text) && testDate(withHyphens(text)) === null ? null : mismatch);
  }
  const test = rangeTest(...epochRange(format));
  return (text) => {
    const code = test(text);
    return code === 'NOT_AN_INTEGER' ? mismatch : code;
  };
}

/** A valid value by ISO 8601: `2026-11-20`, or `2026-11-20T09:15:00.123Z` with the digits that the unit has. */
export function isoOf({ as, format }: FormattedType, text: string): string {
  if (format === 'YYYYMMDD') return as === 'date' ? withHyphens(text) : `${withHyphens(text)}T00:00:00Z`;
  const digits = EPOCH_DIGITS[format];
  const unit = 10n ** BigInt(digits);
  const value = BigInt(text.replace(/^\+/, ''));
  // Before 1970 the fraction counts from the second before.
  const fraction = ((value % unit) + unit) % unit;
  const second = new Date(Number((value - fraction) / unit) * 1000).toISOString().slice(0, -'.000Z'.length);
  return digits === 0 ? `${second}Z` : `${second}.${String(fraction).padStart(digits, '0')}Z`;
}

function withHyphens(text: string): string {
  return `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}`;
}
