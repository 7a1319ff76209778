import type { RowErrorCode } from '../row-error-codes.js';
import { rowError } from '../row-errors.js';
import { AsciiText } from './ascii-text.js';
import { BACKSLASH, CR, isDigit, LF, QUOTE, SPACE, TAB } from './bytes.js';
import type { InputBuffer } from './input-buffer.js';
import { malformed } from './malformed.js';
import { escapeEnd, mayBeEscape, surrogateOf } from './string-escapes.js';

/**
 * Where the tokens of one JSON value end (RFC 8259: strings, words, blanks), and what the checks of a value have to know
 * of them. A search returns -1 if there is no such token. A base class of what reads values, rather than a member: each
 * byte goes through both, and a member cost 3 % of their speed.
 */
export abstract class TokenScanner {
  /** Where the value ends, or breaks. */
  stop = 0;
  /** It breaks because the bytes end: so far it is one. */
  protected isMore = false;
  /** Why it breaks, if it does for another reason. */
  problem = rowError('MALFORMED_JSON', '');
  /** Line feeds among the blanks. */
  lines = 0;
  /** The value is written like this as compact JSON, too (see CompactWriter). */
  isCompact = true;
  /** All bits that are set in the strings, and in the last one. */
  protected bits = 0;
  protected stringBits = 0;
  /** Whether the last string has an escape. */
  protected hasEscape = false;
  /** A string has half a surrogate pair as an escape. */
  protected hasLoneSurrogate = false;

  protected bytes: Buffer = Buffer.alloc(1);
  #start = 0;
  #end = 0;
  #generation = 0;
  readonly #ascii = new AsciiText();

  constructor(
    /** false: a line feed is not a blank, since rows are lines. */
    private readonly spansLines: boolean,
  ) {}

  /** A value begins at `start`. */
  protected begin({ bytes, end, generation }: InputBuffer, start: number): void {
    if (generation !== this.#generation) this.#ascii.forget();
    this.#generation = generation;
    this.bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.isMore = false;
    this.lines = 0;
    this.isCompact = true;
    this.bits = 0;
    this.hasLoneSurrogate = false;
  }

  /** The index of the closing quote of the string whose text begins at i. */
  protected string(i: number): number {
    const bytes = this.bytes;
    let bits = 0;
    let at = i;
    this.hasEscape = false;
    for (;;) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) {
        this.stringBits = bits;
        this.bits |= bits;
        return at;
      }
      if (byte === BACKSLASH) {
        this.hasEscape = true;
        this.isCompact = false;
        const next = escapeEnd(bytes, at);
        if (next < 0) {
          return this.broken(mayBeEscape(bytes, at, this.#end) ? this.#end : at, 'a backslash begins no escape');
        }
        at = this.#pairedEnd(at, next);
        if (at < 0) return -1;
      } else {
        if (byte < SPACE) return this.broken(at, 'a string is not closed on its line, or holds a control character');
        bits |= byte;
        at += 1;
      }
    }
  }

  /** The index behind an escape, and behind the other half of a surrogate pair. */
  #pairedEnd(at: number, next: number): number {
    const bytes = this.bytes;
    const half = surrogateOf(bytes, at);
    if (half === 'none') return next;
    if (half === 'high' && surrogateOf(bytes, next) === 'low') return next + 6;
    if (half === 'high' && mayBeEscape(bytes, next, this.#end)) {
      return this.broken(this.#end, 'a string is not closed');
    }
    this.hasLoneSurrogate = true;
    return next;
  }

  /** The index behind one digit or more. */
  protected digits(i: number): number {
    let at = i;
    while (isDigit(this.bytes[at])) at += 1;
    return at > i ? at : this.broken(at, 'a digit is missing');
  }

  /** The index behind the word that is to stand at i. */
  protected word(i: number, word: Buffer): number {
    for (let k = 0; k < word.length; k++) {
      if (this.bytes[i + k] !== word[k]) return this.broken(i + k, 'a value is missing');
    }
    return i + word.length;
  }

  /** The index of the first byte from i on that is not a blank: there always is one. */
  protected skipBlanks(i: number): number {
    const bytes = this.bytes;
    let at = i;
    for (;;) {
      const byte = bytes[at] as number;
      if (byte > SPACE) return at;
      if (byte === LF && this.spansLines) this.lines += 1;
      else if (byte !== SPACE && byte !== CR && byte !== TAB) return at;
      this.isCompact = false;
      at += 1;
    }
  }

  /** The text of the string that was found last, whose content is bytes[from, to). */
  protected textOf(from: number, to: number): string {
    const bytes = this.bytes;
    if (this.hasEscape) return JSON.parse(bytes.toString('utf8', from - 1, to + 1)) as string;
    if (this.stringBits >= 0x80) return bytes.toString('utf8', from, to);
    return this.ascii(from, to);
  }

  /** The ASCII text bytes[from, to). */
  protected ascii(from: number, to: number): string {
    return this.#ascii.slice(this.bytes, from, to, this.#end);
  }

  /** -1; what is wrong at i, if the bytes go on. */
  protected broken(i: number, problem: string, code: RowErrorCode = 'MALFORMED_JSON'): -1 {
    this.stop = i;
    this.isMore = i >= this.#end;
    if (this.isMore) return -1;
    const message = `${problem} at byte ${i - this.#start + 1} of the row`;
    this.problem = code === 'MALFORMED_JSON' ? malformed(this.bytes[i], message) : rowError(code, message);
    return -1;
  }
}
