import {
  ANY,
  BINARY_BOOL,
  BINARY_DATE,
  BINARY_DECIMAL,
  BINARY_FLOAT,
  BINARY_INT,
  BINARY_KIND,
  BINARY_NULLABLE,
  BINARY_SCALE,
  BINARY_TEXT,
  BINARY_TIMESTAMP,
  BINARY_WIDTH,
  FIRST_DAY_FORMAT,
  FLAGS,
  FORMATTED,
  NULLABLE,
  SCALE,
  STRING,
  TYPE,
} from '../column-format';
import {
  BINARY_END,
  COLUMN_COUNT,
  DATA_FULL,
  DONE,
  LEFT_OVER,
  NULL_COUNT,
  PREFIX_BYTES,
  QUOTE,
  STOPPED,
  TRIMS,
} from '../control-slots';
import { COLUMN_BYTES, COLUMNS, KEYS, PLACES, ROW_BYTES, ROWS } from '../memory-layout';
import { dropBlanks, skipBlanks } from './blanks';
import { get, set } from './control';
import { areFieldsOdd, hasEscapeInside, hasOwnEscape, isEmptyQuotes, isSpelledNull } from './fields';
import { compactDay, fraction, readEpoch, seconds } from './formatted-times';
import { dropQuotes, isEscapedNull } from './json';
import { copy, writeByte } from './text';
import { isDigit, isSign, skipZeros } from './validators/scan';

/**
 * Rows as ClickHouse's RowBinary has them: what stands before every row, its number, its offset, then one value for each
 * column of the file. What takes more than a few steps to be exact is left to JavaScript, the whole row.
 */

/** A row's number and offset, and what one value takes at most beside its text. */
const PLACE_BYTES = 16;
const MAX_VALUE_BYTES = 40;
/** No value was written: JavaScript writes the row. */
const LEFT = 0;

const MINUS: u8 = 0x2d;
const POINT: u8 = 0x2e;
const HYPHEN: u8 = 0x2d;
const ZULU: u8 = 0x5a;
const COLON: u8 = 0x3a;
/** Digits that never overflow 64 bits with a sign. */
const SAFE_DIGITS = 18;
/** Integers up to it, and powers of ten up to this one, are exact in a double. */
const EXACT_INTEGER: u64 = 1 << 53;
const EXACT_POWER = 22;
const DAY_SECONDS: i64 = 86_400;
/** 1900-01-01 and 2299-12-31, in days since 1970: what Date32 and DateTime64 hold. */
const FIRST_DAY = -25_567;
const LAST_DAY = 120_529;
/** Nine digits of a second hold less. */
const LAST_NANOSECOND_DAY = 106_750;

/**
 * Writes the rows `from` up to, not including, `to` of the table to [at, end). Stops at a row that does not fit, or that is
 * not the kernel's to write, and returns it; BINARY_END is the address behind the rows, STOPPED says why. The numbers and
 * offsets of all rows of the table are at PLACES.
 */
export function emitBinary(from: i32, to: i32, at: i32, end: i32): i32 {
  const rest = get(PREFIX_BYTES) + PLACE_BYTES + get(COLUMN_COUNT) * MAX_VALUE_BYTES;
  const isOdd = areFieldsOdd();
  const hasNulls = get(NULL_COUNT) !== 0;
  let stopped = DONE;
  let index = from;
  for (; index < to; index++) {
    const row = ROWS + index * ROW_BYTES;
    if (load<i32>(row, 12) !== 0) {
      stopped = LEFT_OVER;
      break;
    }
    if (at + load<i32>(row, 4) - load<i32>(row, 0) + rest > end) {
      stopped = DATA_FULL;
      break;
    }
    const next = writeBinaryRow(at, row, index, isOdd, hasNulls);
    if (next === LEFT) {
      stopped = LEFT_OVER;
      break;
    }
    at = next;
  }
  set(BINARY_END, at);
  set(STOPPED, stopped);
  return index;
}

function writeBinaryRow(to: i32, row: i32, index: i32, isOdd: bool, hasNulls: bool): i32 {
  const quote = <u8>get(QUOTE);
  const columnsEnd = COLUMNS + get(COLUMN_COUNT) * COLUMN_BYTES;
  to = copy(to, KEYS, get(PREFIX_BYTES));
  store<u64>(to, <u64>load<f64>(PLACES + index * 16), 0);
  store<u64>(to, <u64>load<f64>(PLACES + index * 16, 8), 8);
  to += PLACE_BYTES;
  let field = load<i32>(row, 20);
  let at = load<i32>(row, 0);
  for (let column = COLUMNS; column !== columnsEnd; column += COLUMN_BYTES) {
    const end = load<i32>(field);
    field += 4;
    to = writeField(to, column, at, end, quote, isOdd, hasNulls);
    if (to === LEFT) return LEFT;
    at = end + 1;
  }
  return to;
}

/** Writes the field at [at, end), its quotes included. */
function writeField(to: i32, column: i32, at: i32, end: i32, quote: u8, isOdd: bool, hasNulls: bool): i32 {
  if (isOdd && get(TRIMS) > (load<u8>(at) === quote ? 1 : 0)) {
    at = skipBlanks(at, end);
    end = dropBlanks(at, end);
  }
  const type = load<u8>(column, TYPE);
  const isText = type === ANY || type === STRING;
  if (isOdd && isEmptyQuotes(at, end, quote)) end = at;
  const isNullable = (load<u8>(column, FLAGS) & NULLABLE) !== 0;
  if (at === end) return isText && !isNullable ? writeText(to, column, at, end) : writeNull(to, column);
  if (hasNulls && isNullable) {
    const isEscapedText = isOdd && hasOwnEscape(at, end, quote);
    const isNull = isEscapedText ? isEscapedNull(to, at, end, column, quote) : isSpelledNull(at, end, quote, column);
    if (isNull) return writeNull(to, column);
  }
  if (load<u8>(at) === quote) {
    if (hasEscapeInside(at, end, quote)) {
      if (!isText) return LEFT;
      // Behind the place where it goes, whatever its length takes.
      const text = to + 8;
      return writeText(to, column, text, dropQuotes(text, at, end, quote));
    }
    at++;
    end--;
  }
  return isText ? writeText(to, column, at, end) : writeTyped(to, column, at, end);
}

function writeNull(to: i32, column: i32): i32 {
  return load<u8>(column, BINARY_NULLABLE) === 0 ? LEFT : writeByte(to, 1);
}

/** The text's bytes behind their number, as an unsigned varint. The text may be a little behind `to`. */
function writeText(to: i32, column: i32, at: i32, end: i32): i32 {
  if (load<u8>(column, BINARY_KIND) !== <u8>BINARY_TEXT) return LEFT;
  if (load<u8>(column, BINARY_NULLABLE) !== 0) to = writeByte(to, 0);
  const length = end - at;
  let rest = length;
  for (; rest > 127; rest >>= 7) to = writeByte(to, <u8>(rest | 128));
  to = writeByte(to, <u8>rest);
  memory.copy(to, at, length);
  return to + length;
}

function writeTyped(to: i32, column: i32, at: i32, end: i32): i32 {
  if (load<u8>(column, BINARY_NULLABLE) !== 0) to = writeByte(to, 0);
  const kind = load<u8>(column, BINARY_KIND);
  if (load<u8>(column, TYPE) === FORMATTED) return writeFormatted(to, column, kind, at, end);
  if (kind === <u8>BINARY_FLOAT) return writeFloat(to, column, at, end);
  if (kind === <u8>BINARY_INT) return writeInt(to, column, at, end);
  if (kind === <u8>BINARY_TIMESTAMP) return writeTimestamp(to, column, at, end);
  if (kind === <u8>BINARY_DECIMAL) return writeDecimal(to, column, at, end);
  if (kind === <u8>BINARY_DATE) return writeDate(to, at);
  if (kind === <u8>BINARY_BOOL) return writeByte(to, end - at === 4 || load<u8>(at) === 0x31 ? 1 : 0);
  return writeUuid(to, at);
}

function writeInt(to: i32, column: i32, at: i32, end: i32): i32 {
  const isNegative = load<u8>(at) === MINUS;
  if (isSign(at)) at++;
  at = skipZeros(at, end);
  if (end - at > SAFE_DIGITS) return LEFT;
  let value: i64 = 0;
  for (; at < end; at++) value = value * 10 + <i64>load<u8>(at) - 0x30;
  return writeWide(to, isNegative ? -value : value, load<u8>(column, BINARY_WIDTH));
}

/** All bytes of a number of 64 bits, with its sign up to `width` bytes. */
function writeWide(to: i32, value: i64, width: i32): i32 {
  store<i64>(to, value);
  if (width > 8) {
    const sign = value >> 63;
    store<i64>(to, sign, 8);
    store<i64>(to, sign, 16);
    store<i64>(to, sign, 24);
  }
  return to + width;
}

function writeDecimal(to: i32, column: i32, at: i32, end: i32): i32 {
  const isNegative = load<u8>(at) === MINUS;
  if (isSign(at)) at++;
  at = skipZeros(at, end);
  const scale = <i32>load<u8>(column, BINARY_SCALE);
  // The point, if there is one, does not count.
  if (end - at + scale > SAFE_DIGITS) return LEFT;
  let value: i64 = 0;
  let missing = scale;
  for (; at < end && load<u8>(at) !== POINT; at++) value = value * 10 + <i64>load<u8>(at) - 0x30;
  for (at++; at < end; at++, missing--) value = value * 10 + <i64>load<u8>(at) - 0x30;
  if (missing < 0) return LEFT;
  for (; missing > 0; missing--) value *= 10;
  return writeWide(to, isNegative ? -value : value, load<u8>(column, BINARY_WIDTH));
}

/** A quotient of two numbers that are exact in a double is rounded once, and so the nearest one. */
function writeFloat(to: i32, column: i32, at: i32, end: i32): i32 {
  const isNegative = load<u8>(at) === MINUS;
  if (isSign(at)) at++;
  at = skipZeros(at, end);
  if (end - at > SAFE_DIGITS) return LEFT;
  let mantissa: u64 = 0;
  let power = 1.0;
  for (; at < end && isDigit(at); at++) mantissa = mantissa * 10 + <u64>load<u8>(at) - 0x30;
  if (at < end) {
    if (load<u8>(at) !== POINT || end - at > EXACT_POWER) return LEFT;
    for (at++; at < end; at++) {
      if (!isDigit(at)) return LEFT;
      mantissa = mantissa * 10 + <u64>load<u8>(at) - 0x30;
      power *= 10.0;
    }
  }
  if (mantissa > EXACT_INTEGER) return LEFT;
  const value = <f64>mantissa / power;
  const signed = isNegative ? -value : value;
  if (load<u8>(column, BINARY_WIDTH) === 4) {
    store<f32>(to, <f32>signed);
    return to + 4;
  }
  store<f64>(to, signed);
  return to + 8;
}

function writeDate(to: i32, at: i32): i32 {
  const days = dayOf(at);
  if (days < FIRST_DAY || days > LAST_DAY) return LEFT;
  store<i32>(to, days);
  return to + 4;
}

/** `YYYY-MM-DD[T ]hh:mm:ss(.f+)?(zone)?`, or epoch seconds, as ticks of the column's fraction of a second. */
function writeTimestamp(to: i32, column: i32, at: i32, end: i32): i32 {
  const scale = <i32>load<u8>(column, BINARY_SCALE);
  let wholeSeconds: i64 = 0;
  let rest: i64 = 0;
  let missing = scale;
  if (end - at >= 19 && load<u8>(at, 4) === HYPHEN) {
    wholeSeconds =
      <i64>dayOf(at) * DAY_SECONDS + twoDigits(at + 11) * 3600 + twoDigits(at + 14) * 60 + twoDigits(at + 17);
    at += 19;
    if (at < end && load<u8>(at) === POINT) {
      for (at++; at < end && isDigit(at); at++, missing--) rest = rest * 10 + <i64>load<u8>(at) - 0x30;
      // Its digits may all be zeros; that is seen there.
      if (missing < 0) return LEFT;
    }
    if (at < end && load<u8>(at) !== ZULU) {
      const minutes = at + (load<u8>(at, 3) === COLON ? 4 : 3);
      const offset = twoDigits(at + 1) * 3600 + twoDigits(minutes) * 60;
      wholeSeconds += load<u8>(at) === MINUS ? offset : -offset;
    }
  } else {
    const isNegative = load<u8>(at) === MINUS;
    if (isSign(at)) at++;
    at = skipZeros(at, end);
    if (end - at > 12) return LEFT;
    for (; at < end; at++) wholeSeconds = wholeSeconds * 10 + <i64>load<u8>(at) - 0x30;
    if (isNegative) wholeSeconds = -wholeSeconds;
  }
  return storeTicks(to, wholeSeconds, rest, missing, scale);
}

/** A time in the column's format; a date only if that is its type. */
function writeFormatted(to: i32, column: i32, kind: u8, at: i32, end: i32): i32 {
  const format = load<u8>(column, SCALE);
  const scale = <i32>load<u8>(column, BINARY_SCALE);
  if (format >= <u8>FIRST_DAY_FORMAT) {
    const day = compactDay(at);
    if (day < FIRST_DAY || day > LAST_DAY) return LEFT;
    if (kind === <u8>BINARY_DATE) {
      store<i32>(to, day);
      return to + 4;
    }
    return kind === <u8>BINARY_TIMESTAMP ? storeTicks(to, <i64>day * DAY_SECONDS, 0, scale, scale) : LEFT;
  }
  // A column of fewer digits may lose some.
  if (kind !== <u8>BINARY_TIMESTAMP || scale < <i32>format) return LEFT;
  readEpoch(column, at, end);
  return storeTicks(to, seconds, fraction, scale - <i32>format, scale);
}

/** Seconds and the digits of their fraction of which `missing` are missing, as ticks of `scale` digits. */
function storeTicks(to: i32, whole: i64, rest: i64, missing: i32, scale: i32): i32 {
  const lastDay = scale === 9 ? LAST_NANOSECOND_DAY : LAST_DAY;
  if (whole < <i64>FIRST_DAY * DAY_SECONDS || whole >= (<i64>lastDay + 1) * DAY_SECONDS) return LEFT;
  for (let i = scale; i > 0; i--) whole *= 10;
  for (; missing > 0; missing--) rest *= 10;
  store<i64>(to, whole + rest);
  return to + 8;
}

/** Days since 1970-01-01 of a day `YYYY-MM-DD` of the proleptic Gregorian calendar; years are counted from March. */
function dayOf(at: i32): i32 {
  const month = <i32>twoDigits(at + 5);
  const year = <i32>(twoDigits(at) * 100 + twoDigits(at + 2)) - (month <= 2 ? 1 : 0);
  const ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + <i32>twoDigits(at + 8) - 1;
  // Years are never negative here.
  return year * 365 + year / 4 - year / 100 + year / 400 + ofYear - 719_468;
}

function twoDigits(at: i32): i64 {
  return <i64>load<u8>(at, 0) * 10 + <i64>load<u8>(at, 1) - 0x30 * 11;
}

/** Two numbers of 64 bits, the first half first. */
function writeUuid(to: i32, at: i32): i32 {
  store<u64>(to, ((<u64>hexOf(at, 8)) << 32) | ((<u64>hexOf(at + 9, 4)) << 16) | <u64>hexOf(at + 14, 4), 0);
  store<u64>(to, ((<u64>hexOf(at + 19, 4)) << 48) | ((<u64>hexOf(at + 24, 8)) << 16) | <u64>hexOf(at + 32, 4), 8);
  return to + 16;
}

function hexOf(at: i32, digits: i32): u32 {
  let value: u32 = 0;
  for (const end = at + digits; at < end; at++) {
    const byte = <u32>load<u8>(at);
    value = (value << 4) | (byte < 0x3a ? byte - 0x30 : (byte | 0x20) - 0x57);
  }
  return value;
}
