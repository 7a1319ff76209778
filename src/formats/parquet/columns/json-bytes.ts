/** Pieces of JSON written as bytes. Each function writes at `at`, where there must be room, and returns the end. */

const ZERO = 0x30;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BILLION = 1e9;
const TWO_32 = 2 ** 32;

/** How to write an ASCII character inside a string: 0 as it is, 0x75 as \u00xx, else the letter behind a backslash. */
const ESCAPES = new Uint8Array(256).fill(0x75, 0, 0x20);
for (const [character, letter] of ['""', '\\\\', '\bb', '\ff', '\nn', '\rr', '\tt']) {
  ESCAPES[(character as string).charCodeAt(0)] = (letter as string).charCodeAt(0);
}

export function writeAscii(out: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) out[at + i] = text.charCodeAt(i);
  return at + text.length;
}

/** A whole number from 0 to 2^53 - 1. */
export function writeWhole(out: Uint8Array, at: number, value: number): number {
  if (value < BILLION) return writeSmall(out, at, value);
  const high = Math.floor(value / BILLION);
  return writePadded(out, writeWhole(out, at, high), value - high * BILLION, 9);
}

/** Below 10^9. */
function writeSmall(out: Uint8Array, at: number, value: number): number {
  let end = at + 1;
  for (let bound = 10; bound <= value; bound *= 10) end += 1;
  let left = value | 0;
  for (let i = end - 1; i >= at; i--) {
    const tenth = (left / 10) | 0;
    out[i] = ZERO + left - tenth * 10;
    left = tenth;
  }
  return end;
}

/** A whole number below 10^9 in `digits` digits. */
export function writePadded(out: Uint8Array, at: number, value: number, digits: number): number {
  let left = value | 0;
  for (let i = at + digits - 1; i >= at; i--) {
    const tenth = (left / 10) | 0;
    out[i] = ZERO + left - tenth * 10;
    left = tenth;
  }
  return at + digits;
}

/** The two's complement number of 64 bits that these halves are. */
export function writeInt64(out: Uint8Array, at: number, high: number, low: number): number {
  const value = high * TWO_32 + (low >>> 0);
  if (!Number.isSafeInteger(value)) return writeAscii(out, at, String((BigInt(high) << 32n) + BigInt(low >>> 0)));
  return writeInteger(out, at, value);
}

/** A safe integer. */
export function writeInteger(out: Uint8Array, at: number, value: number): number {
  if (value >= 0) return writeWhole(out, at, value);
  out[at] = 0x2d;
  return writeWhole(out, at + 1, -value);
}

/** UTF-8 as a JSON string, escaped as JSON.stringify does. */
export function writeString(out: Uint8Array, at: number, bytes: Uint8Array, from: number, to: number): number {
  let end = at;
  out[end++] = QUOTE;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    const letter = ESCAPES[byte] as number;
    if (letter === 0) out[end++] = byte;
    else end = writeEscape(out, end, byte, letter);
  }
  out[end++] = QUOTE;
  return end;
}

function writeEscape(out: Uint8Array, at: number, byte: number, letter: number): number {
  out[at] = BACKSLASH;
  out[at + 1] = letter;
  if (letter !== 0x75) return at + 2;
  return writeAscii(out, at + 2, byte.toString(16).padStart(4, '0'));
}
