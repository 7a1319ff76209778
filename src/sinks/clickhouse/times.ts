/** Dates and times from their digits, in the proleptic Gregorian calendar. What they are given was checked by a reader. */

const ZERO = 0x30;
const MINUS = 0x2d;
const COLON = 0x3a;
const UTC = 0x5a;
const POINT = 0x2e;
/** `YYYY-MM-DDThh:mm:ss` */
const SECOND_END = 19;

/** Days since 1970 of `YYYY-MM-DD` at `at`. */
export function daysAt(bytes: Uint8Array, at: number): number {
  const year = two(bytes, at) * 100 + two(bytes, at + 2);
  const month = two(bytes, at + 5);
  // Years begin in March, so that the day that is there every four years is the last one.
  const from = month > 2 ? year : year - 1;
  const century = Math.floor(from / 100);
  const ofYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + two(bytes, at + 8) - 1;
  return 365 * from + Math.floor(from / 4) - century + Math.floor(century / 4) + ofYear - 719_468;
}

/** A time as seconds since 1970 in UTC, and the digits of its fraction. */
export interface Timestamp {
  seconds: number;
  /** As if there were nine. */
  nanoseconds: number;
}

/**
 * Reads `YYYY-MM-DD[T ]hh:mm:ss(.\d{1,9})?(Z|[+-]hh:?mm)?`, UTC if it has no zone, or epoch seconds. `into` is given back,
 * so that no object is made for each value.
 */
export function readTimestamp(bytes: Uint8Array, start: number, end: number, into: Timestamp): Timestamp {
  into.nanoseconds = 0;
  if (bytes[start + 4] !== MINUS || end - start < SECOND_END) {
    into.seconds = epochSeconds(bytes, start, end);
    return into;
  }
  let seconds = daysAt(bytes, start) * 86_400;
  seconds += two(bytes, start + 11) * 3600 + two(bytes, start + 14) * 60 + two(bytes, start + 17);
  let at = start + SECOND_END;
  if (at < end && bytes[at] === POINT) {
    let unit = 1e9;
    for (at++; at < end; at++) {
      const digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9) break;
      unit /= 10;
      into.nanoseconds += digit * unit;
    }
  }
  if (at < end && bytes[at] !== UTC) {
    const minutes = bytes[at + 3] === COLON ? at + 4 : at + 3;
    const offset = two(bytes, at + 1) * 3600 + two(bytes, minutes) * 60;
    seconds += bytes[at] === MINUS ? offset : -offset;
  }
  into.seconds = seconds;
  return into;
}

function epochSeconds(bytes: Uint8Array, start: number, end: number): number {
  const isNegative = bytes[start] === MINUS;
  let value = 0;
  for (let at = isNegative ? start + 1 : start; at < end; at++) value = value * 10 + (bytes[at] as number) - ZERO;
  return isNegative ? -value : value;
}

function two(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) - ZERO) * 10 + (bytes[at + 1] as number) - ZERO;
}
