/** A value and its row, from 1. */
export interface ValueSample {
  text: string;
  row: number;
}

const ZERO = 0x30;
const HYPHEN = 0x2d;
const PLUS = 0x2b;

/** What the tests of types do not tell about a column's values, null aside. */
export class ValueFacts {
  values = 0;
  /** Values that are exactly `0`, and `1`. */
  zeros = 0;
  ones = 0;
  /** The first value that is neither. */
  noBit: ValueSample | null = null;
  /** The first number whose leading zeros or plus would be lost if it were taken for one: a code, not a quantity. */
  code: ValueSample | null = null;
  /** The most digits before the point, leading zeros aside. */
  wholeDigits = 0;
  /** The fewest and the most digits after the point of any number. */
  fewestFractionDigits = Number.POSITIVE_INFINITY;
  mostFractionDigits = 0;
  hasExponent = false;
  /** The most digits of a second's fraction. */
  secondDigits = 0;
  /** Values that begin like a date. */
  dates = 0;
  /** The first number that may be a day YYYYMMDD. */
  compactDay: ValueSample | null = null;
  readonly number = new Extent(compareNumbers);
  readonly date = new Extent(compareTexts);

  /** Takes a value that is a number. */
  takeNumber(text: string, row: number): void {
    if (text === '0') this.zeros += 1;
    else if (text === '1') this.ones += 1;
    else this.noBit ??= { text, row };
    const first = text.charCodeAt(0);
    const from = first === HYPHEN || first === PLUS ? 1 : 0;
    if (this.code === null && (first === PLUS || hasLeadingZero(text, from))) this.code = { text, row };
    const exponent = text.search(/[eE]/);
    if (exponent >= 0) this.hasExponent = true;
    const stop = exponent < 0 ? text.length : exponent;
    const point = text.indexOf('.');
    const fraction = point < 0 ? 0 : stop - point - 1;
    this.wholeDigits = Math.max(this.wholeDigits, (point < 0 ? stop : point) - from);
    this.fewestFractionDigits = Math.min(this.fewestFractionDigits, fraction);
    this.mostFractionDigits = Math.max(this.mostFractionDigits, fraction);
    this.number.take(text);
  }

  /** Takes a value that is a date or a time. */
  takeDate(text: string, row: number): void {
    if (text.charCodeAt(4) !== HYPHEN) {
      if (this.compactDay === null && /^(?:19|20)\d{6}$/.test(text)) this.compactDay = { text, row };
      return;
    }
    this.dates += 1;
    const point = text.indexOf('.');
    if (point >= 0)
      this.secondDigits = Math.max(this.secondDigits, /^\d+/.exec(text.slice(point + 1))?.[0].length ?? 0);
    this.date.take(text);
  }
}

/** The least and the greatest of some texts. */
export class Extent {
  min: string | null = null;
  max: string | null = null;

  constructor(private readonly compare: (a: string, b: string) => number) {}

  take(text: string): void {
    if (this.min === null || this.compare(text, this.min) < 0) this.min = text;
    if (this.max === null || this.compare(text, this.max) > 0) this.max = text;
  }
}

function hasLeadingZero(text: string, from: number): boolean {
  const second = text.charCodeAt(from + 1) - ZERO;
  return text.charCodeAt(from) === ZERO && second >= 0 && second <= 9;
}

export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** Compares by value; whole numbers even if a double cannot tell them apart. */
export function compareNumbers(a: string, b: string): number {
  const difference = Number(a) - Number(b);
  if (difference !== 0) return difference;
  if (Number.isSafeInteger(Number(a)) || !/^-?\d+$/.test(a) || !/^-?\d+$/.test(b)) return 0;
  const [left, right] = [BigInt(a), BigInt(b)];
  return left < right ? -1 : Number(left > right);
}
