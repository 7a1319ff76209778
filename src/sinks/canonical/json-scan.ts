const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Offset of the quote that ends the string whose text begins at `start`. */
export function stringEnd(bytes: Buffer, start: number): number {
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  throw new Error(`a string of a row does not end, at byte ${start} of its block`);
}

/** Offset behind the JSON value that begins at `start`. */
export function valueEnd(bytes: Buffer, start: number): number {
  let depth = 0;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) at = stringEnd(bytes, at + 1);
    else if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) depth--;
    // A number or a word ends where its neighbours begin.
    else if (!isBlank(byte) && byte !== 0x2c && byte !== 0x3a) at = wordEnd(bytes, at) - 1;
    if (depth === 0) return at + 1;
  }
  throw new Error(`a value of a row does not end, at byte ${start} of its block`);
}

function wordEnd(bytes: Buffer, start: number): number {
  let at = start + 1;
  for (; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte <= 0x20 || byte === 0x2c || byte === 0x5d || byte === 0x7d) break;
  }
  return at;
}

export function skipBlanks(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && isBlank(bytes[at] as number)) at++;
  return at;
}

function isBlank(byte: number): boolean {
  return byte <= 0x20;
}

/** The members of the object at `start`, in its order, the last one of each name. */
export function objectMembers(bytes: Buffer, start: number): Map<string, number> {
  const members = new Map<string, number>();
  let at = skipBlanks(bytes, start + 1);
  while (bytes[at] !== 0x7d) {
    const end = stringEnd(bytes, at + 1);
    const name = JSON.parse(bytes.toString('utf8', at, end + 1)) as string;
    // Behind the colon.
    const value = skipBlanks(bytes, skipBlanks(bytes, end + 1) + 1);
    members.set(name, value);
    at = skipBlanks(bytes, valueEnd(bytes, value));
    if (bytes[at] === 0x2c) at = skipBlanks(bytes, at + 1);
  }
  return members;
}

/** Where the elements of the array at `start` begin. */
export function* arrayElements(bytes: Buffer, start: number): Generator<number> {
  let at = skipBlanks(bytes, start + 1);
  while (bytes[at] !== 0x5d) {
    yield at;
    at = skipBlanks(bytes, valueEnd(bytes, at));
    if (bytes[at] === 0x2c) at = skipBlanks(bytes, at + 1);
  }
}
