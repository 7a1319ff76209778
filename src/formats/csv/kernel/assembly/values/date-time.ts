import { DIGITS } from '../../column-format';
import { isAnyInteger } from './integer';
import { bitsOf, digitBits, isDigit, isSign, skipDigits } from './scan';

const HYPHEN: u8 = 0x2d;
const COLON: u8 = 0x3a;

/** `YYYY-MM-DD`, a day of the calendar from 0001 to 9999. */
export function isDate(at: i32, length: i32): bool {
  const text = v128.load(at);
  // Digits everywhere but at 4 and 7.
  return length === 10 && (digitBits(text) & 0x3ff) === 0x36f && (bitsOf(text, HYPHEN) & 0x3ff) === 0x090 && isDay(at);
}

/** A timestamp, or epoch seconds in 64 bits. */
// @inline
export function isDateTime(at: i32, length: i32, column: i32): bool {
  if (length >= 19 && load<u8>(at, 4) === HYPHEN) return isTimestamp(at, length, column);
  return isAnyInteger(at, at + length, i64.MAX_VALUE, <u64>i64.MIN_VALUE);
}

/** `date[T ]hh:mm:ss(\.\d+)?(Z|[+-]hh:?mm)?` with as many fraction digits as the column takes. */
// @inline
export function isTimestamp(at: i32, length: i32, column: i32): bool {
  if (length < 19) return false;
  const text = v128.load(at);
  // `YYYY-MM-DD?hh:mm`: digits but at 4, 7, 10 and 13.
  if (digitBits(text) !== 0xdb6f || bitsOf(text, COLON) !== 0x2000 || (bitsOf(text, HYPHEN) & 0x90) !== 0x90)
    return false;
  const separator = load<u8>(at, 10);
  if (separator !== 0x20 && separator !== 0x54) return false;
  if (load<u8>(at, 16) !== COLON || !isDigit(at + 17) || !isDigit(at + 18)) return false;
  if (twoDigits(at + 11) > 23 || load<u8>(at, 14) > 0x35 || load<u8>(at, 17) > 0x35) return false;
  return isDay(at) && (length === 19 || isTail(at + 19, at + length, load<u16>(column, DIGITS)));
}

/** Of `YYYY-MM-DD` whose digits are digits. */
function isDay(at: i32): bool {
  const month = twoDigits(at + 5);
  const day = twoDigits(at + 8);
  if (month - 1 > 11 || day - 1 > 30 || load<u32>(at) === 0x30303030) return false;
  if (day <= 28) return true;
  if (month !== 2) return day <= 30 || (month !== 4 && month !== 6 && month !== 9 && month !== 11);
  const ofCentury = twoDigits(at + 2);
  return day === 29 && ((ofCentury === 0 ? twoDigits(at) : ofCentury) & 3) === 0;
}

/** What follows the seconds. */
function isTail(at: i32, stop: i32, maxDigits: i32): bool {
  if (load<u8>(at) === 0x2e) {
    const fraction = at + 1;
    at = skipDigits(fraction, stop);
    if (at === fraction || at - fraction > maxDigits) return false;
    if (at === stop) return true;
  }
  if (load<u8>(at) === 0x5a) return at + 1 === stop;
  const hasColon: i32 = load<u8>(at, 3) === COLON ? 1 : 0;
  if (!isSign(at) || stop - at !== 5 + hasColon) return false;
  const minutes = at + 3 + hasColon;
  if (!isDigit(at + 1) || !isDigit(at + 2) || !isDigit(minutes) || !isDigit(minutes + 1)) return false;
  return twoDigits(at + 1) <= 23 && load<u8>(minutes) <= 0x35;
}

function twoDigits(at: i32): u32 {
  return <u32>load<u8>(at, 0) * 10 + <u32>load<u8>(at, 1) - 0x30 * 11;
}
