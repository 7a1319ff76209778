/** Kafka records (message format v2, KIP-98) without key and headers, with a timestamp delta of 0. */

/** The most bytes that a record has beside its value. */
export const MAX_RECORD_FRAME = 16;
/** The most bytes of a value that fit into a record of 1,000,000 bytes. */
export const MAX_VALUE = 999_989;

/** Bytes of a record before its value. */
export function recordHeadSize(offsetDelta: i32, valueBytes: i32): i32 {
  return varintSize(bodySize(offsetDelta, valueBytes)) + 3 + varintSize(offsetDelta) + varintSize(valueBytes);
}

/** Writes what comes before the value, and some bytes more; returns the address behind it. */
// @inline
export function writeRecordHead(at: i32, offsetDelta: i32, valueBytes: i32): i32 {
  at = writeVarint(at, bodySize(offsetDelta, valueBytes));
  store<u16>(at, 0); // attributes, timestamp delta
  at = writeVarint(at + 2, offsetDelta);
  store<u8>(at, 1); // no key: length −1 in zigzag
  return writeVarint(at + 1, valueBytes);
}

/** Writes what comes behind the value; returns the address behind it. */
export function writeRecordTail(at: i32): i32 {
  store<u8>(at, 0); // no headers
  return at + 1;
}

/**
 * Makes a record of a value whose size was not known before it was written: `bytes` at `at + guess`, where it belongs if
 * its head takes `guess` bytes. Returns the address behind the record.
 */
export function encloseValue(at: i32, offsetDelta: i32, guess: i32, bytes: i32): i32 {
  const head = recordHeadSize(offsetDelta, bytes);
  if (head !== guess) memory.copy(at + head, at + guess, bytes);
  // More may be written than the head.
  const first = load<u64>(at + head);
  writeRecordHead(at, offsetDelta, bytes);
  store<u64>(at + head, first);
  return writeRecordTail(at + head + bytes);
}

/** Attributes, timestamp delta, key length and header count take a byte each. */
// @inline
function bodySize(offsetDelta: i32, valueBytes: i32): i32 {
  return 4 + varintSize(offsetDelta) + varintSize(valueBytes) + valueBytes;
}

/** Size in bytes of a non-negative number as a zigzag varint. */
function varintSize(value: i32): i32 {
  return value < 0x40 ? 1 : value < 0x2000 ? 2 : value < 0x10_0000 ? 3 : 4;
}

/** Writes a non-negative number below 2^27 as a zigzag varint. Up to 4 bytes are stored, whatever its size. */
// @inline
function writeVarint(at: i32, value: i32): i32 {
  const low = ((value << 1) & 0x7f) | ((value << 2) & 0x7f00);
  if (value < 0x40) {
    store<u8>(at, <u8>low);
    return at + 1;
  }
  if (value < 0x2000) {
    store<u16>(at, <u16>(low | 0x80));
    return at + 2;
  }
  const all = low | 0x8080 | ((value << 3) & 0x7f0000) | ((value << 4) & 0x7f000000);
  if (value < 0x10_0000) {
    store<i32>(at, all);
    return at + 3;
  }
  store<i32>(at, all | 0x800000);
  return at + 4;
}
