const LF: u8 = 0x0a;
const CR: u8 = 0x0d;

/** The address of the first LF or CR in [from, to); `to` if there is none. */
export function findLineEnd(from: i32, to: i32): i32 {
  for (let at = from; at < to; at += 16) {
    const text = v128.load(at);
    const found = i8x16.bitmask(v128.or(i8x16.eq(text, i8x16.splat(LF)), i8x16.eq(text, i8x16.splat(CR))));
    if (found !== 0) return min(at + ctz(found), to);
  }
  return to;
}

/** The address behind the line end at `at`, whose next byte is known. */
export function behindLineEnd(at: i32): i32 {
  return load<u8>(at) === CR && load<u8>(at, 1) === LF ? at + 2 : at + 1;
}
