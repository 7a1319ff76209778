import { BATCH_END, BATCH_RECORDS } from '../control-slots';
import { ROW_BYTES, ROWS } from '../memory-layout';
import { get, set } from './control';

/**
 * Appends the rows `from` up to, not including, `to` of the table to the record batch at `batch` (KIP-98 records
 * without key and headers), as far as they fit into `capacity` bytes; returns the first row that did not.
 */
export function appendRows(from: i32, to: i32, batch: i32, capacity: i32): i32 {
  const limit = batch + capacity;
  let at = batch + get(BATCH_END);
  let records = get(BATCH_RECORDS);
  let row = ROWS + from * ROW_BYTES;
  const rowsEnd = ROWS + to * ROW_BYTES;
  for (; row < rowsEnd; row += ROW_BYTES) {
    const start = load<i32>(row, 0);
    const length = load<i32>(row, 4) - start;
    // Attributes, timestamp delta, key length and header count take a byte each.
    const body = 4 + varintSize(records) + varintSize(length) + length;
    if (at + varintSize(body) + body > limit) break;
    at = writeVarint(at, body);
    store<u16>(at, 0);
    at = writeVarint(at + 2, records);
    store<u8>(at, 1); // no key: length −1 in zigzag
    at = writeVarint(at + 1, length);
    copy(at, start, length);
    at += length;
    store<u8>(at, 0);
    at++;
    records++;
  }
  set(BATCH_END, at - batch);
  set(BATCH_RECORDS, records);
  return (row - ROWS) / ROW_BYTES;
}

/** Of a non-negative number as a zigzag varint. */
function varintSize(value: i32): i32 {
  return value < 0x40 ? 1 : value < 0x2000 ? 2 : value < 0x10_0000 ? 3 : 4;
}

function writeVarint(at: i32, value: i32): i32 {
  let rest = value << 1;
  if (rest < 0x80) {
    store<u8>(at, <u8>rest);
    return at + 1;
  }
  if (rest < 0x4000) {
    store<u16>(at, <u16>((rest & 0x7f) | 0x80 | ((rest >> 7) << 8)));
    return at + 2;
  }
  while (rest > 0x7f) {
    store<u8>(at, <u8>(rest | 0x80));
    at++;
    rest >>= 7;
  }
  store<u8>(at, <u8>rest);
  return at + 1;
}

/** Up to 15 bytes more than asked for are written: the next record overwrites them, or they lie behind the batch. */
function copy(to: i32, from: i32, length: i32): void {
  let done = 0;
  do {
    v128.store(to + done, v128.load(from + done));
    done += 16;
  } while (done < length);
}
