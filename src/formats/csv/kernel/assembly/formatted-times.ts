import { FORMAT_DATE, SCALE } from '../column-format';
import { writeByte } from './text';
import { isEpoch } from './validators/formatted-time';
import { isSign, skipZeros } from './validators/scan';

const MINUS: u8 = 0x2d;
const HYPHEN: u8 = 0x2d;
const COLON: u8 = 0x3a;
const POINT: u8 = 0x2e;
const ZERO: u8 = 0x30;
const TEE: u8 = 0x54;
const ZULU: u8 = 0x5a;
const DAY_SECONDS: i64 = 86_400;
/** Days from 0000-03-01 to 1970-01-01. */
const EPOCH_DAY = 719_468;

/** The time that was read last: whole seconds since 1970, and what is left in the column's unit. */
export let seconds: i64 = 0;
export let fraction: i64 = 0;

/** Reads a valid number of the column's units since 1970. */
export function readEpoch(column: i32, at: i32, end: i32): void {
  const isNegative = load<u8>(at) === MINUS;
  if (isSign(at)) at++;
  at = skipZeros(at, end);
  let value: i64 = 0;
  for (; at < end; at++) value = value * 10 + <i64>load<u8>(at) - 0x30;
  if (isNegative) value = -value;
  let unit: i64 = 1;
  for (let i = load<u8>(column, SCALE); i > 0; i--) unit *= 10;
  seconds = floorOf(value, unit);
  fraction = value - seconds * unit;
}

/** Days since 1970 of a day `YYYYMMDD` of the proleptic Gregorian calendar; years are counted from March. */
export function compactDay(at: i32): i32 {
  const month = twoDigits(at + 4);
  const year = twoDigits(at) * 100 + twoDigits(at + 2) - (month <= 2 ? 1 : 0);
  const ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + twoDigits(at + 6) - 1;
  // Years are never negative here.
  return year * 365 + year / 4 - year / 100 + year / 400 + ofYear - EPOCH_DAY;
}

/** Writes a valid value of a formatted column as ISO 8601 has it, without quotes. */
export function writeIso(to: i32, column: i32, at: i32, end: i32): i32 {
  if (isEpoch(column)) {
    readEpoch(column, at, end);
    const day = floorOf(seconds, DAY_SECONDS);
    to = writeClock(writeByte(writeDay(to, <i32>day), TEE), <i32>(seconds - day * DAY_SECONDS));
    const digits = <i32>load<u8>(column, SCALE);
    if (digits > 0) to = writeFraction(writeByte(to, POINT), digits);
    return writeByte(to, ZULU);
  }
  // The digits as they stand.
  store<u32>(to, load<u32>(at));
  store<u8>(to, HYPHEN, 4);
  store<u16>(to, load<u16>(at, 4), 5);
  store<u8>(to, HYPHEN, 7);
  store<u16>(to, load<u16>(at, 6), 8);
  to += 10;
  return load<u8>(column, SCALE) === <u8>FORMAT_DATE ? to : writeByte(writeClock(writeByte(to, TEE), 0), ZULU);
}

/** `YYYY-MM-DD` of a number of days since 1970, of the years 0001 to 9999. */
function writeDay(to: i32, days: i32): i32 {
  const since = days + EPOCH_DAY;
  const era = since / 146_097;
  const ofEra = since - era * 146_097;
  const yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365;
  const ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  // Months are counted from March.
  const month = (5 * ofYear + 2) / 153;
  const year = era * 400 + yearOfEra + (month < 10 ? 0 : 1);
  to = writeTwo(writeTwo(to, year / 100), year % 100);
  to = writeTwo(writeByte(to, HYPHEN), month < 10 ? month + 3 : month - 9);
  return writeTwo(writeByte(to, HYPHEN), ofYear - (153 * month + 2) / 5 + 1);
}

/** `hh:mm:ss` */
function writeClock(to: i32, ofDay: i32): i32 {
  to = writeByte(writeTwo(to, ofDay / 3600), COLON);
  to = writeByte(writeTwo(to, (ofDay / 60) % 60), COLON);
  return writeTwo(to, ofDay % 60);
}

function writeFraction(to: i32, digits: i32): i32 {
  let rest = fraction;
  for (let i = digits - 1; i >= 0; i--) {
    store<u8>(to + i, ZERO + <u8>(rest % 10));
    rest /= 10;
  }
  return to + digits;
}

function writeTwo(to: i32, value: i32): i32 {
  store<u8>(to, ZERO + <u8>(value / 10), 0);
  store<u8>(to, ZERO + <u8>(value % 10), 1);
  return to + 2;
}

function floorOf(value: i64, by: i64): i64 {
  const quotient = value / by;
  return value % by < 0 ? quotient - 1 : quotient;
}

function twoDigits(at: i32): i32 {
  return <i32>load<u8>(at, 0) * 10 + <i32>load<u8>(at, 1) - 0x30 * 11;
}
