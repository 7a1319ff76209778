import { copy, writeByte } from './text';
import { allBits, bitsOf, digitBits, isDigit, isSign, isWithin, POINT, skipZeros } from './validators/scan';

const MINUS: u8 = 0x2d;
const ZERO: u8 = 0x30;

/** Writes a valid integer as JSON has it: no plus, no leading zeros, no negative zero. */
// @inline
export function writeInteger(to: i32, at: i32, end: i32): i32 {
  // Digits that begin with 1 to 9.
  return <u32>load<u8>(at) - 0x31 < 9 ? copy(to, at, end - at) : writeOddInteger(to, at, end);
}

function writeOddInteger(to: i32, at: i32, end: i32): i32 {
  const isNegative = load<u8>(at) === MINUS;
  if (isSign(at)) at++;
  at = skipZeros(at, end);
  if (at === end) return writeByte(to, ZERO);
  store<u8>(to, MINUS);
  return copy(isNegative ? to + 1 : to, at, end - at);
}

/**
 * Writes a valid decimal number as JSON has it, its digits as they stand: no plus, no leading zeros, a digit on both
 * sides of the point.
 */
// @inline
export function writeNumberLiteral(to: i32, at: i32, end: i32): i32 {
  const length = end - at;
  if (isWithin(length, 16)) {
    const text = v128.load(at);
    const all = allBits(length);
    const digits = digitBits(text) & all;
    const points = bitsOf(text, POINT) & all;
    const first = load<u8>(at) === MINUS ? 1 : 0;
    // A digit behind the point, if there is one; and at the front one that is not a zero, or stands alone.
    const isLegal = ((points << 1) & ~digits) === 0 && ((digits >> first) & 1) !== 0;
    if (isLegal && (load<u8>(at + first) !== ZERO || ((digits >> first) & 2) === 0)) {
      v128.store(to, text);
      return to + length;
    }
  }
  return writeOddNumber(to, at, end);
}

function writeOddNumber(to: i32, at: i32, end: i32): i32 {
  if (load<u8>(at) === MINUS) to = writeByte(to, MINUS);
  if (isSign(at)) at++;
  at = skipZeros(at, end);
  if (at === end || !isDigit(at)) to = writeByte(to, ZERO);
  const point = findPoint(at, end);
  to = copy(to, at, point - at);
  if (point === end) return to;
  to = writeByte(to, POINT);
  if (point + 1 === end || !isDigit(point + 1)) to = writeByte(to, ZERO);
  return copy(to, point + 1, end - point - 1);
}

function findPoint(at: i32, end: i32): i32 {
  while (at < end && load<u8>(at) !== POINT) at++;
  return at;
}
