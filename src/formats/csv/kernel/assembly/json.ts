import {
  ANY,
  BOOL,
  DATE,
  DATE_TIME,
  DATE_TIME_64,
  FLAGS,
  INT,
  KEY,
  KEY_LENGTH,
  NULLABLE,
  STRING,
  TYPE,
  UUID,
} from '../column-format';
import { COLUMN_COUNT, NULL_COUNT, QUOTE, QUOTE_IS_TEXT, TRIMS } from '../control-slots';
import { COLUMN_BYTES, COLUMNS } from '../memory-layout';
import { dropBlanks, skipBlanks } from './blanks';
import { get } from './control';
import { hasQuoteInside, isSpelledNull } from './fields';
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
  if (get(TRIMS) !== 0) return isPlain ? writeObjectOf<u8, u16>(to, row) : writeObjectOf<u16, u16>(to, row);
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
 * Of the field at [at, end), its quotes included. T of two bytes: there are spellings of null, or an odd quote. D of
 * two bytes: blanks around fields are no part of them.
 */
// @inline
function writeValue<T, D>(to: i32, column: i32, at: i32, end: i32, quote: u8): i32 {
  if (sizeof<D>() > 1 && load<u8>(at) !== quote) {
    at = skipBlanks(at, end);
    end = dropBlanks(at, end);
  }
  const type = load<u8>(column, TYPE);
  const isText = type === ANY || type === STRING;
  if (at === end) return isText && (load<u8>(column, FLAGS) & NULLABLE) === 0 ? writeEmpty(to) : writeNull(to);
  if (sizeof<T>() > 1 && (load<u8>(column, FLAGS) & NULLABLE) !== 0 && isSpelledNull(at, end, quote)) {
    return writeNull(to);
  }
  if (load<u8>(at) === quote) {
    if (isText) return writeQuoted(to, at + 1, end - 1, quote);
    if (sizeof<T>() > 1 && hasQuoteInside(at, end, quote)) return writeUndoubled(to, type, at + 1, end - 1, quote);
    at++;
    end--;
  } else if (isText) return writeText(to, at, end);
  return writeTyped(to, type, at, end);
}

/** Of a value that is no text, without quotes. */
function writeTyped(to: i32, type: u8, at: i32, end: i32): i32 {
  if (type === INT) return writeInteger(to, at, end);
  if (type === BOOL) return writeBool(to, at, end);
  if (type === DATE_TIME && (end - at < 19 || load<u8>(at, 4) !== HYPHEN)) return writeInteger(to, at, end);
  if (type === DATE || type === DATE_TIME || type === DATE_TIME_64 || type === UUID) return writePlain(to, at, end);
  return writeNumberLiteral(to, at, end);
}

/** The same with doubled quotes in it: they are made single first, a little behind the place where the value goes. */
function writeUndoubled(to: i32, type: u8, at: i32, end: i32, quote: u8): i32 {
  const text = to + (end - at) + 32;
  let stop = text;
  for (; at < end; at++) {
    const byte = load<u8>(at);
    store<u8>(stop, byte);
    stop++;
    if (byte === quote) at++;
  }
  return writeTyped(to, type, text, stop);
}

function writeText(to: i32, at: i32, end: i32): i32 {
  return writeByte(copyEscaped(writeByte(to, DOUBLE_QUOTE), at, end), DOUBLE_QUOTE);
}

function writeQuoted(to: i32, at: i32, end: i32, quote: u8): i32 {
  return writeByte(copyQuoted(writeByte(to, DOUBLE_QUOTE), at, end, quote), DOUBLE_QUOTE);
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
