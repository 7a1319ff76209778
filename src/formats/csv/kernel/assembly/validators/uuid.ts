import { bitsOf, digitBits } from './scan';

/** 8-4-4-4-12 hexadecimal digits. */
export function isUuid(at: i32, length: i32): bool {
  return (
    length === 36 &&
    isPart(v128.load(at, 0), (1 << 8) | (1 << 13)) &&
    isPart(v128.load(at, 16), (1 << 2) | (1 << 7)) &&
    // The last 16, of which the first 12 are seen twice.
    isPart(v128.load(at, 20), 1 << 3)
  );
}

/** Hyphens where the bits are, hexadecimal digits elsewhere. */
function isPart(v: v128, hyphens: i32): bool {
  const small = v128.or(v, i8x16.splat(0x20));
  const letters = i8x16.bitmask(i8x16.lt_u(i8x16.sub(small, i8x16.splat(0x61)), i8x16.splat(6)));
  return bitsOf(v, 0x2d) === hyphens && (digitBits(v) | letters | hyphens) === 0xffff;
}
