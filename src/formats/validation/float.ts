import type { TypeErrorCode } from '../row-error-codes.js';
import { skipDigits, skipSign, skipZeros } from './scan.js';
import type { ValueTest } from './value-test.js';

const POINT = 0x2e;
const LOWER_E = 0x65;
const UPPER_E = 0x45;

/** Without an exponent, so few characters cannot overflow either size. */
const SAFE_LENGTH = 38;
/** 2^128 − 2^103: from here on a number rounds to an infinite Float32. */
const FLOAT32_OVERFLOW = 2 ** 128 - 2 ** 103;
const FLOAT32_OVERFLOW_DIGITS = BigInt(FLOAT32_OVERFLOW).toString();

/** `[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?` that does not round to infinity. */
export function floatTest(bits: 32 | 64): ValueTest {
  const overflows = bits === 64 ? overflowsFloat64 : overflowsFloat32;
  return (text) => testFloat(text, overflows);
}

function testFloat(text: string, overflows: (text: string) => boolean): TypeErrorCode | null {
  const length = text.length;
  let i = skipSign(text, 0);
  const wholeFrom = i;
  i = skipDigits(text, i);
  let digits = i - wholeFrom;
  if (text.charCodeAt(i) === POINT) {
    const fractionFrom = i + 1;
    i = skipDigits(text, fractionFrom);
    digits += i - fractionFrom;
  }
  if (digits === 0) return 'NOT_A_NUMBER';
  if (i === length) return length > SAFE_LENGTH && overflows(text) ? 'OUT_OF_RANGE' : null;
  const e = text.charCodeAt(i);
  if (e !== LOWER_E && e !== UPPER_E) return 'NOT_A_NUMBER';
  const exponentFrom = skipSign(text, i + 1);
  if (exponentFrom === length || skipDigits(text, exponentFrom) !== length) return 'NOT_A_NUMBER';
  return overflows(text) ? 'OUT_OF_RANGE' : null;
}

function overflowsFloat64(text: string): boolean {
  return Math.abs(Number(text)) === Number.POSITIVE_INFINITY;
}

/** Decided on the number as written: rounding to a double first could carry it over the edge. */
function overflowsFloat32(text: string): boolean {
  const magnitude = Math.abs(Number(text));
  if (magnitude !== FLOAT32_OVERFLOW) return magnitude > FLOAT32_OVERFLOW;
  const [mantissa = ''] = text.slice(skipSign(text, 0)).split(/[eE]/, 1);
  const digits = mantissa.replace('.', '');
  const significant = digits.slice(skipZeros(digits, 0));
  // The double is the edge itself, so the magnitude is known: only the digits are left to compare.
  return significant.padEnd(FLOAT32_OVERFLOW_DIGITS.length, '0') >= FLOAT32_OVERFLOW_DIGITS;
}
