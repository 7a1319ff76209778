import type { Column } from '../models/schema/index.js';

/** What stands for a column in a row. */
export const ABSENT = 0;
export const NULL = 1;
export const STRING = 2;
export const NUMBER = 3;
export const TRUE = 4;
export const FALSE = 5;
/** An array or an object. */
export const NESTED = 6;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;

/** A member of a row that the model does not know. */
export interface ExtraField {
  name: string;
  kind: number;
  start: number;
  end: number;
}

/**
 * Finds the values of rows: JSON objects without repeated members, as the readers write them. Values stay where they are, so
 * that no number is rounded and no string is made in vain. The rows of a job mostly have the same members in one order,
 * which is tried first.
 */
export class JsonFields {
  /** By column of the model: ABSENT, NULL, … */
  readonly kinds: Uint8Array;
  /** The value's bytes; of a STRING those between the quotes. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** 1: the STRING has escapes, see `textOf`. */
  readonly escaped: Uint8Array;
  /** The others, in the row's order. */
  readonly extras: ExtraField[] = [];
  readonly #index: ReadonlyMap<string, number>;
  readonly #names: readonly Buffer[];
  /** Column by place in the row before; -1: one that the model does not know. */
  readonly #order: number[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  #hasEscape = false;

  constructor(columns: readonly Column[]) {
    this.kinds = new Uint8Array(columns.length);
    this.starts = new Uint32Array(columns.length);
    this.ends = new Uint32Array(columns.length);
    this.escaped = new Uint8Array(columns.length);
    this.#index = new Map(columns.map(({ name }, index) => [name, index]));
    this.#names = columns.map(({ name }) => Buffer.from(name));
  }

  /** Throws an Error if `bytes[start, end)` is not an object, which a reader has never written. */
  read(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.kinds.fill(ABSENT);
    this.extras.length = 0;
    let at = skipBlanks(bytes, start);
    if (bytes[at] !== OPEN_BRACE) throw malformed(at);
    at = skipBlanks(bytes, at + 1);
    for (let place = 0; at < end && bytes[at] !== CLOSE_BRACE; place++) {
      if (bytes[at] !== QUOTE) throw malformed(at);
      const nameStart = at + 1;
      const column = this.#columnAt(nameStart, place);
      const nameEnd = column.end;
      at = skipBlanks(bytes, nameEnd + 1);
      if (bytes[at] !== COLON) throw malformed(at);
      at = skipBlanks(bytes, at + 1);
      const valueEnd = this.#value(at, end, column.index, nameStart, nameEnd);
      at = skipBlanks(bytes, valueEnd);
      if (bytes[at] === COMMA) at = skipBlanks(bytes, at + 1);
      else if (bytes[at] !== CLOSE_BRACE) throw malformed(at);
    }
    if (at >= end) throw malformed(at);
  }

  /** The text of a STRING, its escapes resolved. */
  textOf(column: number): string {
    const start = this.starts[column] as number;
    const end = this.ends[column] as number;
    return this.escaped[column] === 1
      ? (JSON.parse(this.#bytes.toString('utf8', start - 1, end + 1)) as string)
      : this.#bytes.toString('utf8', start, end);
  }

  /** The JSON text of a value; of a STRING with its quotes. */
  jsonOf(column: number): string {
    const isString = this.kinds[column] === STRING ? 1 : 0;
    return this.#bytes.toString(
      'utf8',
      (this.starts[column] as number) - isString,
      (this.ends[column] as number) + isString,
    );
  }

  readonly #found = { index: -1, end: 0 };

  /** The column whose name begins at `start`, and where the name ends. */
  #columnAt(start: number, place: number): { index: number; end: number } {
    const found = this.#found;
    const expected = this.#order[place] ?? -1;
    if (expected >= 0) {
      const name = this.#names[expected] as Buffer;
      const end = start + name.length;
      if (this.#bytes[end] === QUOTE && isSame(this.#bytes, start, name)) {
        found.index = expected;
        found.end = end;
        return found;
      }
    }
    const end = this.#stringEnd(start);
    const text = this.#hasEscape
      ? (JSON.parse(this.#bytes.toString('utf8', start - 1, end + 1)) as string)
      : this.#bytes.toString('utf8', start, end);
    found.index = this.#index.get(text) ?? -1;
    found.end = end;
    this.#order[place] = this.#hasEscape ? -1 : found.index;
    return found;
  }

  /** Takes the value that begins at `at`; gives where it ends. */
  #value(at: number, limit: number, column: number, nameStart: number, nameEnd: number): number {
    const bytes = this.#bytes;
    const first = bytes[at] as number;
    let kind: number;
    let start = at;
    let end: number;
    let next: number;
    let escaped = 0;
    if (first === QUOTE) {
      kind = STRING;
      start = at + 1;
      end = this.#stringEnd(start);
      escaped = this.#hasEscape ? 1 : 0;
      next = end + 1;
    } else if (first === OPEN_BRACE || first === OPEN_BRACKET) {
      kind = NESTED;
      end = this.#nestedEnd(at, limit);
      next = end;
    } else {
      end = at;
      for (let byte = first; end < limit && byte !== COMMA && byte !== CLOSE_BRACE && byte > 0x20; ) {
        byte = bytes[++end] as number;
      }
      if (end === at) throw malformed(at);
      kind = first === 0x6e ? NULL : first === 0x74 ? TRUE : first === 0x66 ? FALSE : NUMBER;
      next = end;
    }
    if (column >= 0) {
      this.kinds[column] = kind;
      this.starts[column] = start;
      this.ends[column] = end;
      this.escaped[column] = escaped;
    } else {
      const name = JSON.parse(bytes.toString('utf8', nameStart - 1, nameEnd + 1)) as string;
      this.extras.push({ name, kind, start, end });
    }
    return next;
  }

  /** Offset of the quote that ends the string whose text begins at `start`. */
  #stringEnd(start: number): number {
    const bytes = this.#bytes;
    this.#hasEscape = false;
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH) {
        this.#hasEscape = true;
        at++;
      }
    }
    throw malformed(start);
  }

  #nestedEnd(start: number, limit: number): number {
    const bytes = this.#bytes;
    let depth = 0;
    for (let at = start; at < limit; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) at = this.#stringEnd(at + 1);
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
      else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) return at + 1;
    }
    throw malformed(start);
  }
}

function skipBlanks(bytes: Buffer, from: number): number {
  let at = from;
  while ((bytes[at] as number) <= 0x20 && at < bytes.length) at++;
  return at;
}

function isSame(bytes: Buffer, start: number, name: Buffer): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name[i]) return false;
  return true;
}

function malformed(at: number): Error {
  return new Error(`a row in the topic is not a JSON object, at byte ${at} of its block`);
}
