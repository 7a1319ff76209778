import { DIGITS, SCALE } from '../../column-format';
import { isSign, skipDigits, skipZeros } from './scan';

/** `[+-]?\d+(\.\d+)?` with no more digits than the column has before and after the point, leading zeros aside. */
export function isDecimal(at: i32, length: i32, column: i32): bool {
  const stop = at + length;
  if (at < stop && isSign(at)) at++;
  const whole = at;
  at = skipDigits(at, stop);
  if (at === whole || at - skipZeros(whole, at) > <i32>load<u16>(column, DIGITS)) return false;
  if (at === stop) return true;
  if (load<u8>(at) !== 0x2e) return false;
  const fraction = at + 1;
  at = skipDigits(fraction, stop);
  return at === stop && at !== fraction && at - fraction <= <i32>load<u8>(column, SCALE);
}
