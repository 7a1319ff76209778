import { DIGITS, SCALE } from '../../column-format';
import { isSign, skipDigits, skipZeros } from './scan';

/** `[+-]?\d+(\.\d+)?` with no more digits than the column has before and after the point, leading zeros aside. */
export function isDecimal(at: i32, length: i32, column: i32): bool {
  return isAnyDecimal(at, at + length, load<u16>(column, DIGITS), load<u8>(column, SCALE));
}

/** The same with any number of digits. */
export function isDecimalNumber(at: i32, stop: i32): bool {
  return isAnyDecimal(at, stop, i32.MAX_VALUE, i32.MAX_VALUE);
}

function isAnyDecimal(at: i32, stop: i32, wholeDigits: i32, scale: i32): bool {
  if (at < stop && isSign(at)) at++;
  const whole = at;
  at = skipDigits(at, stop);
  if (at === whole || at - skipZeros(whole, at) > wholeDigits) return false;
  if (at === stop) return true;
  if (load<u8>(at) !== 0x2e) return false;
  const fraction = at + 1;
  at = skipDigits(fraction, stop);
  return at === stop && at !== fraction && at - fraction <= scale;
}
