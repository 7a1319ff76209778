import { DIGITS } from '../../column-format';
import { allBits, digitBits, isPoint, isSign, isWithin, POINT, skipDigits } from './scan';

/** Reading on beyond this could overflow, and decides nothing. */
const MAX_EXPONENT = 9_999;

/**
 * `[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?`, as far as it is certain not to overflow: `false` for very large numbers
 * leaves the decision to the caller.
 */
// @inline
export function isFloat(at: i32, length: i32, column: i32): bool {
  if (isWithin(length, 16)) {
    const all = allBits(length);
    const others = ~digitBits(v128.load(at)) & all;
    if (others === all) return false;
    if (isPoint(others, at) || ((others & 1) !== 0 && isSign(at) && isPoint(others ^ 1, at))) return true;
  }
  return isAnyFloat(at, at + length, load<u16>(column, DIGITS));
}

/** The same, however large. */
export function isFloatNumber(at: i32, stop: i32): bool {
  return isAnyFloat(at, stop, i32.MAX_VALUE);
}

function isAnyFloat(at: i32, stop: i32, safeDigits: i32): bool {
  if (at < stop && isSign(at)) at++;
  const whole = at;
  at = skipDigits(at, stop);
  const wholeDigits = at - whole;
  let digits = wholeDigits;
  if (at < stop && load<u8>(at) === POINT) {
    const fraction = at + 1;
    at = skipDigits(fraction, stop);
    digits += at - fraction;
  }
  if (digits === 0) return false;
  if (at === stop) return wholeDigits <= safeDigits;
  if ((load<u8>(at) | 0x20) !== 0x65) return false;
  at++;
  const negative = at < stop && load<u8>(at) === 0x2d;
  if (at < stop && isSign(at)) at++;
  if (at === stop || skipDigits(at, stop) !== stop) return false;
  let exponent = 0;
  for (; at < stop && exponent <= MAX_EXPONENT; at++) exponent = exponent * 10 + <i32>load<u8>(at) - 0x30;
  return wholeDigits + (negative ? 0 : exponent) <= safeDigits;
}
