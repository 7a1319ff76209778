import {
  NEEDS_MORE,
  NEEDS_SPLITTER,
  NEXT_RECORD,
  NOT_ASCII,
  RECORDS_FOUND,
  ROWS_CHECKED,
  STATUS,
  STRAY_AT,
} from '../control-slots';
import { BLOCK_BYTES, MAX_RECORD } from '../memory-layout';
import { skipComments } from './comments';
import { get, set } from './control';
import { beginRows, beginTable, checkRows, enterStray, freeFieldEnds, hasRecordsLeft, isFull, rowCount } from './rows';
import { findStructure } from './structure';

const CR: u8 = 0x0d;

/** What phase 1 may find at a record. */
const RECORDS = 0;
const STRAY_QUOTE = 1;
const TOO_LARGE = 2;
const MORE = 3;

/** The least that phase 1 looks at, at first. */
const MIN_BLOCK_BYTES = 1024;

/** Phase 1 has found records that phase 2 has not taken. */
let isFound: bool = false;
/** Number of bytes that phase 1 reads at first: fewer if comments with quotes keep invalidating what it finds. */
let blockBytes = BLOCK_BYTES;

/** To be called when NEXT_RECORD was changed from outside. */
export function forget(): void {
  isFound = false;
  blockBytes = BLOCK_BYTES;
}

/**
 * Phases 1 and 2: fills the table with the rows that begin at NEXT_RECORD, about a block of them, from the bytes up to
 * `end`. No rows: STATUS says why.
 */
export function fillTable(end: i32): void {
  // The byte behind a CR says whether it is a separate line end.
  const known = get(NEXT_RECORD) < end && load<u8>(end - 1) === CR ? end - 1 : end;
  const enough = get(NEXT_RECORD) + BLOCK_BYTES / 8;
  let status = NEEDS_MORE;
  let isOpen: bool = true;
  beginTable(isFound);
  if (!isFound) set(NOT_ASCII, 0);
  while (isOpen && !isFull() && (rowCount() === 0 || get(NEXT_RECORD) < enough)) {
    if (isFound) {
      isOpen = checkRows();
      isFound = isFull();
      if (!isFound) adjustBlock();
      if (!isOpen) status = NEEDS_SPLITTER;
    } else {
      const found = findNext(known, end);
      isFound = found === RECORDS;
      if (found === STRAY_QUOTE) isOpen = enterStray(end);
      else isOpen = isFound;
      if (isFound) beginRows();
      else if (!isOpen && found !== MORE) status = NEEDS_SPLITTER;
    }
  }
  set(ROWS_CHECKED, rowCount());
  set(STATUS, status);
}

/** What phase 1 has found is taken, or void. */
function adjustBlock(): void {
  blockBytes = hasRecordsLeft() ? max(blockBytes >> 1, MIN_BLOCK_BYTES) : min(blockBytes << 1, BLOCK_BYTES);
}

/** Goes over comments, then phase 1, on as many bytes as it needs. */
function findNext(known: i32, end: i32): i32 {
  const isRecord = skipComments(known);
  const from = get(NEXT_RECORD);
  for (let size = blockBytes; isRecord && from < known; size <<= 2) {
    const to = min(from + size, known);
    findStructure(to, freeFieldEnds());
    if (get(RECORDS_FOUND) > 0) return RECORDS;
    const stray = get(STRAY_AT);
    if (stray > 0) return stray - from < MAX_RECORD ? STRAY_QUOTE : TOO_LARGE;
    if (to === known) break;
  }
  return end - from > MAX_RECORD ? TOO_LARGE : MORE;
}
