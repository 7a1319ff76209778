import { DIGITS, HIGHEST, LOWEST } from '../../column-format';
import { allBits, digitBits, isDigit, isSign, isWithin, skipDigits, skipZeros } from './scan';

const MINUS: u8 = 0x2d;

/** `[+-]?\d+` within the column's range. */
// @inline
export function isInteger(at: i32, length: i32, column: i32): bool {
  const safeDigits = load<u16>(column, DIGITS);
  if (isWithin(length, safeDigits) && areDigits(at, length)) return true;
  const lowest = load<u64>(column, LOWEST);
  if (isWithin(length - 1, safeDigits) && isSign(at) && areDigits(at + 1, length - 1)) {
    if (lowest !== 0 || load<u8>(at) !== MINUS) return true;
  }
  return isAnyInteger(at, at + length, load<u64>(column, HIGHEST), lowest);
}

/** Whether 1 to 32 bytes are all digits. */
function areDigits(at: i32, length: i32): bool {
  if (length > 16) return (digitBits(v128.load(at)) & digitBits(v128.load(at + length - 16))) === 0xffff;
  const all = allBits(length);
  return (digitBits(v128.load(at)) & all) === all;
}

/** `[+-]?\d+`, however large. */
export function isIntegerNumber(at: i32, stop: i32): bool {
  if (at < stop && isSign(at)) at++;
  return at < stop && skipDigits(at, stop) === stop;
}

/** Integers with a sign, leading zeros, or enough digits that their value decides. */
export function isAnyInteger(at: i32, stop: i32, highest: u64, lowest: u64): bool {
  let bound = highest;
  if (at < stop && isSign(at)) {
    if (load<u8>(at) === MINUS) bound = lowest;
    at++;
  }
  if (at === stop) return false;
  at = skipZeros(at, stop);
  // 19 digits always fit 64 bits.
  const safeStop = min(stop, at + 19);
  let value: u64 = 0;
  for (; at < safeStop; at++) {
    if (!isDigit(at)) return false;
    value = value * 10 + load<u8>(at) - 0x30;
  }
  if (at === stop) return value <= bound;
  if (at + 1 < stop || !isDigit(at)) return false;
  const digit = <u64>load<u8>(at) - 0x30;
  return bound >= digit && value <= (bound - digit) / 10;
}
