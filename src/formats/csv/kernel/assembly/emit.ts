import {
  COLUMN_COUNT,
  DATA_BATCH,
  DATA_BYTES,
  DATA_CAPACITY,
  DATA_FULL,
  DATA_RECORDS,
  DLQ_BATCH,
  DLQ_BYTES,
  DLQ_CAPACITY,
  DLQ_FULL,
  DLQ_RECORDS,
  DONE,
  KEY_BYTES,
  LEFT_OVER,
  REJECTED,
  STOPPED,
  TEMPLATE_TEXT,
  TOO_LARGE,
} from '../control-slots';
import { FOREIGN, MAX_ESCAPED, MAX_FIELD_REST, ROW_BYTES, ROW_TEXT, ROWS, SURE } from '../memory-layout';
import { get, set } from './control';
import { writeObject } from './json';
import { encloseValue, MAX_RECORD_FRAME, MAX_VALUE, recordHeadSize, writeRecordHead, writeRecordTail } from './records';
import { hasTemplates, writeRejection } from './rejections';
import { copy } from './text';

/** Size limit of a record's head and tail, the numbers in a rejection, the braces of an object. */
const MAX_REST = 128;

/** Bytes of the last rejection and the last object: the next one's head will most likely be as long. */
let lastRejection = 0;
let lastObject = 0;

/** Why a record was not appended: the batch is full, or it would be too large for any. */
const NO_ROOM = 0;
const NO_RECORD = -1;

/**
 * Phase 3. Appends the rows `from` up to, not including, `to` of the table to the open batches: good rows, as they are
 * or as JSON, to the data batch, bad ones that the kernel is sure about as rejections to the DLQ batch. Stops at a row
 * that does not fit, or that is not the kernel's to decide, and returns it; STOPPED says why. `rowsBefore` is the number
 * of the last row before the table's first; an address plus `shift` is an offset in the file.
 */
export function emitRows(from: i32, to: i32, rowsBefore: f64, shift: f64): i32 {
  const data = get(DATA_BATCH);
  const dataEnd = data === 0 ? 0 : data + get(DATA_CAPACITY);
  const dlq = get(DLQ_BATCH);
  const dlqEnd = dlq === 0 ? 0 : dlq + get(DLQ_CAPACITY);
  const templateText = get(TEMPLATE_TEXT);
  const isJson = get(KEY_BYTES) !== 0;
  let dataAt = data + get(DATA_BYTES);
  let dlqAt = dlq + get(DLQ_BYTES);
  let dataRecords = get(DATA_RECORDS);
  let dlqRecords = get(DLQ_RECORDS);
  let rejected = 0;
  let stopped = DONE;
  let row = ROWS + from * ROW_BYTES;
  const end = ROWS + to * ROW_BYTES;

  for (; row < end; row += ROW_BYTES) {
    const start = load<i32>(row, 0);
    const length = load<i32>(row, 4) - start;
    const left = load<i32>(row, 12);
    if (left === 0) {
      const next = isJson
        ? appendObject(dataAt, dataEnd, dataRecords, row, length)
        : appendRow(dataAt, dataEnd, dataRecords, start, length);
      if (next <= 0) {
        stopped = next === NO_ROOM ? DATA_FULL : TOO_LARGE;
        break;
      }
      dataAt = next;
      dataRecords++;
    } else {
      if ((left & (SURE | FOREIGN)) !== SURE || templateText === 0 || !hasTemplates(row)) {
        stopped = LEFT_OVER;
        break;
      }
      const errors = 1 + (left & 0xffff);
      if (dlq === 0 || dlqAt + length * MAX_ESCAPED + errors * templateText + MAX_REST > dlqEnd) {
        stopped = DLQ_FULL;
        break;
      }
      dlqAt = appendRejection(dlqAt, dlqRecords, row, rowsBefore, <f64>start + shift);
      dlqRecords++;
      rejected++;
    }
  }

  set(DATA_BYTES, dataAt - data);
  set(DATA_RECORDS, dataRecords);
  set(DLQ_BYTES, dlqAt - dlq);
  set(DLQ_RECORDS, dlqRecords);
  set(REJECTED, rejected);
  set(STOPPED, stopped);
  return (row - ROWS) / ROW_BYTES;
}

/** Appends a row as it stands; returns the address behind the record, or NO_ROOM. */
// @inline
function appendRow(at: i32, end: i32, offsetDelta: i32, start: i32, length: i32): i32 {
  // The exact size is computed only if it matters.
  if (at + length + MAX_RECORD_FRAME > end && !fits(at, end, offsetDelta, length)) return NO_ROOM;
  return writeRecordTail(copy(writeRecordHead(at, offsetDelta, length), start, length));
}

/** Appends a row as a JSON object; returns the address behind the record, NO_ROOM, or NO_RECORD. */
function appendObject(at: i32, end: i32, offsetDelta: i32, row: i32, length: i32): i32 {
  if (at + length * MAX_ESCAPED + get(COLUMN_COUNT) * MAX_FIELD_REST + get(KEY_BYTES) + MAX_REST > end) {
    const size = writeObject(ROW_TEXT, row) - ROW_TEXT;
    if (size > MAX_VALUE) return NO_RECORD;
    if (!fits(at, end, offsetDelta, size)) return NO_ROOM;
    return writeRecordTail(copy(writeRecordHead(at, offsetDelta, size), ROW_TEXT, size));
  }
  const guess = recordHeadSize(offsetDelta, lastObject);
  const size = writeObject(at + guess, row) - at - guess;
  if (size > MAX_VALUE) return NO_RECORD;
  lastObject = size;
  return encloseValue(at, offsetDelta, guess, size);
}

function fits(at: i32, end: i32, offsetDelta: i32, size: i32): bool {
  // Without a batch the end is 0.
  return at + recordHeadSize(offsetDelta, size) + size + 1 <= end;
}

/** Writes a good row of the table as JSON to ROW_TEXT; returns its size. */
export function writeRow(row: i32): i32 {
  return writeObject(ROW_TEXT, ROWS + row * ROW_BYTES) - ROW_TEXT;
}

/** Returns the address behind the record. */
function appendRejection(at: i32, offsetDelta: i32, row: i32, rowsBefore: f64, offset: f64): i32 {
  const guess = recordHeadSize(offsetDelta, lastRejection);
  const rowNumber = <u64>rowsBefore + <u64>((row - ROWS) / ROW_BYTES + 1);
  const bytes = writeRejection(at + guess, row, rowNumber, <u64>offset) - at - guess;
  lastRejection = bytes;
  return encloseValue(at, offsetDelta, guess, bytes);
}
