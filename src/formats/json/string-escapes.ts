import { BACKSLASH } from './bytes.js';

const LOWER_U = 0x75;
/** What may follow a backslash, but for u. */
const SIMPLE = new Set(Buffer.from('"\\/bfnrt'));

/** The index behind the escape whose backslash is at i; -1 if it is not one. */
export function escapeEnd(bytes: Uint8Array, i: number): number {
  const kind = bytes[i + 1] ?? 0;
  if (SIMPLE.has(kind)) return i + 2;
  if (kind !== LOWER_U) return -1;
  for (let k = i + 2; k < i + 6; k++) {
    if (hexValue(bytes[k] ?? 0) < 0) return -1;
  }
  return i + 6;
}

/** Whether an escape may begin at i, with bytes behind `end` that are yet to come. */
export function mayBeEscape(bytes: Uint8Array, i: number, end: number): boolean {
  if (end >= i + 6) return false;
  for (let k = i + 2; k < end; k++) {
    if (hexValue(bytes[k] ?? 0) < 0) return false;
  }
  return (i >= end || bytes[i] === BACKSLASH) && (i + 1 >= end || bytes[i + 1] === LOWER_U);
}

/** Which half of a surrogate pair the escape at i spells, if there is one. */
export function surrogateOf(bytes: Uint8Array, i: number): 'high' | 'low' | 'none' {
  if (bytes[i] !== BACKSLASH || bytes[i + 1] !== LOWER_U || escapeEnd(bytes, i) < 0) return 'none';
  if (((bytes[i + 2] as number) | 0x20) !== 0x64) return 'none';
  const second = hexValue(bytes[i + 3] as number);
  if (second < 8) return 'none';
  return second < 12 ? 'high' : 'low';
}

/** The value of a hexadecimal digit; -1 if the byte is not one. */
function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
