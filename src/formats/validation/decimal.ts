import type { TypeErrorCode } from '../row-error-codes.js';
import { skipDigits, skipSign, skipZeros } from './scan.js';
import type { ValueTest } from './value-test.js';

const POINT = 0x2e;

/** `[+-]?\d+(\.\d+)?` with at most `scale` fraction and `precision - scale` integer digits, leading zeros aside. */
export function decimalTest(precision: number, scale: number): ValueTest {
  const wholeDigits = precision - scale;
  return (text) => testDecimal(text, wholeDigits, scale);
}

function testDecimal(text: string, wholeDigits: number, scale: number): TypeErrorCode | null {
  const wholeFrom = skipSign(text, 0);
  const wholeTo = skipDigits(text, wholeFrom);
  if (wholeTo === wholeFrom) return 'NOT_A_NUMBER';
  let end = wholeTo;
  if (text.charCodeAt(wholeTo) === POINT) {
    end = skipDigits(text, wholeTo + 1);
    if (end === wholeTo + 1) return 'NOT_A_NUMBER';
  }
  if (end !== text.length) return 'NOT_A_NUMBER';
  const significant = wholeTo - skipZeros(text, wholeFrom);
  const fraction = end === wholeTo ? 0 : end - wholeTo - 1;
  return significant > wholeDigits || fraction > scale ? 'OUT_OF_RANGE' : null;
}
