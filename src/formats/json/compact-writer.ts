import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COMMA,
  isBlank,
  MINUS,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  ZERO,
} from './bytes.js';
import type { ScalarCheck } from './scalar-check.js';
import { keyEnd, type SchemaMember, type SchemaNode } from './schema-node.js';

/** What `null` begins with. */
const NULL_BYTE = 0x6e;

/**
 * Writes objects that were checked as compact JSON: without blanks, strings as JSON.stringify escapes them, numbers
 * with the digits that are there (-0 of an integer as 0), decimals and epoch seconds that are strings as numbers, formatted times
 * by ISO 8601,
 * texts as they are normalized, members under the names that they are given. What needs no change is copied.
 */
export class CompactWriter {
  /** The last object that was written is `bytes[0, length)`. */
  bytes: Buffer = Buffer.alloc(65_536);
  length = 0;
  #source: Buffer = Buffer.alloc(0);
  #stop = 0;
  /** The first byte of the source that is neither written nor left out. */
  #pending = 0;

  /** Writes the object source[start, stop), which was found at this place. */
  write(place: SchemaNode, source: Buffer, start: number, stop: number): void {
    if (this.bytes.length < stop - start) this.bytes = Buffer.alloc(2 * (stop - start));
    this.#source = source;
    this.#stop = stop;
    this.length = 0;
    this.#pending = start;
    this.#value(place, start);
    this.#flush(stop);
  }

  /** The index behind the value at i. */
  #value(place: SchemaNode, i: number): number {
    switch (this.#source[i]) {
      case OPEN_BRACE:
        return this.#object(place.isObject ? place : place.anything, i + 1);
      case OPEN_BRACKET:
        return this.#array(place.isArray ? place.items : place.anything.items, i + 1);
      case QUOTE:
        return this.#string(place.text, i);
      default:
        return this.#word(place, i);
    }
  }

  #object(place: SchemaNode, i: number): number {
    const source = this.#source;
    let at = this.#skipBlanks(i);
    let previous: SchemaMember | null = null;
    while (source[at] !== CLOSE_BRACE) {
      if (source[at] === COMMA) at = this.#skipBlanks(at + 1);
      const nameAt = at;
      const expected: SchemaMember | null = previous === null ? place.first : previous.next;
      const quoteAt: number =
        expected === null || expected.key === null ? -1 : keyEnd(source, nameAt + 1, expected.key);
      at = quoteAt < 0 ? this.#stringEnd(nameAt) : quoteAt + 1;
      previous = quoteAt < 0 || expected === null ? this.#named(place, nameAt, at) : expected;
      if (place.isRenamed) this.#replace(nameAt, at, JSON.stringify(previous.name));
      else if (quoteAt < 0) this.#string(null, nameAt);
      at = this.#skipBlanks(this.#skipBlanks(at) + 1);
      at = this.#skipBlanks(this.#value(previous.place, at));
    }
    return at + 1;
  }

  /** The member whose name is source[from, to), which is not the expected one. */
  #named(place: SchemaNode, from: number, to: number): SchemaMember {
    const member = place.member(JSON.parse(this.#source.toString('utf8', from, to)) as string);
    if (member === undefined) throw new Error('the object was not scanned at this place');
    return member;
  }

  #array(items: SchemaNode, i: number): number {
    const source = this.#source;
    let at = this.#skipBlanks(i);
    while (source[at] !== CLOSE_BRACKET) {
      if (source[at] === COMMA) at = this.#skipBlanks(at + 1);
      at = this.#skipBlanks(this.#value(items, at));
    }
    return at + 1;
  }

  /** The index behind the string at i. */
  #stringEnd(i: number): number {
    const source = this.#source;
    let at = i + 1;
    while (source[at] !== QUOTE) at += source[at] === BACKSLASH ? 2 : 1;
    return at + 1;
  }

  /** The string at i, as JSON.stringify writes it, or as the place's values are written. */
  #string(check: ScalarCheck | null, i: number): number {
    const source = this.#source;
    let hasEscape = false;
    let at = i + 1;
    for (; source[at] !== QUOTE; at++) {
      if (source[at] !== BACKSLASH) continue;
      hasEscape = true;
      at += 1;
    }
    at += 1;
    const isFree = check === null || check.takesTextAsIs;
    if (isFree && !hasEscape) return at;
    const text = hasEscape
      ? (JSON.parse(source.toString('utf8', i, at)) as string)
      : source.toString('utf8', i + 1, at - 1);
    if (!isFree && check.rewrites(text)) this.#replace(i, at, check.write(text));
    else if (hasEscape) this.#replace(i, at, JSON.stringify(text));
    return at;
  }

  /** The number or name at i. */
  #word(place: SchemaNode, i: number): number {
    const source = this.#source;
    let at = i;
    while (!isBlank(source[at]) && !isEnd(source[at])) at += 1;
    if (place.scalar?.rewritesNumbers && source[i] !== NULL_BYTE) {
      this.#replace(i, at, place.scalar.write(source.toString('latin1', i, at)));
      return at;
    }
    const isMinusZero = at - i === 2 && source[i] === MINUS && source[i + 1] === ZERO;
    if (isMinusZero && place.scalar?.type.kind === 'int') this.#replace(i, at, '0');
    return at;
  }

  #skipBlanks(i: number): number {
    let at = i;
    while (isBlank(this.#source[at])) at += 1;
    if (at > i) {
      this.#flush(i);
      this.#pending = at;
    }
    return at;
  }

  /** source[from, to) is written as this text. */
  #replace(from: number, to: number, text: string): void {
    this.#flush(from);
    this.#reserve(Buffer.byteLength(text) + this.#stop - to);
    this.length += this.bytes.write(text, this.length);
    this.#pending = to;
  }

  /** Makes room for `bytes` more bytes: a text may be longer than what it replaces. */
  #reserve(bytes: number): void {
    const size = this.length + bytes;
    if (size <= this.bytes.length) return;
    const larger = Buffer.alloc(2 * size);
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  /** Copies what is pending before `to`. */
  #flush(to: number): void {
    this.length += this.#source.copy(this.bytes, this.length, this.#pending, to);
    this.#pending = to;
  }
}

function isEnd(byte: number | undefined): boolean {
  return byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte === undefined;
}
