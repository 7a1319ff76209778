import {
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
  LEFT_OVER,
  REJECTED,
  STOPPED,
  TEMPLATE_TEXT,
} from '../control-slots';
import { FOREIGN, ROW_BYTES, ROWS, SCRATCH, SURE } from '../memory-layout';
import { get, set } from './control';
import { MAX_RECORD_FRAME, recordHeadSize, writeRecordHead, writeRecordTail } from './records';
import { hasTemplates, writeRejection } from './rejections';
import { copy } from './text';

/** What a byte may become in JSON: `\u0000`. */
const MAX_ESCAPED = 6;
/** Of a record's head and tail, and the numbers in a rejection. */
const MAX_REST = 128;

/** Bytes of the last rejection: the next one's head will most likely be as long. */
let lastRejection = 0;

/**
 * Phase 3. Appends the rows `from` up to, not including, `to` of the table to the open batches: good rows as they are
 * to the data batch, bad ones that the kernel is sure about as rejections to the DLQ batch. Stops at a row that does
 * not fit, or that is not the kernel's to decide, and returns it; STOPPED says why. `rowsBefore` is the number of the
 * last row before the table's first; an address plus `shift` is an offset in the file.
 */
export function emitRows(from: i32, to: i32, rowsBefore: f64, shift: f64): i32 {
  const data = get(DATA_BATCH);
  const dataEnd = data === 0 ? 0 : data + get(DATA_CAPACITY);
  const dlq = get(DLQ_BATCH);
  const dlqEnd = dlq === 0 ? 0 : dlq + get(DLQ_CAPACITY);
  const templateText = get(TEMPLATE_TEXT);
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
      // The exact size is asked for only where it matters.
      if (dataAt + length + MAX_RECORD_FRAME > dataEnd) {
        if (data === 0 || dataAt + recordHeadSize(dataRecords, length) + length + 1 > dataEnd) {
          stopped = DATA_FULL;
          break;
        }
      }
      dataAt = writeRecordTail(copy(writeRecordHead(dataAt, dataRecords, length), start, length));
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

/** Returns the address behind the record. */
function appendRejection(at: i32, offsetDelta: i32, row: i32, rowsBefore: f64, offset: f64): i32 {
  const guess = recordHeadSize(offsetDelta, lastRejection);
  const rowNumber = <u64>rowsBefore + <u64>((row - ROWS) / ROW_BYTES + 1);
  const bytes = writeRejection(at + guess, row, rowNumber, <u64>offset) - at - guess;
  const head = recordHeadSize(offsetDelta, bytes);
  if (head !== guess) memory.copy(at + head, at + guess, bytes);
  // Beside its place, because more would be written than the head.
  writeRecordHead(SCRATCH, offsetDelta, bytes);
  memory.copy(at, SCRATCH, head);
  lastRejection = bytes;
  return writeRecordTail(at + head + bytes);
}
