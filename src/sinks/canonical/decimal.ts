/** Zeros that a number may gain when it is written without its exponent. */
const MAX_ADDED_ZEROS = 20;
/** Limits of PostgreSQL's numeric: digits before and behind the point. */
const MAX_WHOLE_DIGITS = 131_072;
const MAX_FRACTION_DIGITS = 16_383;

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/**
 * The one spelling of a decimal number that equals this text: no plus, no leading zeros, no trailing zeros of the fraction,
 * `0` for every zero, digits in full. null: the text is not a number, or PostgreSQL's numeric does not hold it.
 *
 * A number that would gain more than 20 zeros is written as `1.5e300` or `1.5e-300` instead: a row of a megabyte could
 * otherwise become gigabytes. `isPlain`: never, for types whose texts have no exponent.
 */
export function canonicalDecimal(text: string, isPlain = false): string | null {
  const [, sign, whole = '', fraction = '', exponent = '0'] = DECIMAL.exec(text) ?? [];
  if (sign === undefined || whole.length + fraction.length === 0) return null;
  const all = whole + fraction;
  const first = firstDigit(all);
  if (first === all.length) return '0';
  const digits = all.slice(first, lastDigit(all) + 1);
  // Where the point stands, in digits from the first one on.
  const point = whole.length - first + Number(exponent);
  if (point > MAX_WHOLE_DIGITS || digits.length - point > MAX_FRACTION_DIGITS) return null;
  const minus = sign === '-' ? '-' : '';
  const zeros = point > digits.length ? point - digits.length : Math.max(0, -point);
  if (zeros > MAX_ADDED_ZEROS && !isPlain) {
    const rest = digits.length > 1 ? `.${digits.slice(1)}` : '';
    return `${minus}${digits[0]}${rest}e${point - 1}`;
  }
  if (point >= digits.length) return minus + digits + '0'.repeat(zeros);
  if (point > 0) return `${minus}${digits.slice(0, point)}.${digits.slice(point)}`;
  return `${minus}0.${'0'.repeat(zeros)}${digits}`;
}

/**
 * The number that a float holds which was read from this text, with as few digits as give it back: of a Float64 as
 * ECMAScript writes it, of a Float32 at least six before zeros are left out. null: not a number, or an infinite one.
 */
export function canonicalFloat(text: string, bits: 32 | 64): string | null {
  if (!DECIMAL.test(text)) return null;
  const value = bits === 32 ? Math.fround(Number(text)) : Number(text);
  if (!Number.isFinite(value)) return null;
  if (bits === 64) return canonicalDecimal(String(value));
  for (let precision = 6; precision < 9; precision++) {
    const digits = value.toPrecision(precision);
    if (Math.fround(Number(digits)) === value) return canonicalDecimal(digits);
  }
  return canonicalDecimal(value.toPrecision(9));
}

function firstDigit(digits: string): number {
  let at = 0;
  while (digits.charCodeAt(at) === 0x30) at++;
  return at;
}

function lastDigit(digits: string): number {
  let at = digits.length - 1;
  while (digits.charCodeAt(at) === 0x30) at--;
  return at;
}
