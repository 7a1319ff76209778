import {
  BOOL,
  CONSTRAINED,
  DATE,
  DATETIME,
  DATETIME64,
  DECIMAL,
  FLAGS,
  FLOAT,
  FORMATTED,
  INT,
  NULLABLE,
  STRING,
  UUID,
} from '../column-format';
import { ESCAPE, LAX_QUOTES, QUOTE, QUOTED_EMPTY_IS_NULL, QUOTES, TRIMS } from '../control-slots';
import { FAILED, IS_NULL, NO_MATCH, NO_RANGE, TYPED } from '../memory-layout';
import { get } from './control';
import { areQuotedNulls, isNullSpelling } from './nulls';
import { isBool } from './validators/bool';
import { isDate, isDateTime, isTimestamp } from './validators/date-time';
import { isDecimal, isDecimalNumber } from './validators/decimal';
import { isFloat, isFloatNumber } from './validators/float';
import { isEpoch, isFormatted } from './validators/formatted-time';
import { isInteger, isIntegerNumber } from './validators/integer';
import { isUuid } from './validators/uuid';

/** Nothing is left to check of a field. */
export const GOOD = 0;

/** What a rejection shows of a value without cutting it, in bytes. */
const MAX_SHOWN = 80;

/**
 * Whether there may be an escape that is not the quote, quotes that are text, blanks to trim around fields, or nulls in
 * quotes.
 */
export function areFieldsOdd(): bool {
  return get(TRIMS) !== 0 || get(ESCAPE) !== get(QUOTE) || get(QUOTES) === LAX_QUOTES || isQuotedEmptyNull();
}

function isQuotedEmptyNull(): bool {
  return get(QUOTED_EMPTY_IS_NULL) !== 0;
}

/** Whether a field is `""`, and that is null. */
export function isEmptyQuotes(at: i32, end: i32, quote: u8): bool {
  return end - at === 2 && load<u8>(at) === quote && load<u8>(at, 1) === quote && isQuotedEmptyNull();
}

/**
 * GOOD, or why the field at [at, end), its quotes included, is left to be checked: TYPED, or how it failed.
 * T of two bytes: there are spellings of null, constraints, or an odd quote. D of two bytes: there may be an escape.
 */
// @inline
export function judge<T, D>(type: u8, at: i32, end: i32, quote: u8, column: i32): i32 {
  const flags = load<u8>(column, FLAGS);
  if (sizeof<T>() === 1) {
    if (at === end) return (flags & NULLABLE) !== 0 ? GOOD : IS_NULL;
    if (load<u8>(at) === quote) return judgeQuoted(type, at, end, quote, column);
    return isValue(type, at, end - at, column) ? GOOD : failureOf(type, at, end, quote, column);
  }
  // Its text, which may be null, is not what stands in the file.
  if (sizeof<D>() > 1 && hasOwnEscape(at, end, quote)) return FAILED;
  const isNull = at === end ? type !== STRING || (flags & NULLABLE) !== 0 : isSpelledNull(at, end, quote, column);
  if (isNull) return (flags & NULLABLE) !== 0 ? GOOD : isShown(at, end, quote) ? IS_NULL : FAILED;
  if (type !== STRING) {
    if (hasEscapeInside(at, end, quote)) return FAILED;
    if (!isGood(type, at, end, quote, column)) return failureOf(type, at, end, quote, column);
  }
  return (flags & CONSTRAINED) !== 0 ? TYPED : GOOD;
}

/** Judges a quoted field. A separate function: inlined, it would take registers from the others. */
function judgeQuoted(type: u8, at: i32, end: i32, quote: u8, column: i32): i32 {
  return isOther(type, at + 1, end - at - 2, column) ? GOOD : failureOf(type, at, end, quote, column);
}

/** Whether a field that is not empty is a value of the type. */
function isGood(type: u8, at: i32, end: i32, quote: u8, column: i32): bool {
  return load<u8>(at) === quote ? isOther(type, at + 1, end - at - 2, column) : isOther(type, at, end - at, column);
}

/** Whether a text is a value of the type; in a loop over fields. */
// @inline
function isValue(type: u8, at: i32, length: i32, column: i32): bool {
  if (type === FLOAT) return isFloat(at, length, column);
  if (type === INT) return isInteger(at, length, column);
  if (type === DATETIME) return isDateTime(at, length, column);
  return isOther(type, at, length, column);
}

/** The same. */
function isOther(type: u8, at: i32, length: i32, column: i32): bool {
  if (type === FLOAT) return isFloat(at, length, column);
  if (type === INT) return isInteger(at, length, column);
  if (type === DATETIME) return isDateTime(at, length, column);
  if (type === BOOL) return isBool(at, length);
  if (type === DATE) return isDate(at, length);
  if (type === DECIMAL) return isDecimal(at, length, column);
  if (type === DATETIME64) return isTimestamp(at, length, column);
  if (type === UUID) return isUuid(at, length);
  if (type === FORMATTED) return isFormatted(at, length, column);
  return unreachable();
}

/** Why a field is not good. */
function failureOf(type: u8, at: i32, end: i32, quote: u8, column: i32): i32 {
  if (!isShown(at, end, quote)) return FAILED;
  if (load<u8>(at) === quote) {
    at++;
    end--;
  }
  if (type === INT) return isIntegerNumber(at, end) ? NO_RANGE : NO_MATCH;
  if (type === DECIMAL) return isDecimalNumber(at, end) ? NO_RANGE : NO_MATCH;
  if (type === FORMATTED) return isEpoch(column) && isIntegerNumber(at, end) ? NO_RANGE : NO_MATCH;
  // What unit a number is in instead of seconds is said by its value.
  if (type === DATETIME && isIntegerNumber(at, end)) return FAILED;
  // Whether a very large number overflows is not known here.
  if (type === FLOAT && isFloatNumber(at, end)) return FAILED;
  return NO_MATCH;
}

/** Its text is what stands in the file, and a rejection shows all of it. */
function isShown(at: i32, end: i32, quote: u8): bool {
  return end - at <= MAX_SHOWN && !hasEscapeInside(at, end, quote);
}

/** Whether a field, its quotes included, is one of the column's spellings of null. */
export function isSpelledNull(at: i32, end: i32, quote: u8, column: i32): bool {
  if (load<u8>(at) !== quote) return isNullSpelling(column, at, end - at);
  return areQuotedNulls(column) && isNullSpelling(column, at + 1, end - at - 2);
}

/**
 * Whether a quoted field has a doubled quote or an escape: either stands for one byte together with the byte behind it,
 * so the field's text is not what stands in the file. If quotes are lax, whether it has any quote inside: without one, its
 * last byte is the quote that closes.
 */
export function hasEscapeInside(at: i32, end: i32, quote: u8): bool {
  if (at === end || load<u8>(at) !== quote) return false;
  const escapeByte = <u8>get(ESCAPE);
  if (escapeByte !== quote && get(QUOTES) === LAX_QUOTES) {
    for (let next = at + 1; next < end - 1; next++) if (load<u8>(next) === quote) return true;
  }
  for (at++; at < end - 1; at++) if (load<u8>(at) === escapeByte) return true;
  return false;
}

/** The same if spellings of null are told as texts: the escape is not the quote, or quotes are lax. */
export function hasOwnEscape(at: i32, end: i32, quote: u8): bool {
  return (<u8>get(ESCAPE) !== quote || get(QUOTES) === LAX_QUOTES) && hasEscapeInside(at, end, quote);
}
