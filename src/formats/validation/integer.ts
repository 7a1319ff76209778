import type { TypeErrorCode } from '../row-error-codes.js';
import { skipSign, skipZeros } from './scan.js';
import type { ValueTest } from './value-test.js';

const ZERO = 0x30;
const MINUS = 0x2d;
/** Maximum number of digits that always fit a double exactly. */
const EXACT_DIGITS = 15;

/** `[+-]?\d+` within the range of `bits` bits. Zero may have any sign. */
export function integerTest(bits: 8 | 16 | 32 | 64, signed: boolean): ValueTest {
  const highest = signed ? (1n << BigInt(bits - 1)) - 1n : (1n << BigInt(bits)) - 1n;
  return rangeTest(signed ? -highest - 1n : 0n, highest);
}

/** The same from `lowest`, which is at most 0, to `highest`, which is at least 0. */
export function rangeTest(lowest: bigint, highest: bigint): ValueTest {
  const above: Bound = { number: Number(highest), digits: String(highest) };
  const below: Bound = { number: Number(-lowest), digits: String(-lowest) };
  return (text) => testInteger(text, above, below);
}

/** The largest absolute value on one side of zero. */
interface Bound {
  number: number;
  digits: string;
}

function testInteger(text: string, above: Bound, below: Bound): TypeErrorCode | null {
  const length = text.length;
  const from = skipSign(text, 0);
  if (from === length) return 'NOT_AN_INTEGER';
  let value = 0;
  for (let i = from; i < length; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return 'NOT_AN_INTEGER';
    value = value * 10 + digit;
  }
  const bound = text.charCodeAt(0) === MINUS ? below : above;
  if (length - from <= EXACT_DIGITS) return value <= bound.number ? null : 'OUT_OF_RANGE';
  return isAtMost(text.slice(from), bound.digits) ? null : 'OUT_OF_RANGE';
}

/** Compares digits without reading them as a number: they may be a million. */
function isAtMost(digits: string, bound: string): boolean {
  const significant = digits.slice(skipZeros(digits, 0));
  return significant.length === bound.length ? significant <= bound : significant.length < bound.length;
}

/** The one spelling of an integer that has neither plus nor leading zeros; `text` is `[+-]?\d+`. */
export function canonicalInteger(text: string): string {
  const digits = text.slice(skipZeros(text, skipSign(text, 0)));
  if (digits === '') return '0';
  return text.charCodeAt(0) === MINUS ? `-${digits}` : digits;
}
