import { FIRST_DAY_FORMAT, SCALE } from '../../column-format';
import { isCalendarDay } from './date-time';
import { isInteger } from './integer';
import { digitBits } from './scan';

/** Units since 1970; otherwise a day. */
export function isEpoch(column: i32): bool {
  return load<u8>(column, SCALE) < <u8>FIRST_DAY_FORMAT;
}

/** A number of units of the years 0001 to 9999, or a day `YYYYMMDD` of these. */
export function isFormatted(at: i32, length: i32, column: i32): bool {
  if (isEpoch(column)) return isInteger(at, length, column);
  return length === 8 && (digitBits(v128.load(at)) & 0xff) === 0xff && isCalendarDay(at, at + 4, at + 6);
}
