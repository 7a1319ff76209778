export const POINT: u8 = 0x2e;

/** Bit i is set where byte i of 16 is an ASCII digit. */
export function digitBits(v: v128): i32 {
  // The digits become the ten lowest signed numbers: comparing unsigned ones takes the processor three steps more.
  return i8x16.bitmask(i8x16.lt_s(i8x16.add(v, i8x16.splat(0x50)), i8x16.splat(-118)));
}

/** Bit i is set where byte i of 16 is that byte. */
export function bitsOf(v: v128, byte: u8): i32 {
  return i8x16.bitmask(i8x16.eq(v, i8x16.splat(byte)));
}

/** Whether the bits, of bytes from `at` on, are none or that of one point. */
export function isPoint(bits: i32, at: i32): bool {
  return bits === 0 || ((bits & (bits - 1)) === 0 && load<u8>(at + ctz(bits)) === POINT);
}

/** As many bits as there are bytes, 16 at most. */
export function allBits(length: i32): i32 {
  return (1 << length) - 1;
}

/** From 1 to `most`. */
export function isWithin(length: i32, most: i32): bool {
  return <u32>(length - 1) < <u32>most;
}

export function isDigit(at: i32): bool {
  return <u32>load<u8>(at) - 0x30 < 10;
}

export function isSign(at: i32): bool {
  const byte = load<u8>(at);
  return byte === 0x2b || byte === 0x2d;
}

/** The address behind all digits from there on, at most `stop`. */
export function skipDigits(at: i32, stop: i32): i32 {
  while (at < stop && isDigit(at)) at++;
  return at;
}

/** The address behind all zeros from there on, at most `stop`. */
export function skipZeros(at: i32, stop: i32): i32 {
  while (at < stop && load<u8>(at) === 0x30) at++;
  return at;
}
