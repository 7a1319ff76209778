/** Numbers of RowBinary, little-endian, from the digits of JSON. Those of up to 15 digits need no BigInt. */

const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const TWO_32 = 2 ** 32;
/** Digits that a double always holds exactly. */
const EXACT_DIGITS = 15;
/** Powers of ten that a double holds exactly. */
const POWERS = Array.from({ length: EXACT_DIGITS + 1 }, (_, exponent) => 10 ** exponent);

/** `-1.5` times 10^`scale`; NaN if that has more than 15 digits, or if it is spelled otherwise than `-?\d+(\.\d+)?`. */
export function shortScaled(bytes: Uint8Array, start: number, end: number, scale: number): number {
  const isNegative = bytes[start] === MINUS;
  let value = 0;
  let digits = 0;
  let point = -1;
  for (let at = isNegative ? start + 1 : start; at < end; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digits++;
    } else if (bytes[at] === POINT && point < 0) point = digits;
    else return Number.NaN;
  }
  const missing = scale - (point < 0 ? 0 : digits - point);
  if (digits === 0 || missing < 0 || digits + missing > EXACT_DIGITS) return Number.NaN;
  value *= POWERS[missing] as number;
  return isNegative ? -value : value;
}

/** The same of any length, without a fraction beyond `scale` digits. */
export function longScaled(text: string, scale: number): bigint {
  const point = text.indexOf('.');
  const whole = point < 0 ? text : text.slice(0, point);
  const fraction = point < 0 ? '' : text.slice(point + 1);
  return BigInt(whole + fraction.padEnd(scale, '0'));
}

/** A number without an exponent and with up to 15 digits as the nearest double; NaN if it is another one. */
export function shortFloat(bytes: Uint8Array, start: number, end: number): number {
  let fraction = 0;
  for (let at = end - 1; at > start; at--) {
    if (bytes[at] === POINT) {
      fraction = end - 1 - at;
      break;
    }
  }
  if (fraction > EXACT_DIGITS) return Number.NaN;
  // Both are exact, so the quotient is the double that is nearest.
  return shortScaled(bytes, start, end, fraction) / (POWERS[fraction] as number);
}

/** Writes an integer of at most 53 bits to `width` bytes; gives the offset behind it. */
export function writeInteger(to: Uint8Array, start: number, value: number, width: number): number {
  let at = start;
  if (width < 4) {
    to[at++] = value;
    if (width === 2) to[at++] = value >> 8;
    return at;
  }
  const high = Math.floor(value / TWO_32);
  at = writeWord(to, at, value - high * TWO_32);
  if (width === 4) return at;
  at = writeWord(to, at, high);
  return width === 8 ? at : fillTo(to, at, start + width, high < 0);
}

/** Writes any integer. */
export function writeBigInteger(to: Buffer, start: number, value: bigint, width: number): number {
  if (width < 8) return writeInteger(to, start, Number(value), width);
  let rest = value;
  let at = start;
  for (; at < start + width; rest >>= 64n) at = to.writeBigUInt64LE(BigInt.asUintN(64, rest), at);
  return at;
}

/**
 * Writes `whole` × `factor` + `part` to eight bytes: `whole` of at most 37 bits, `factor` up to 10^9, and 0 ≤ `part` <
 * `factor`. The product may have more bits than a double.
 */
export function writeProduct(to: Uint8Array, at: number, whole: number, factor: number, part: number): number {
  const upper = Math.floor(whole / 65_536);
  const high = upper * factor;
  const low = (whole - upper * 65_536) * factor + part;
  // high × 2^16 + low, cut into words: each step is exact.
  const highWord = Math.floor(high / 65_536);
  const rest = (high - highWord * 65_536) * 65_536 + low;
  const carry = Math.floor(rest / TWO_32);
  return writeWord(to, writeWord(to, at, rest - carry * TWO_32), highWord + carry);
}

function writeWord(to: Uint8Array, at: number, word: number): number {
  to[at] = word;
  to[at + 1] = word >>> 8;
  to[at + 2] = word >>> 16;
  to[at + 3] = word >>> 24;
  return at + 4;
}

function fillTo(to: Uint8Array, start: number, end: number, isNegative: boolean): number {
  to.fill(isNegative ? 0xff : 0, start, end);
  return end;
}
