import { type ColumnType, parseColumnType, type ValueSchema } from '../../models/schema/index.js';
import { FALSE, NESTED, NULL, NUMBER, STRING, TRUE } from '../json-fields.js';
import type { SinkRowErrorCode } from '../sink-reject.js';
import type { ByteWriter } from './byte-writer.js';
import { canonicalDecimal, canonicalFloat } from './decimal.js';
import { arrayElements, objectMembers, skipBlanks, stringEnd, valueEnd } from './json-scan.js';
import { isWholeSecondUtc, utcTimestamp } from './timestamp.js';

const ZERO = 0x30;
const MINUS = 0x2d;
const POINT = 0x2e;
const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Digits that a float always gives back, so that their text is the shortest. */
const SAFE_DIGITS = { 32: 6, 64: 15 } as const;
const MAX_OBSERVED = 256;

/** What is known of a value's type; null: nothing. */
export interface ValuePlan {
  type: ColumnType | { kind: 'nested' };
  isEmail: boolean;
  items: ValuePlan | null;
  properties: ReadonlyMap<string, ValuePlan>;
}

export function planValue(schema: ValueSchema): ValuePlan {
  const type = parseColumnType(schema.type);
  return {
    type: typeof type === 'string' ? { kind: 'nested' } : type,
    isEmail: schema.constraints.format === 'email',
    items: schema.items === undefined ? null : planValue(schema.items),
    properties: new Map((schema.properties ?? []).map((property) => [property.name, planValue(property)])),
  };
}

/** Why a value cannot be stored. */
export interface ValueProblem {
  error: SinkRowErrorCode;
  observed: string;
  message: string;
}

/** Writes values of rows in the canonical form (docs/reference/content-hash.md). */
export class CanonicalValues {
  /** The first value since it was set to null that the form does not have. */
  problem: ValueProblem | null = null;

  constructor(private readonly out: ByteWriter) {}

  /**
   * `kind`: as JsonFields has it, not ABSENT or NULL. `bytes[start, end)`: the value; of a STRING what is between its quotes.
   * A value that is not of its type is written as JSON alone says.
   */
  write(plan: ValuePlan | null, kind: number, bytes: Buffer, start: number, end: number): void {
    if (kind === NESTED) this.#nested(plan, bytes, start);
    else if (plan === null || !this.#typed(plan, kind, bytes, start, end)) this.#untyped(kind, bytes, start, end);
  }

  /** false, and nothing is written: it is not of the type. */
  #typed(plan: ValuePlan, kind: number, bytes: Buffer, start: number, end: number): boolean {
    const { type } = plan;
    switch (type.kind) {
      case 'string':
        if (!plan.isEmail || kind !== STRING) return false;
        this.#string(textOf(bytes, start, end).trim().toLowerCase());
        return true;
      case 'int':
      case 'decimal':
        return isText(kind) && (this.#plainNumber(bytes, start, end, end - start) || this.#decimal(bytes, start, end));
      case 'float':
        return (
          isText(kind) &&
          (this.#plainNumber(bytes, start, end, SAFE_DIGITS[type.bits]) || this.#float(bytes, start, end, type.bits))
        );
      case 'bool':
        return this.#bool(kind, bytes, start, end);
      case 'datetime':
      case 'datetime64':
        return isText(kind) && this.#time(bytes, start, end);
      case 'formatted':
        // Rows have it by ISO 8601.
        return type.as === 'datetime' && isText(kind) && this.#time(bytes, start, end);
      case 'uuid':
        if (kind !== STRING) return false;
        this.#string(textOf(bytes, start, end).toLowerCase());
        return true;
      default:
        return false;
    }
  }

  #untyped(kind: number, bytes: Buffer, start: number, end: number): void {
    if (kind === STRING) {
      if (hasBackslash(bytes, start, end)) this.#string(textOf(bytes, start, end));
      else {
        this.out.byte(QUOTE);
        this.out.copy(bytes, start, end);
        this.out.byte(QUOTE);
      }
    } else if (kind === NUMBER) {
      if (this.#plainNumber(bytes, start, end, end - start)) return;
      const number = canonicalDecimal(bytes.toString('latin1', start, end));
      if (number === null)
        this.#fail('OUT_OF_RANGE', bytes, start, end, 'the number has more digits than numeric holds');
      else this.out.text(number);
    } else {
      this.out.text(kind === TRUE ? 'true' : kind === FALSE ? 'false' : 'null');
    }
  }

  /** Copies a number that has its canonical spelling, of at most `maxDigits` digits; false: nothing is written. */
  #plainNumber(bytes: Buffer, start: number, end: number, maxDigits: number): boolean {
    const digitsFrom = bytes[start] === MINUS ? start + 1 : start;
    const size = end - digitsFrom;
    if (size < 1) return false;
    let point = -1;
    for (let at = digitsFrom; at < end; at++) {
      const byte = bytes[at] as number;
      if (byte >= ZERO && byte <= 0x39) continue;
      if (byte !== POINT || point >= 0 || at === digitsFrom) return false;
      point = at;
    }
    const whole = point < 0 ? size : point - digitsFrom;
    if (bytes[digitsFrom] === ZERO && (whole > 1 || (point < 0 && digitsFrom > start))) return false;
    if (point >= 0 && (point === end - 1 || bytes[end - 1] === ZERO)) return false;
    // The long way decides whether zeros are written out, or an exponent stays.
    if (size > maxDigits || size > 20) return false;
    this.out.copy(bytes, start, end);
    return true;
  }

  #decimal(bytes: Buffer, start: number, end: number): boolean {
    const text = canonicalDecimal(bytes.toString('latin1', start, end), true);
    if (text === null) return false;
    this.out.text(text);
    return true;
  }

  #float(bytes: Buffer, start: number, end: number, bits: 32 | 64): boolean {
    const text = canonicalFloat(bytes.toString('latin1', start, end), bits);
    if (text === null) return false;
    this.out.text(text);
    return true;
  }

  #bool(kind: number, bytes: Buffer, start: number, end: number): boolean {
    if (isText(kind)) {
      const text = bytes.toString('latin1', start, end).toLowerCase();
      if (text === '1' || text === 'true') kind = TRUE;
      else if (text === '0' || text === 'false') kind = FALSE;
      else return false;
    }
    this.out.text(kind === TRUE ? 'true' : 'false');
    return true;
  }

  #time(bytes: Buffer, start: number, end: number): boolean {
    const { out } = this;
    if (isWholeSecondUtc(bytes, start, end)) {
      out.byte(QUOTE);
      out.copy(bytes, start, start + 19);
      out.bytes[out.length - 9] = 0x54;
      out.byte(0x5a);
      out.byte(QUOTE);
      return true;
    }
    const time = utcTimestamp(bytes.toString('latin1', start, end));
    if (time === null) return false;
    out.text(`"${time}"`);
    return true;
  }

  #nested(plan: ValuePlan | null, bytes: Buffer, start: number): void {
    const { out } = this;
    if (bytes[start] === 0x5b) {
      let close = 0x5b;
      for (const element of arrayElements(bytes, start)) {
        out.byte(close);
        close = COMMA;
        this.#element(plan?.items ?? null, bytes, element);
      }
      if (close === 0x5b) out.byte(close);
      out.byte(0x5d);
      return;
    }
    let separator = 0x7b;
    for (const [name, value] of [...objectMembers(bytes, start)].sort(byName)) {
      const property = plan?.properties.get(name) ?? null;
      // Readers of Parquet write members of a struct that are null, those of JSON what is there.
      if (property !== null && bytes[value] === 0x6e) continue;
      out.byte(separator);
      separator = COMMA;
      this.#string(name);
      out.byte(0x3a);
      this.#element(property, bytes, value);
    }
    if (separator === 0x7b) out.byte(separator);
    out.byte(0x7d);
  }

  #element(plan: ValuePlan | null, bytes: Buffer, start: number): void {
    const at = skipBlanks(bytes, start);
    const kind = kindAt(bytes, at);
    if (kind === NULL) this.out.text('null');
    else if (kind === STRING) this.write(plan, kind, bytes, at + 1, stringEnd(bytes, at + 1));
    else this.write(plan, kind, bytes, at, valueEnd(bytes, at));
  }

  #string(text: string): void {
    if (text.includes('\0')) this.#refuse(text, 'the text has the character U+0000');
    else if (!text.isWellFormed()) this.#refuse(text, 'the text has half a surrogate pair');
    this.out.text(JSON.stringify(text));
  }

  #refuse(text: string, message: string): void {
    const observed = text.toWellFormed().replaceAll('\0', '\u{fffd}').slice(0, MAX_OBSERVED);
    this.problem ??= { error: 'UNSUPPORTED_VALUE', observed: observed.toWellFormed(), message };
  }

  #fail(error: SinkRowErrorCode, bytes: Buffer, start: number, end: number, message: string): void {
    this.problem ??= { error, observed: bytes.toString('latin1', start, Math.min(end, start + MAX_OBSERVED)), message };
    this.out.text('0');
  }
}

/** By UTF-16 code units, as RFC 8785 orders members. */
export function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The text of a string whose bytes between the quotes these are. */
export function textOf(bytes: Buffer, start: number, end: number): string {
  return hasBackslash(bytes, start, end)
    ? (JSON.parse(bytes.toString('utf8', start - 1, end + 1)) as string)
    : bytes.toString('utf8', start, end);
}

function hasBackslash(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return true;
  return false;
}

function isText(kind: number): boolean {
  return kind === STRING || kind === NUMBER;
}

function kindAt(bytes: Buffer, at: number): number {
  const byte = bytes[at] as number;
  if (byte === QUOTE) return STRING;
  if (byte === 0x7b || byte === 0x5b) return NESTED;
  return byte === 0x6e ? NULL : byte === 0x74 ? TRUE : byte === 0x66 ? FALSE : NUMBER;
}
