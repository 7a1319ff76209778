import { writeAscii, writePadded } from './json-bytes.js';

const DAYS_OF_ERA = 146_097;
/** From 0000-03-01 to 1970-01-01. */
const DAYS_TO_EPOCH = 719_468;
/** 0001-01-01 and 9999-12-31: what a model's Date and DateTime take. */
const FIRST_DAY = -719_162;
const LAST_DAY = 2_932_896;

export function isModelDay(day: number): boolean {
  return day >= FIRST_DAY && day <= LAST_DAY;
}

/**
 * Writes days since 1970-01-01 as `YYYY-MM-DD` of the proleptic Gregorian calendar; years outside 0 to 9999 with a
 * sign and six digits at least (ISO 8601's expanded form). The last day is remembered: many rows share it.
 */
export class DateWriter {
  readonly #last = new Uint8Array(32);
  #lastDay = Number.NaN;
  #length = 0;

  write(out: Uint8Array, at: number, day: number): number {
    const last = this.#last;
    if (day !== this.#lastDay) {
      this.#length = writeDate(last, 0, day);
      this.#lastDay = day;
    }
    const length = this.#length;
    for (let i = 0; i < length; i++) out[at + i] = last[i] as number;
    return at + length;
  }
}

/** After Howard Hinnant's civil_from_days (https://howardhinnant.github.io/date_algorithms.html). */
function writeDate(out: Uint8Array, at: number, day: number): number {
  const shifted = day + DAYS_TO_EPOCH;
  const era = Math.floor(shifted / DAYS_OF_ERA);
  const dayOfEra = shifted - era * DAYS_OF_ERA;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  let end = writeYear(out, at, year);
  out[end++] = 0x2d;
  end = writePadded(out, end, month, 2);
  out[end++] = 0x2d;
  return writePadded(out, end, dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1, 2);
}

function writeYear(out: Uint8Array, at: number, year: number): number {
  if (year >= 0 && year <= 9999) return writePadded(out, at, year, 4);
  return writeAscii(out, at, `${year < 0 ? '-' : '+'}${String(Math.abs(year)).padStart(6, '0')}`);
}

/** Writes a second of the day as `hh:mm:ss`, and the fraction in `digits` digits. */
export function writeTime(out: Uint8Array, at: number, second: number, fraction: number, digits: number): number {
  const minute = (second / 60) | 0;
  const hour = (minute / 60) | 0;
  let end = writePadded(out, at, hour, 2);
  out[end++] = 0x3a;
  end = writePadded(out, end, minute - hour * 60, 2);
  out[end++] = 0x3a;
  end = writePadded(out, end, second - minute * 60, 2);
  if (digits === 0) return end;
  out[end++] = 0x2e;
  return writePadded(out, end, fraction, digits);
}
