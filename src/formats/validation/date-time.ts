import type { TypeErrorCode } from '../row-error-codes.js';
import { canonicalInteger, rangeTest } from './integer.js';
import type { ValueTest } from './value-test.js';

const ZERO = 0x30;
const HYPHEN = 0x2d;
const COLON = 0x3a;
const DATE_LENGTH = 'YYYY-MM-DD'.length;
const SECOND_END = 'YYYY-MM-DD hh:mm:ss'.length;
const DAYS_OF_MONTH = [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** `YYYY-MM-DD`, years 0001 to 9999, a day of the proleptic Gregorian calendar. */
export function testDate(text: string): TypeErrorCode | null {
  return text.length === DATE_LENGTH && beginsWithDate(text) ? null : 'INVALID_DATE';
}

/** 0001-01-01T00:00:00 and 9999-12-31T23:59:59: the years that a date may have. */
export const FIRST_SECOND = -62_135_596_800n;
export const LAST_SECOND = 253_402_300_799n;
const testEpochSeconds = rangeTest(FIRST_SECOND, LAST_SECOND);
/** Units of numbers of 12 to 14 digits, of 15 to 17, and of 18 to 20: times since the seventies. */
const FINER_UNITS = ['milliseconds', 'microseconds', 'nanoseconds'];
const FINER_DIGITS = 12;

/** `date[T ]hh:mm:ss(\.\d{1,9})?(Z|[+-]hh:?mm)?`, or epoch seconds of the same years. */
export function testDateTime(text: string): TypeErrorCode | null {
  if (text.charCodeAt(4) === HYPHEN) return isTimestamp(text, 9) ? null : 'INVALID_DATETIME';
  const code = testEpochSeconds(text);
  return code === 'NOT_AN_INTEGER' ? 'INVALID_DATETIME' : code;
}

/** What a number `[+-]?\d+` that is too large for epoch seconds probably counts; null if nothing speaks for it. */
export function finerUnit(text: string): string | null {
  const digits = canonicalInteger(text).replace('-', '').length;
  return FINER_UNITS[Math.floor((digits - FINER_DIGITS) / 3)] ?? null;
}

/** The same with at most `digits` fraction digits and without epoch seconds. */
export function dateTime64Test(digits: number): ValueTest {
  return (text) => (isTimestamp(text, digits) ? null : 'INVALID_DATETIME');
}

function beginsWithDate(text: string): boolean {
  if (text.charCodeAt(4) !== HYPHEN || text.charCodeAt(7) !== HYPHEN) return false;
  const century = twoDigits(text, 0);
  const ofCentury = twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  if (century < 0 || ofCentury < 0 || century + ofCentury === 0) return false;
  if (month < 1 || month > 12 || day < 1 || day > (DAYS_OF_MONTH[month] as number)) return false;
  if (month === 2 && day === 29) return ofCentury % 4 === 0 && (ofCentury !== 0 || century % 4 === 0);
  return true;
}

function isTimestamp(text: string, maxFractionDigits: number): boolean {
  if (text.length < SECOND_END || !beginsWithDate(text)) return false;
  const separator = text.charCodeAt(DATE_LENGTH);
  if (separator !== 0x54 && separator !== 0x20) return false;
  if (!isBelow(twoDigits(text, 11), 24) || text.charCodeAt(13) !== COLON) return false;
  if (!isBelow(twoDigits(text, 14), 60) || text.charCodeAt(16) !== COLON) return false;
  if (!isBelow(twoDigits(text, 17), 60)) return false;
  if (text.length === SECOND_END) return true;
  const zoneFrom = skipFraction(text, maxFractionDigits);
  return zoneFrom === text.length || (zoneFrom > 0 && isZone(text, zoneFrom));
}

/** The index behind the fraction, if there is one; -1 if it is not valid. */
function skipFraction(text: string, maxDigits: number): number {
  if (text.charCodeAt(SECOND_END) !== 0x2e) return SECOND_END;
  let i = SECOND_END + 1;
  while (isBelow(text.charCodeAt(i) - ZERO, 10)) i += 1;
  const digits = i - SECOND_END - 1;
  return digits >= 1 && digits <= maxDigits ? i : -1;
}

/** `Z`, `+hh:mm` or `+hhmm`. */
function isZone(text: string, from: number): boolean {
  const sign = text.charCodeAt(from);
  if (sign === 0x5a) return text.length === from + 1;
  if ((sign !== 0x2b && sign !== HYPHEN) || !isBelow(twoDigits(text, from + 1), 24)) return false;
  const minutesFrom = text.charCodeAt(from + 3) === COLON ? from + 4 : from + 3;
  return text.length === minutesFrom + 2 && isBelow(twoDigits(text, minutesFrom), 60);
}

/** The value of two digits; -1 if there are not two. */
function twoDigits(text: string, from: number): number {
  const tens = text.charCodeAt(from) - ZERO;
  const ones = text.charCodeAt(from + 1) - ZERO;
  return isBelow(tens, 10) && isBelow(ones, 10) ? tens * 10 + ones : -1;
}

/** NaN, which charCodeAt gives behind the end, is below nothing. */
function isBelow(value: number, limit: number): boolean {
  return value >= 0 && value < limit;
}
