const ZERO = 0x30;
const PLUS = 0x2b;
const MINUS = 0x2d;

/** The index behind a sign, if there is one. */
export function skipSign(text: string, from: number): number {
  const code = text.charCodeAt(from);
  return code === PLUS || code === MINUS ? from + 1 : from;
}

/** The index behind all ASCII digits from there on. */
export function skipDigits(text: string, from: number): number {
  let i = from;
  for (;;) {
    const digit = text.charCodeAt(i) - ZERO;
    // NaN, behind the end of the text, compares false.
    if (!(digit >= 0 && digit <= 9)) return i;
    i += 1;
  }
}

/** The index behind all zeros from there on. */
export function skipZeros(text: string, from: number): number {
  let i = from;
  while (text.charCodeAt(i) === ZERO) i += 1;
  return i;
}
