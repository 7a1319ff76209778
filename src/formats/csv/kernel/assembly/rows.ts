import {
  ANY,
  BOOL,
  CONSTRAINED,
  DATE,
  DATE_TIME,
  DATE_TIME_64,
  DECIMAL,
  FLAGS,
  FLOAT,
  INT,
  NULLABLE,
  STRING,
  TYPE,
} from '../column-format';
import {
  COLUMN_COUNT,
  CONSTRAINED_COUNT,
  LINES,
  NEXT_RECORD,
  NULL_COUNT,
  OVERLONG,
  QUOTE,
  QUOTE_IS_TEXT,
  ROWS_CHECKED,
  ROWS_FOUND,
  ROWS_LEFT,
} from '../control-slots';
import {
  COLUMN_BYTES,
  COLUMNS,
  ENTRIES,
  ENTRY_BYTES,
  EVERYTHING,
  FAILED,
  FIELD_ENDS,
  MAX_ENTRIES,
  MAX_RECORD,
  QUOTED_LINES,
  ROW_BYTES,
  ROW_ENDS,
  ROWS,
  TYPED,
} from '../memory-layout';
import { get, set } from './control';
import { isNullSpelling } from './nulls';
import { isBool } from './values/bool';
import { isDate, isDateTime, isTimestamp } from './values/date-time';
import { isDecimal } from './values/decimal';
import { isFloat } from './values/float';
import { isInteger } from './values/integer';
import { isUuid } from './values/uuid';

const CR: u8 = 0x0d;
/** The most bytes of a value that fit into a Kafka record of 1,000,000 bytes. */
const MAX_VALUE = 999_989;
/** One more than a rejection carries: behind so many failed fields the rest of a row is not told. */
const MAX_FAILED = 101;

/** What the first phase found and no row has taken yet. */
let nextRowEnd = 0;
let nextField = 0;
let nextQuotedLine = 0;

/** To be called after the first phase. */
export function beginRows(): void {
  nextRowEnd = ROW_ENDS;
  nextField = FIELD_ENDS;
  nextQuotedLine = QUOTED_LINES;
}

/**
 * Phase 2. Goes through the fields of the records that phase 1 found and checks each against its column; fills the
 * table of rows from its beginning, with at most so many. A row that is not plainly good is not judged: it is entered
 * with the fields that are left to check. What is plainly good is good by the reference reader's rules.
 */
export function checkRows(most: i32): void {
  // Two copies of the same code, so that the usual one does not ask at every field.
  if ((get(CONSTRAINED_COUNT) | get(NULL_COUNT) | get(QUOTE_IS_TEXT)) === 0) checkRowsOf<u8>(most);
  else checkRowsOf<u16>(most);
}

/** T of two bytes: there are spellings of null, constraints, or an odd quote. */
function checkRowsOf<T>(most: i32): void {
  const quote = <u8>get(QUOTE);
  const fieldBytes = get(COLUMN_COUNT) << 2;
  const columnsEnd = COLUMNS + get(COLUMN_COUNT) * COLUMN_BYTES;
  const rowsEnd = ROWS + most * ROW_BYTES;
  const rowEndsEnd = ROW_ENDS + (get(ROWS_FOUND) << 2);
  const lastEntry = ENTRIES + (MAX_ENTRIES - get(CONSTRAINED_COUNT) - MAX_FAILED) * ENTRY_BYTES;
  let rowEnd = nextRowEnd;
  let field = nextField;
  let quotedLine = nextQuotedLine;
  let start = get(NEXT_RECORD);
  let lines = get(LINES);
  let row = ROWS;
  let entry = ENTRIES;
  let rowsLeft = 0;
  let overlong = 0;

  for (; rowEnd < rowEndsEnd && row < rowsEnd && entry <= lastEntry; rowEnd += 4) {
    const fieldsEnd = load<i32>(rowEnd);
    const lineEnd = load<i32>(fieldsEnd - 4);
    let stop = lineEnd;
    // Any other CR would be a line end of its own.
    if (stop > start && load<u8>(lineEnd - 1) === CR) stop--;
    if (stop !== start) {
      if (lineEnd + 1 - start > MAX_RECORD) {
        overlong = 1;
        break;
      }
      let left = EVERYTHING;
      if (fieldsEnd - field === fieldBytes && stop - start <= MAX_VALUE) {
        // So that the last field is like the others.
        store<i32>(fieldsEnd - 4, stop);
        const firstEntry = entry;
        let failed = 0;
        let at = start;
        for (let column = COLUMNS; column !== columnsEnd; column += COLUMN_BYTES) {
          const end = load<i32>(field);
          field += 4;
          const type = load<u8>(column, TYPE);
          if (type !== ANY) {
            const verdict = judge<T>(type, at, end, quote, column);
            if (verdict !== GOOD) {
              if (verdict === FAILED) failed++;
              if (failed < MAX_FAILED) {
                store<i32>(entry, ((column - COLUMNS) >> COLUMN_SHIFT) | verdict, 0);
                store<i32>(entry, at, 4);
                store<i32>(entry, end, 8);
                entry += ENTRY_BYTES;
              }
            }
          }
          at = end + 1;
        }
        if (failed < MAX_FAILED) left = (entry - firstEntry) / ENTRY_BYTES;
        else entry = firstEntry;
      }
      store<i32>(row, start, 0);
      store<i32>(row, stop, 4);
      store<i32>(row, lines + 1, 8);
      store<i32>(row, left, 12);
      row += ROW_BYTES;
      if (left !== 0) rowsLeft++;
      while (load<i32>(quotedLine) < stop) {
        quotedLine += 4;
        lines++;
      }
    }
    lines++;
    start = lineEnd + 1;
    field = fieldsEnd;
  }

  nextRowEnd = rowEnd;
  nextField = field;
  nextQuotedLine = quotedLine;
  set(NEXT_RECORD, start);
  set(LINES, lines);
  set(ROWS_CHECKED, (row - ROWS) / ROW_BYTES);
  set(ROWS_LEFT, rowsLeft);
  set(OVERLONG, overlong);
}

const COLUMN_SHIFT = 5;
const GOOD = 0;

/** GOOD, or why the field at [at, end), its quotes included, is left to be checked. */
function judge<T>(type: u8, at: i32, end: i32, quote: u8, column: i32): i32 {
  const flags = load<u8>(column, FLAGS);
  if (sizeof<T>() === 1) {
    if (at === end) return (flags & NULLABLE) !== 0 ? GOOD : FAILED;
    return isGood(type, at, end, quote, column) ? GOOD : FAILED;
  }
  const isNull = at === end ? type !== STRING || (flags & NULLABLE) !== 0 : isSpelledNull(at, end, quote);
  if (isNull) return (flags & NULLABLE) !== 0 ? GOOD : FAILED;
  if (type !== STRING && (hasQuoteInside(at, end, quote) || !isGood(type, at, end, quote, column))) return FAILED;
  return (flags & CONSTRAINED) !== 0 ? TYPED : GOOD;
}

function isSpelledNull(at: i32, end: i32, quote: u8): bool {
  return load<u8>(at) === quote ? isNullSpelling(at + 1, end - at - 2) : isNullSpelling(at, end - at);
}

function hasQuoteInside(at: i32, end: i32, quote: u8): bool {
  if (load<u8>(at) !== quote) return false;
  for (at++; at < end - 1; at++) if (load<u8>(at) === quote) return true;
  return false;
}

/** Of a field that is not empty, its quotes included. */
function isGood(type: u8, at: i32, end: i32, quote: u8, column: i32): bool {
  let length = end - at;
  if (load<u8>(at) === quote) {
    at++;
    length -= 2;
  }
  if (type === FLOAT) return isFloat(at, length, column);
  if (type === INT) return isInteger(at, length, column);
  if (type === DATE_TIME) return isDateTime(at, length, column);
  return isOther(type, at, length, column);
}

function isOther(type: u8, at: i32, length: i32, column: i32): bool {
  if (type === BOOL) return isBool(at, length);
  if (type === DATE) return isDate(at, length);
  if (type === DECIMAL) return isDecimal(at, length, column);
  if (type === DATE_TIME_64) return isTimestamp(at, length, column);
  return isUuid(at, length);
}
