import { DIGITS } from '../../column-format';
import { isAnyInteger } from './integer';
import { bitsOf, digitBits, isDigit, isSign, skipDigits } from './scan';

const HYPHEN: u8 = 0x2d;
const COLON: u8 = 0x3a;
/** 9999-12-31T23:59:59, and 0001-01-01T00:00:00 by its distance, in epoch seconds. */
const LAST_SECOND: u64 = 253_402_300_799;
const BEFORE_EPOCH: u64 = 62_135_596_800;

/** `YYYY-MM-DD`, a day of the calendar from 0001 to 9999. */
export function isDate(at: i32, length: i32): bool {
  const text = v128.load(at);
  // Digits everywhere but at 4 and 7.
  return length === 10 && (digitBits(text) & 0x3ff) === 0x36f && (bitsOf(text, HYPHEN) & 0x3ff) === 0x090 && isDay(at);
}

/** A timestamp, or epoch seconds of the same years. */
// @inline
export function isDateTime(at: i32, length: i32, column: i32): bool {
  if (length >= 19 && load<u8>(at, 4) === HYPHEN) return isTimestamp(at, length, column);
  return isAnyInteger(at, at + length, LAST_SECOND, BEFORE_EPOCH);
}

/** `date[T ]hh:mm:ss(\.\d+)?(Z|[+-]hh:?mm)?` with as many fraction digits as the column takes. */
// @inline
export function isTimestamp(at: i32, length: i32, column: i32): bool {
  if (length < 19) return false;
  const bits = clockBits(v128.load(at, 3));
  if (bits !== 0xffff && (bits !== 0xff7f || load<u8>(at, 10) !== 0x54)) return false;
  if (!areFourDigits(load<u32>(at)) || twoDigits(at + 11) > 23) return false;
  return isDay(at) && (length === 19 || isTail(at + 19, at + length, load<u16>(column, DIGITS)));
}

/**
 * Which of the 16 bytes are as in `0-00-00 00:00:00`, where tens have their limits: `9-19-39 29:59:59`. Each byte less
 * its lowest value becomes a low signed number, which is compared with its own limit.
 */
function clockBits(text: v128): i32 {
  // 0x80 less each byte's lowest value; -128 and the number of values that it may have.
  const least = i8x16(80, 83, 80, 80, 83, 80, 80, 96, 80, 80, 70, 80, 80, 70, 80, 80);
  const limits = i8x16(-118, -127, -126, -118, -127, -124, -118, -127, -125, -118, -127, -122, -118, -127, -122, -118);
  return i8x16.bitmask(i8x16.lt_s(i8x16.add(text, least), limits));
}

function areFourDigits(text: u32): bool {
  return ((text & 0xf0f0f0f0) | (((text + 0x06060606) & 0xf0f0f0f0) >> 4)) === 0x33333333;
}

/** Of `YYYY-MM-DD` whose digits are digits. */
// @inline
function isDay(at: i32): bool {
  return isCalendarDay(at, at + 5, at + 8);
}

/** Whether four digits of a year, and two each of a month and a day, are a day of the calendar. */
export function isCalendarDay(at: i32, monthAt: i32, dayAt: i32): bool {
  const month = twoDigits(monthAt);
  const day = twoDigits(dayAt);
  if (month - 1 > 11 || day - 1 > 30 || load<u32>(at) === 0x30303030) return false;
  if (day <= 28) return true;
  if (month !== 2) return day <= 30 || (month !== 4 && month !== 6 && month !== 9 && month !== 11);
  const ofCentury = twoDigits(at + 2);
  return day === 29 && ((ofCentury === 0 ? twoDigits(at) : ofCentury) & 3) === 0;
}

/** What follows the seconds. */
function isTail(at: i32, stop: i32, maxDigits: i32): bool {
  if (load<u8>(at) === 0x2e) {
    const fraction = at + 1;
    at = skipDigits(fraction, stop);
    if (at === fraction || at - fraction > maxDigits) return false;
    if (at === stop) return true;
  }
  if (load<u8>(at) === 0x5a) return at + 1 === stop;
  const hasColon: i32 = load<u8>(at, 3) === COLON ? 1 : 0;
  if (!isSign(at) || stop - at !== 5 + hasColon) return false;
  const minutes = at + 3 + hasColon;
  if (!isDigit(at + 1) || !isDigit(at + 2) || !isDigit(minutes) || !isDigit(minutes + 1)) return false;
  return twoDigits(at + 1) <= 23 && load<u8>(minutes) <= 0x35;
}

function twoDigits(at: i32): u32 {
  return <u32>load<u8>(at, 0) * 10 + <u32>load<u8>(at, 1) - 0x30 * 11;
}
