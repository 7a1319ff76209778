import {
  ANY,
  BOOL,
  DATETIME,
  DECIMAL,
  FIRST_QUOTED,
  FLAGS,
  FLOAT,
  FORMATTED,
  INT,
  KEY,
  KEY_LENGTH,
  NULLABLE,
  STRING,
  TYPE,
} from '../column-format';
import { COLUMN_COUNT, ESCAPE, NULL_COUNT, QUOTE, QUOTE_IS_TEXT, TRIMS } from '../control-slots';
import { COLUMN_BYTES, COLUMNS } from '../memory-layout';
import { dropBlanks, skipBlanks } from './blanks';
import { get } from './control';
import { areFieldsOdd, hasEscapeInside, hasOwnEscape, isEmptyQuotes, isSpelledNull } from './fields';
import { writeIso } from './formatted-times';
import { areQuotesLax, copyLax, copyLaxEscaped } from './lax';
import { areQuotedNulls, isNullSpelling } from './nulls';
import { writeInteger, writeNumberLiteral } from './numbers';
import { copy, copyEscaped, copyQuoted, writeByte } from './text';

const CLOSING_BRACE: u8 = 0x7d;
const DOUBLE_QUOTE: u8 = 0x22;
const HYPHEN: u8 = 0x2d;
const NULL: u32 = 0x6c6c756e;
const TRUE: u32 = 0x65757274;
const FALS: u32 = 0x736c6166;

/**
 * Writes a good row as a JSON object, one value for each column of the file; returns the address behind it. See
 * KEY_BYTES, MAX_ESCAPED and MAX_FIELD_REST for what it may take, and some bytes more are written.
 */
export function writeObject(to: i32, row: i32): i32 {
  // Copies of the same code, as in phase 2.
  const isPlain = (get(NULL_COUNT) | get(QUOTE_IS_TEXT)) === 0;
  if (areFieldsOdd()) return isPlain ? writeObjectOf<u8, u16>(to, row) : writeObjectOf<u16, u16>(to, row);
  return isPlain ? writeObjectOf<u8, u8>(to, row) : writeObjectOf<u16, u8>(to, row);
}

function writeObjectOf<T, D>(to: i32, row: i32): i32 {
  const quote = <u8>get(QUOTE);
  const columnsEnd = COLUMNS + get(COLUMN_COUNT) * COLUMN_BYTES;
  let field = load<i32>(row, 20);
  let at = load<i32>(row, 0);
  for (let column = COLUMNS; column !== columnsEnd; column += COLUMN_BYTES) {
    const end = load<i32>(field);
    field += 4;
    to = copy(to, load<i32>(column, KEY), load<i32>(column, KEY_LENGTH));
    to = writeValue<T, D>(to, column, at, end, quote);
    at = end + 1;
  }
  return writeByte(to, CLOSING_BRACE);
}

/**
 * Writes the field at [at, end), its quotes included. T of two bytes: there are spellings of null, or an odd quote. D of
 * two bytes: there may be an escape, or blanks to trim around fields.
 */
// @inline
function writeValue<T, D>(to: i32, column: i32, at: i32, end: i32, quote: u8): i32 {
  if (sizeof<D>() > 1 && get(TRIMS) > (load<u8>(at) === quote ? 1 : 0)) {
    at = skipBlanks(at, end);
    end = dropBlanks(at, end);
  }
  const type = load<u8>(column, TYPE);
  const isText = type === ANY || type === STRING;
  if (sizeof<D>() > 1 && isEmptyQuotes(at, end, quote)) end = at;
  if (at === end) return isText && (load<u8>(column, FLAGS) & NULLABLE) === 0 ? writeEmpty(to) : writeNull(to);
  if (sizeof<T>() > 1 && (load<u8>(column, FLAGS) & NULLABLE) !== 0) {
    const isEscapedText = sizeof<D>() > 1 && hasOwnEscape(at, end, quote);
    const isNull = isEscapedText ? isEscapedNull(to, at, end, column, quote) : isSpelledNull(at, end, quote, column);
    if (isNull) return writeNull(to);
  }
  if (load<u8>(at) === quote) {
    if (isText) {
      const isLax = sizeof<D>() > 1 && areQuotesLax() && hasEscapeInside(at, end, quote);
      return isLax ? writeLax(to, at, end, quote) : writeQuoted(to, at + 1, end - 1);
    }
    if ((sizeof<T>() > 1 || sizeof<D>() > 1) && hasEscapeInside(at, end, quote)) {
      const text = textPlace(to, at, end);
      return writeTyped(to, column, text, dropQuotes(text, at, end, quote));
    }
    at++;
    end--;
  } else if (isText) return writeText(to, at, end);
  return writeTyped(to, column, at, end);
}

/** Writes a value that is not text, without quotes. */
function writeTyped(to: i32, column: i32, at: i32, end: i32): i32 {
  const type = load<u8>(column, TYPE);
  if (type === INT) return writeInteger(to, at, end);
  if (type === BOOL) return writeBool(to, at, end);
  if (type === DATETIME && (end - at < 19 || load<u8>(at, 4) !== HYPHEN)) return writeInteger(to, at, end);
  if (type === FORMATTED) return writeByte(writeIso(writeByte(to, DOUBLE_QUOTE), column, at, end), DOUBLE_QUOTE);
  if (type >= <u8>FIRST_QUOTED || type === DATETIME) return writePlain(to, at, end);
  if (type === FLOAT || type === DECIMAL) return writeNumberLiteral(to, at, end);
  return unreachable();
}

/** Where the text of a field may be while it is read: a little behind the place where its value goes. */
function textPlace(to: i32, at: i32, end: i32): i32 {
  return to + (end - at) + 32;
}

/** Copies the text of a field that begins with a quote; returns the address behind the copy. */
export function dropQuotes(to: i32, at: i32, end: i32, quote: u8): i32 {
  if (areQuotesLax()) return copyLax(to, at, end, quote);
  at++;
  end--;
  const escapeByte = <u8>get(ESCAPE);
  for (; at < end; at++) {
    // A doubled quote is a quote that is taken out by one.
    if (load<u8>(at) === escapeByte) at++;
    to = writeByte(to, load<u8>(at));
  }
  return to;
}

/** Whether the text of a quoted field, without its escapes, is one of the column's spellings of null. */
export function isEscapedNull(to: i32, at: i32, end: i32, column: i32, quote: u8): bool {
  if (!areQuotedNulls(column)) return false;
  const text = textPlace(to, at, end);
  return isNullSpelling(column, text, dropQuotes(text, at, end, quote) - text);
}

function writeText(to: i32, at: i32, end: i32): i32 {
  return writeByte(copyEscaped(writeByte(to, DOUBLE_QUOTE), at, end), DOUBLE_QUOTE);
}

function writeQuoted(to: i32, at: i32, end: i32): i32 {
  return writeByte(copyQuoted(writeByte(to, DOUBLE_QUOTE), at, end, <u8>get(ESCAPE)), DOUBLE_QUOTE);
}

function writeLax(to: i32, at: i32, end: i32, quote: u8): i32 {
  return writeByte(copyLaxEscaped(writeByte(to, DOUBLE_QUOTE), at, end, quote), DOUBLE_QUOTE);
}

/** Text in which nothing is to be escaped. */
function writePlain(to: i32, at: i32, end: i32): i32 {
  return writeByte(copy(writeByte(to, DOUBLE_QUOTE), at, end - at), DOUBLE_QUOTE);
}

function writeBool(to: i32, at: i32, end: i32): i32 {
  const length = end - at;
  if (length === 4 || (length === 1 && load<u8>(at) === 0x31)) {
    store<u32>(to, TRUE);
    return to + 4;
  }
  store<u32>(to, FALS);
  store<u8>(to, 0x65, 4);
  return to + 5;
}

function writeNull(to: i32): i32 {
  store<u32>(to, NULL);
  return to + 4;
}

function writeEmpty(to: i32): i32 {
  store<u16>(to, 0x2222);
  return to + 2;
}
