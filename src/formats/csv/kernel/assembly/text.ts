const FOUR_ZEROS: u64 = 0x30303030;
/** Eight of the character 0. */
const ZEROS: u64 = (FOUR_ZEROS << 32) | FOUR_ZEROS;

/**
 * Copies; up to 15 bytes more than asked for are written: whatever comes next overwrites them, or they lie behind a
 * batch. Returns the address behind the copy.
 */
export function copy(to: i32, from: i32, length: i32): i32 {
  let done = 0;
  do {
    v128.store(to + done, v128.load(from + done));
    done += 16;
  } while (done < length);
  return to + length;
}

/** The same for text inside a JSON string: escapes as JSON.stringify does. Each byte becomes 6 at most. */
export function copyEscaped(to: i32, from: i32, end: i32): i32 {
  while (from < end) {
    const text = v128.load(from);
    v128.store(to, text);
    const plain = min(ctz(i8x16.bitmask(escapedIn(text)) | 0x10000), end - from);
    to += plain;
    from += plain;
    if (plain < 16 && from < end) {
      to = writeEscape(to, load<u8>(from));
      from++;
    }
  }
  return to;
}

/**
 * The same for what stands inside quotes: of each escape (a quote, if quotes are doubled) and the byte behind it, that
 * byte.
 */
export function copyQuoted(to: i32, from: i32, end: i32, escapeByte: u8): i32 {
  const escapes = i8x16.splat(escapeByte);
  while (from < end) {
    const text = v128.load(from);
    v128.store(to, text);
    const special = v128.or(escapedIn(text), i8x16.eq(text, escapes));
    const plain = min(ctz(i8x16.bitmask(special) | 0x10000), end - from);
    to += plain;
    from += plain;
    if (plain < 16 && from < end) {
      if (load<u8>(from) === escapeByte) from++;
      const byte = load<u8>(from);
      to = isEscaped(byte) ? writeEscape(to, byte) : writeByte(to, byte);
      from++;
    }
  }
  return to;
}

function escapedIn(text: v128): v128 {
  return v128.or(
    v128.or(i8x16.eq(text, i8x16.splat(0x22)), i8x16.eq(text, i8x16.splat(0x5c))),
    i8x16.lt_u(text, i8x16.splat(0x20)),
  );
}

function isEscaped(byte: u8): bool {
  return byte < 0x20 || byte === 0x22 || byte === 0x5c;
}

export function writeByte(to: i32, byte: u8): i32 {
  store<u8>(to, byte);
  return to + 1;
}

function writeEscape(to: i32, byte: u8): i32 {
  const letter = shortEscape(byte);
  store<u8>(to, 0x5c, 0);
  store<u8>(to, letter, 1);
  if (letter !== 0x75) return to + 2;
  store<u16>(to, 0x3030, 2);
  store<u8>(to, 0x30 + (byte >> 4), 4);
  store<u8>(to, hexDigit(byte & 15), 5);
  return to + 6;
}

/** The letter behind the backslash; `u` if four digits follow. */
function shortEscape(byte: u8): u8 {
  if (byte === 0x22 || byte === 0x5c) return byte;
  if (byte === 0x0a) return 0x6e;
  if (byte === 0x0d) return 0x72;
  if (byte === 0x09) return 0x74;
  if (byte === 0x08) return 0x62;
  return byte === 0x0c ? 0x66 : 0x75;
}

function hexDigit(value: u8): u8 {
  return value < 10 ? 0x30 + value : 0x57 + value;
}

/** Writes a number in decimal digits, and up to 8 bytes more. */
export function writeNumber(to: i32, value: u64): i32 {
  if (value < 100_000_000) {
    const digits = eightDigits(<u32>value);
    const zeros = min(<i32>ctz(digits) >> 3, 7);
    store<u64>(to, (digits | ZEROS) >> (zeros << 3));
    return to + 8 - zeros;
  }
  // Division takes less time in 32 bits.
  const high: u64 = value <= u32.MAX_VALUE ? <u32>value / 100_000_000 : value / 100_000_000;
  to = writeNumber(to, high);
  store<u64>(to, eightDigits(<u32>(value - high * 100_000_000)) | ZEROS);
  return to + 8;
}

/** The digits of a number below 10^8, one a byte, the first in the lowest: halved three times, all parts at once. */
function eightDigits(value: u32): u64 {
  const fours = <u64>(value / 10_000) | ((<u64>(value % 10_000)) << 32);
  const hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
  const twos = hundreds | ((fours - hundreds * 100) << 16);
  const tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
  return tens | ((twos - tens * 10) << 8);
}
