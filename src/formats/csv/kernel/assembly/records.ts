/** Kafka records (message format v2, KIP-98) without key and headers, with a timestamp delta of 0. */

/** Bytes of a record before its value. */
export function recordHeadSize(offsetDelta: i32, valueBytes: i32): i32 {
  return varintSize(bodySize(offsetDelta, valueBytes)) + 3 + varintSize(offsetDelta) + varintSize(valueBytes);
}

/** Writes what comes before the value; returns the address behind it. */
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

/** Attributes, timestamp delta, key length and header count take a byte each. */
function bodySize(offsetDelta: i32, valueBytes: i32): i32 {
  return 4 + varintSize(offsetDelta) + varintSize(valueBytes) + valueBytes;
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
