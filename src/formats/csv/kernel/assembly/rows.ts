import { ANY, TYPE } from '../column-format';
import {
  COLUMN_COUNT,
  COMMENT,
  CONSTRAINED_COUNT,
  LINES,
  NEXT_RECORD,
  NOT_ASCII,
  NULL_COUNT,
  QUOTE,
  QUOTE_IS_TEXT,
  RECORDS_FOUND,
  ROWS_LEFT,
  TRIMS,
} from '../control-slots';
import {
  COLUMN_BYTES,
  COLUMNS,
  CONSTRAINTS,
  ENTRIES,
  ENTRY_BYTES,
  FAILED,
  FIELD_ENDS,
  MAX_ENTRIES,
  MAX_RECORD,
  MAX_ROWS,
  QUOTED_LINES,
  RAGGED,
  ROW_BYTES,
  ROW_ENDS,
  ROWS,
  STRAY,
  SURE,
  TYPED,
  UNKNOWN,
} from '../memory-layout';
import { dropBlanks, skipBlanks } from './blanks';
import { isComment } from './comments';
import { get, set } from './control';
import { areFieldsOdd, GOOD, isEmptyQuotes, judge } from './fields';
import { behindLineEnd, findLineEnd } from './line-end';
import { MAX_VALUE } from './records';

const CR: u8 = 0x0d;
/** Binary logarithm of COLUMN_BYTES. */
const COLUMN_SHIFT = 5;
/** One more than a rejection carries: after this number of failed fields the rest of a row is not checked. */
const MAX_FAILED = 101;
/** The kinds of a row with MAX_FAILED failed fields. */
const TOO_MANY = -1;
/** Limits of a row whose rejection the kernel writes. */
const MAX_SURE_ENTRIES = 16;
const MAX_SURE_BYTES = 8192;

/** What the first phase found and no row has taken yet. */
let nextRowEnd = 0;
let nextField = 0;
let nextQuotedLine = 0;
/** Where the table goes on. */
let nextRow = ROWS;
let nextEntry = ENTRIES;
/** State of the row whose fields are checked: the kinds of those that are left, and how many have failed. */
let kinds = 0;
let failed = 0;

/** The table is empty. `isFound`: phase 1 has found records that are still to be taken. */
export function beginTable(isFound: bool): void {
  nextRow = ROWS;
  nextEntry = ENTRIES;
  if (!isFound) nextField = FIELD_ENDS;
  set(ROWS_LEFT, 0);
}

export function rowCount(): i32 {
  return (nextRow - ROWS) / ROW_BYTES;
}

/** Whether one more row does not fit, whatever is wrong with it. */
export function isFull(): bool {
  return (
    nextRow === ROWS + MAX_ROWS * ROW_BYTES ||
    nextEntry > ENTRIES + (MAX_ENTRIES - get(CONSTRAINED_COUNT) - MAX_FAILED) * ENTRY_BYTES
  );
}

/** Where phase 1 may write what it finds: behind the fields of the table's rows, which phase 3 may need. */
export function freeFieldEnds(): i32 {
  return nextField;
}

/** Whether phase 1 has found records that no row has taken. */
export function hasRecordsLeft(): bool {
  return nextRowEnd < ROW_ENDS + (get(RECORDS_FOUND) << 2);
}

/** Phase 1 has found something. */
export function beginRows(): void {
  nextRowEnd = ROW_ENDS;
  nextQuotedLine = QUOTED_LINES;
}

/**
 * Phase 2. Goes through the fields of the records that phase 1 found and checks each against its column; goes on with
 * the table of rows until it is full. What is good by this is good by the reference reader's rules; what is not is
 * entered with the reasons, as far as they are certain. Where a comment with quotes was taken for a record of several
 * lines, phase 1 has to begin anew behind it. false: the next record has more than MAX_RECORD bytes.
 */
export function checkRows(): bool {
  // Copies of the same code, so that the usual one does not ask at every field.
  const isPlain = (get(CONSTRAINED_COUNT) | get(NULL_COUNT) | get(QUOTE_IS_TEXT)) === 0;
  if (areFieldsOdd() || get(COMMENT) >= 0) return isPlain ? checkRowsOf<u8, u16>() : checkRowsOf<u16, u16>();
  return isPlain ? checkRowsOf<u8, u8>() : checkRowsOf<u16, u8>();
}

/** T is as in `judge`. D of two bytes: there may be an escape, comments, or blanks to trim around fields. */
function checkRowsOf<T, D>(): bool {
  const quote = <u8>get(QUOTE);
  const columns = get(COLUMN_COUNT);
  const columnsEnd = COLUMNS + columns * COLUMN_BYTES;
  const rowEndsEnd = ROW_ENDS + (get(RECORDS_FOUND) << 2);
  let rowEnd = nextRowEnd;
  let field = nextField;
  let quotedLine = nextQuotedLine;
  let start = get(NEXT_RECORD);
  let lines = get(LINES);
  let rowsLeft = get(ROWS_LEFT);
  let isShort = true;

  for (; rowEnd < rowEndsEnd && !isFull(); rowEnd += 4) {
    const fieldsEnd = load<i32>(rowEnd);
    const lineEnd = load<i32>(fieldsEnd - 4);
    let stop = lineEnd;
    // Any other CR would be a separate line end.
    if (stop > start && load<u8>(lineEnd - 1) === CR) stop--;
    if (sizeof<D>() > 1 && stop !== start && isComment(start)) {
      const first = findLineEnd(start, stop);
      if (first < stop) {
        // Its quotes mean nothing: what was taken for one record is none, and what follows is not known.
        start = behindLineEnd(first);
        lines++;
        break;
      }
    } else if (stop !== start) {
      isShort = lineEnd + 1 - start <= MAX_RECORD;
      if (!isShort) break;
      // So that the last field is like the others.
      store<i32>(fieldsEnd - 4, stop);
      let left = 0;
      if (fieldsEnd - field === columns << 2 && stop - start <= MAX_VALUE) {
        const firstEntry = nextEntry;
        const found = checkFields<T, D>(start, field, columnsEnd, quote);
        if (found !== 0) {
          if (found === TOO_MANY) nextEntry = firstEntry;
          store<i32>(nextRow, (firstEntry - ENTRIES) / ENTRY_BYTES, 16);
          left = whatIsLeft(found, (nextEntry - firstEntry) / ENTRY_BYTES, stop - start);
        }
      } else {
        store<i32>(nextRow, (fieldsEnd - field) >> 2, 16);
        left = stop - start > MAX_VALUE ? UNKNOWN : stop - start > MAX_SURE_BYTES ? RAGGED : RAGGED | SURE;
      }
      store<i32>(nextRow, field, 20);
      enterRow(start, stop, lines + 1, left);
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
  set(ROWS_LEFT, rowsLeft);
  return isShort;
}

/** Checks the fields of a row that has as many as there are columns, enters what is left, and returns its kinds. */
// @inline
function checkFields<T, D>(start: i32, field: i32, columnsEnd: i32, quote: u8): i32 {
  kinds = 0;
  failed = 0;
  let at = start;
  for (let column = COLUMNS; column !== columnsEnd; column += COLUMN_BYTES) {
    const end = load<i32>(field);
    field += 4;
    const type = load<u8>(column, TYPE);
    if (type !== ANY) {
      let from = at;
      let to = end;
      if (sizeof<D>() > 1 && get(TRIMS) > (load<u8>(at) === quote ? 1 : 0)) {
        from = skipBlanks(at, end);
        to = dropBlanks(from, end);
      }
      if (sizeof<D>() > 1 && isEmptyQuotes(from, to, quote)) to = from;
      const kind = judge<T, D>(type, from, to, quote, column);
      if (kind !== GOOD && !enterField(kind, column, from, to)) return TOO_MANY;
    }
    at = end + 1;
  }
  return kinds;
}

function enterRow(start: i32, stop: i32, line: i32, left: i32): void {
  store<i32>(nextRow, start, 0);
  store<i32>(nextRow, stop, 4);
  store<i32>(nextRow, line, 8);
  store<i32>(nextRow, left, 12);
  nextRow += ROW_BYTES;
}

/** Enters a field that is left to check. false: too many of the row have failed. */
function enterField(kind: i32, column: i32, at: i32, end: i32): bool {
  kinds |= kind;
  if (kind !== TYPED) failed++;
  store<i32>(nextEntry, ((column - COLUMNS) >> COLUMN_SHIFT) | kind, 0);
  store<i32>(nextEntry, at, 4);
  store<i32>(nextEntry, end, 8);
  nextEntry += ENTRY_BYTES;
  return failed < MAX_FAILED;
}

function whatIsLeft(kinds: i32, entries: i32, bytes: i32): i32 {
  if (kinds === TYPED) return entries | CONSTRAINTS;
  if (kinds === TOO_MANY) return UNKNOWN;
  const isSure = (kinds & (TYPED | FAILED)) === 0 && entries <= MAX_SURE_ENTRIES && bytes <= MAX_SURE_BYTES;
  return isSure ? entries | SURE : entries;
}

/**
 * Puts the next record's first physical line into the table: a quote stands where none may be. false: it is not known
 * where the line ends, because that takes a line end and the byte behind it.
 */
export function enterStray(end: i32): bool {
  const start = get(NEXT_RECORD);
  const stop = findLineEnd(start, end);
  if (stop >= end - 1) return false;
  const line = get(LINES) + 1;
  enterRow(start, stop, line, stop - start > MAX_SURE_BYTES ? STRAY : STRAY | SURE);
  set(ROWS_LEFT, get(ROWS_LEFT) + 1);
  // Phase 1 has not read the rest of the line.
  set(NOT_ASCII, 1);
  set(NEXT_RECORD, behindLineEnd(stop));
  set(LINES, line);
  return true;
}
