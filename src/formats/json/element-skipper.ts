import { MAX_RAW_BYTES, MAX_ROW_BYTES } from '../limits.js';
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  isBlank,
  LF,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SLASH,
  STAR,
} from './bytes.js';
import type { InputBuffer } from './input-buffer.js';

/** Brackets in one another that are told apart; further ones are counted. */
const MAX_KNOWN_DEPTH = 1024;

/**
 * Finds the end of an element that is not JSON, or too large: the comma or the end of the array at its own level.
 * Brackets count outside strings only, and one that closes another kind closes what was left open in it. A string does
 * not go beyond its line: a quote that is not closed there is taken as any other character. In a comment nothing counts,
 * up to its end or the end of the file: what was commented out is not a row. Two slashes behind a colon belong to a URL.
 *
 * An object is the next element before that in two places: directly behind the object that the element is, where only
 * the comma is missing; and behind a comma where only a name may stand, where a brace is missing before the comma.
 *
 * Works on an input whose `from` is the element's first byte, and releases what it need not keep of a large one.
 */
export class ElementSkipper {
  /** The index of the byte that ends the element; the end of the input if the file ends in it. */
  stop = 0;
  readonly #closers: number[] = [];
  #uncounted = 0;
  /** Number of bytes of the element that were read, and of those that were released. */
  #seen = 0;
  #released = 0;
  /** A string has become too long to look for its end before it is believed. */
  #inLongString = false;
  #comment: 'block' | 'line' | null = null;
  #head: Buffer | null = null;
  #first = 0;
  /** The last byte outside strings, and the last that is not a blank: a slash for a comment. */
  #last = 0;
  #previous = 0;

  /** At most 64 KiB of the element, without the blanks at its end. */
  raw(input: InputBuffer): { raw: Buffer; rawTruncated: boolean } {
    if (this.#head !== null) return { raw: this.#head, rawTruncated: true };
    const { bytes, from } = input;
    let stop = this.stop;
    while (stop > from && isBlank(bytes[stop - 1])) stop -= 1;
    const cut = Math.min(stop, from + MAX_RAW_BYTES);
    return { raw: bytes.subarray(from, cut), rawTruncated: cut < stop };
  }

  /** false: the end is not here yet. */
  find(input: InputBuffer): boolean {
    const from = input.from;
    let at = from + this.#seen - this.#released;
    let isFound = false;
    if (this.#seen === 0) this.#first = input.bytes[at] ?? 0;
    while (at < input.end) {
      const next = this.#step(input, at);
      if (next === at) isFound = true;
      if (next < 0 || isFound) break;
      this.#last = this.#comment === null ? (input.bytes[next - 1] ?? 0) : SLASH;
      if (!isBlank(this.#last)) this.#previous = this.#last;
      at = next;
    }
    this.#seen = this.#released + at - from;
    this.stop = at;
    if (isFound || (at === input.end && input.ended)) return true;
    this.#release(input, at);
    return false;
  }

  /** The index behind what stands at `at`: `at` itself if it ends the element, -1 if more bytes decide. */
  #step(input: InputBuffer, at: number): number {
    if (this.#inLongString) return this.#longString(input, at);
    if (this.#comment !== null) return this.#commentEnd(input, at, this.#comment);
    const { bytes } = input;
    const isOutside = this.#closers.length === 0;
    switch (bytes[at]) {
      case QUOTE:
        return this.#string(input, at);
      case SLASH:
        return this.#slash(input, at);
      case OPEN_BRACE:
        if (this.#beginsElement()) return at;
        this.#open(CLOSE_BRACE);
        return at + 1;
      case OPEN_BRACKET:
        this.#open(CLOSE_BRACKET);
        return at + 1;
      case CLOSE_BRACE:
        this.#close(CLOSE_BRACE);
        return at + 1;
      case CLOSE_BRACKET:
        if (isOutside) return at;
        this.#close(CLOSE_BRACKET);
        return at + 1;
      case COMMA:
        return isOutside ? at : at + 1;
      default:
        return at + 1;
    }
  }

  /** Whether a brace opens the next element. */
  #beginsElement(): boolean {
    const innermost = this.#closers.at(-1);
    if (innermost === undefined) return this.#first === OPEN_BRACE && this.#previous === CLOSE_BRACE;
    return innermost === CLOSE_BRACE && this.#uncounted === 0 && this.#previous === COMMA;
  }

  #open(closer: number): void {
    if (this.#closers.length < MAX_KNOWN_DEPTH) this.#closers.push(closer);
    else this.#uncounted += 1;
  }

  #close(closer: number): void {
    if (this.#uncounted > 0) this.#uncounted -= 1;
    else {
      const at = this.#closers.lastIndexOf(closer);
      if (at >= 0) this.#closers.length = at;
    }
  }

  #string(input: InputBuffer, at: number): number {
    const { bytes, end } = input;
    const limit = at + MAX_ROW_BYTES;
    for (let i = at + 1; i < end && i < limit; i++) {
      const byte = bytes[i];
      if (byte === QUOTE) return i + 1;
      if (byte === LF) return at + 1;
      if (byte === BACKSLASH) i += 1;
    }
    if (end >= limit) {
      this.#inLongString = true;
      return at + 1;
    }
    return input.ended ? at + 1 : -1;
  }

  #slash({ bytes, end, ended }: InputBuffer, at: number): number {
    if (at + 1 === end) return ended ? end : -1;
    const next = bytes[at + 1];
    if (next === STAR) this.#comment = 'block';
    else if (next === SLASH && this.#last !== COLON) this.#comment = 'line';
    return this.#comment === null ? at + 1 : at + 2;
  }

  /** The index behind the comment that goes on at `at`, or behind what of it is here. */
  #commentEnd({ bytes, end, ended }: InputBuffer, at: number, comment: 'block' | 'line'): number {
    const [first, length] = comment === 'line' ? [LF, 1] : [STAR, 2];
    for (let i = at; i < end; i++) {
      if (bytes[i] !== first) continue;
      // The slash behind the star may be yet to come.
      if (i + length > end && !ended) return i === at ? -1 : i;
      if (length === 2 && bytes[i + 1] !== SLASH) continue;
      this.#comment = null;
      return i + length;
    }
    return end;
  }

  #longString(input: InputBuffer, at: number): number {
    const { bytes, end } = input;
    for (let i = at; i < end; i++) {
      const byte = bytes[i];
      if (byte === QUOTE || byte === LF) {
        this.#inLongString = false;
        return i + 1;
      }
      if (byte === BACKSLASH) {
        // What it escapes may be yet to come.
        if (i + 1 === end && !input.ended) return i === at ? -1 : i;
        i += 1;
      }
    }
    return end;
  }

  /** With its beginning kept, the rest of the element need not be held. */
  #release(input: InputBuffer, at: number): void {
    const { bytes, from } = input;
    if (this.#head === null && at - from > MAX_RAW_BYTES) {
      this.#head = Buffer.from(bytes.subarray(from, from + MAX_RAW_BYTES));
    }
    if (this.#head === null) return;
    this.#released += at - from;
    input.consume(at, input.countLines(from, at));
  }
}
