import { MAX_RAW_BYTES, MAX_ROW_BYTES } from '../limits.js';
import { BACKSLASH, CLOSE_BRACE, CLOSE_BRACKET, COMMA, isBlank, LF, OPEN_BRACE, OPEN_BRACKET, QUOTE } from './bytes.js';
import type { InputBuffer } from './input-buffer.js';

/** Brackets in one another that are told apart; further ones are counted. */
const MAX_KNOWN_DEPTH = 1024;

/**
 * Finds the end of an element that is no JSON, or too large: the comma, the end of the array or the next object at its
 * own level. Brackets count outside strings only, and one that closes another kind closes what was left open in it. An
 * object that begins behind a comma where only a name may stand is the next element: a brace is missing before it. A
 * string does not go beyond its line: a quote that is not closed there is taken as any other character.
 *
 * Works on an input whose `from` is the element's first byte, and releases what it need not keep of a large one.
 */
export class ElementSkipper {
  /** The index of the byte that ends the element; the end of the input where the file ends in it. */
  stop = 0;
  readonly #closers: number[] = [];
  #uncounted = 0;
  /** Bytes of the element that are looked at, and those of them that are released. */
  #seen = 0;
  #released = 0;
  /** A string has become too long to look for its end before it is believed. */
  #inLongString = false;
  #head: Buffer | null = null;
  /** The last byte outside strings that is no blank. */
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
    while (at < input.end) {
      const next = this.#step(input, at);
      if (next === at) isFound = true;
      if (next < 0 || isFound) break;
      if (!isBlank(input.bytes[next - 1])) this.#previous = input.bytes[next - 1] ?? 0;
      at = next;
    }
    this.#seen = this.#released + at - from;
    this.stop = at;
    if (isFound || (at === input.end && input.ended)) return true;
    this.#release(input, at);
    return false;
  }

  /** The index behind what stands at `at`: `at` itself where it ends the element, -1 where more bytes decide. */
  #step(input: InputBuffer, at: number): number {
    if (this.#inLongString) return this.#longString(input, at);
    const { bytes } = input;
    const isOutside = this.#closers.length === 0;
    switch (bytes[at]) {
      case QUOTE:
        return this.#string(input, at);
      case OPEN_BRACE:
        if (this.#beginsElement(this.#released + at - input.from)) return at;
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

  /** Whether a brace behind so many bytes of the element opens another one. */
  #beginsElement(bytes: number): boolean {
    const innermost = this.#closers.at(-1);
    if (innermost === undefined) return bytes > 0;
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
