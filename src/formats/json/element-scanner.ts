import { isUtf8 } from 'node:buffer';
import { fitsRecord, MAX_ERRORS } from '../limits.js';
import { invalidEncoding, rowError, tooLarge } from '../row-errors.js';
import type { FieldError, RowErrorCode } from '../row-reader.js';
import { prefix } from '../text.js';
import { article, fieldError, missingError, nullError } from '../values/value-check.js';
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  CR,
  isDigit,
  LF,
  LOWER_E,
  MINUS,
  NINE,
  OPEN_BRACE,
  OPEN_BRACKET,
  PLUS,
  POINT,
  QUOTE,
  SPACE,
  TAB,
  ZERO,
} from './bytes.js';
import type { InputBuffer } from './input-buffer.js';
import { type Member, type Place, rowPlace, type ScannerOptions } from './place.js';
import { escapeEnd, surrogateOf } from './string-escapes.js';

/** Arrays and objects in one another, the row included. */
export const MAX_DEPTH = 64;
/** What may be remembered of members that the model does not know, about, in bytes; a row may go beyond it. */
const MAX_LEARNED_BYTES = 4_000_000;
/** Of what is kept of one of them beside its name, about. */
const MEMBER_BYTES = 300;
/** Of a path in an error, in UTF-16 code units. */
const MAX_PATH_LENGTH = 512;
/** Of a value's text that is cut to an observed one later. */
const MAX_OBSERVED_BYTES = 2000;

/** Made into text at a time, in bytes. */
const ASCII_BLOCK = 32_768;

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');

/**
 * `element`: a whole JSON value; `broken`: no JSON from `stop` on; `more`: so far it is, but the bytes end.
 */
export type Scanned = 'element' | 'broken' | 'more';

/**
 * Reads one JSON value (RFC 8259) from its bytes and checks it against the model on the way: no tree is built, and a
 * number is judged by the digits that are there. Members are expected in the order in which the last row had them, so
 * that most names are compared and not looked up.
 */
export class ElementScanner {
  /** Behind the element; where it breaks, if it does. */
  stop = 0;
  /** Of an `element`: why it is no row, as far as that is known; null: it is good. */
  errors: FieldError[] | null = null;
  /** Line feeds inside the element. */
  lines = 0;
  /** The element is written like this as compact JSON, too (see CompactWriter). */
  isCompact = true;
  /** Why it is `broken`. */
  problem: FieldError = rowError('MALFORMED_JSON', '');

  #row: Place;
  #learnedBytes = 0;
  #bytes: Buffer = Buffer.alloc(1);
  #generation = 0;
  #start = 0;
  #end = 0;
  #more = false;
  /** All bits that are set in the row's strings and names, and in the last string. */
  #bits = 0;
  #stringBits = 0;
  /** Of the last string. */
  #hasEscape = false;
  readonly #ascii = new AsciiText();
  #depth = 0;
  /** The member or item at each depth that is being read. */
  readonly #path: (string | number)[] = Array.from({ length: MAX_DEPTH + 1 }, () => 0);
  /** Objects begun so far: each has its number. */
  #objects = 0;
  #duplicate: FieldError | null = null;
  #loneSurrogate = false;

  constructor(
    private readonly options: ScannerOptions,
    /** false: a line feed is no blank, since rows are lines. */
    private readonly spansLines: boolean,
  ) {
    this.#row = rowPlace(options);
  }

  /** The place of rows, with what the last one had where. */
  get row(): Place {
    return this.#row;
  }

  /** Scans the value that begins at `start`, which is no blank. */
  scan(input: InputBuffer, start: number): Scanned {
    const { bytes, end } = input;
    if (this.#learnedBytes > MAX_LEARNED_BYTES) this.#forget();
    if (input.generation !== this.#generation) this.#ascii.forget();
    this.#generation = input.generation;
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#more = false;
    this.#bits = 0;
    this.#depth = 0;
    this.#duplicate = null;
    this.#loneSurrogate = false;
    this.errors = null;
    this.lines = 0;
    this.isCompact = !this.#row.isRenamed;
    const isObject = bytes[start] === OPEN_BRACE;
    const stop = isObject ? this.#object(this.#row, start + 1) : this.#value(this.#row.anything, start);
    if (stop < 0) return this.#more ? 'more' : 'broken';
    this.stop = stop;
    if (!isObject) this.errors = [notAnObject()];
    else if (!fitsRecord(stop - start)) this.errors = [tooLarge(stop - start)];
    else this.#judgeText(start, stop);
    return 'element';
  }

  /** What is wrong with the element's text goes before what is wrong with its values. */
  #judgeText(start: number, stop: number): void {
    if (this.#bits >= 0x80 && !isUtf8(this.#bytes.subarray(start, stop))) this.errors = [invalidEncoding()];
    else if (this.#loneSurrogate) {
      this.errors = [rowError('INVALID_ENCODING', 'an escape \\uD800 to \\uDFFF stands without its other half')];
    } else if (this.#duplicate !== null) this.errors = [this.#duplicate];
  }

  #forget(): void {
    this.#row = rowPlace(this.options);
    this.#learnedBytes = 0;
  }

  /** The index behind the value at i; -1 where there is none. */
  #value(place: Place, i: number): number {
    switch (this.#bytes[i]) {
      case QUOTE:
        return this.#stringValue(place, i + 1);
      case OPEN_BRACE:
        if (place.isObject || place.type === null) return this.#object(place, i + 1);
        return this.#mismatch(place, i, this.#object(place.anything, i + 1));
      case OPEN_BRACKET:
        if (place.isArray || place.type === null) return this.#array(place, i + 1);
        return this.#mismatch(place, i, this.#array(place.anything, i + 1));
      case 0x74:
        return this.#truth(place, i, TRUE);
      case 0x66:
        return this.#truth(place, i, FALSE);
      case 0x6e:
        return this.#nullValue(place, i);
      default:
        return this.#number(place, i);
    }
  }

  /** `i` is behind the brace. */
  #object(place: Place, i: number): number {
    const bytes = this.#bytes;
    const depth = this.#depth + 1;
    if (depth > MAX_DEPTH) return this.#tooDeep(i);
    this.#depth = depth;
    const number = ++this.#objects;
    let required = 0;
    let previous: Member | null = null;
    let at = this.#skipBlanks(i);
    if (bytes[at] === CLOSE_BRACE) at += 1;
    else {
      for (;;) {
        if (bytes[at] !== QUOTE) return this.#broken(at, 'a name in quotes is missing');
        const nameAt = at + 1;
        let member: Member | null = previous === null ? place.first : previous.next;
        at = member === null || member.key === null ? -1 : keyEnd(bytes, nameAt, member.key);
        if (at < 0 || member === null) {
          at = this.#string(nameAt);
          if (at < 0) return -1;
          member = this.#meet(place, previous, nameAt, at);
        } else this.#bits |= member.keyBits;
        if (member.seenIn === number) this.#repeated(member, depth);
        else {
          member.seenIn = number;
          if (!member.place.nullable) required += 1;
        }
        this.#path[depth] = member.name;
        if (!member.isKnown && !place.isOpen) this.#unexpected(depth);
        at = this.#skipBlanks(at + 1);
        if (bytes[at] !== COLON) return this.#broken(at, 'a colon is missing');
        at = this.#value(member.place, this.#skipBlanks(at + 1));
        if (at < 0) return -1;
        at = this.#skipBlanks(at);
        const byte = bytes[at];
        if (byte === COMMA) at = this.#skipBlanks(at + 1);
        else if (byte === CLOSE_BRACE) break;
        else return this.#broken(at, 'a comma or a closing brace is missing');
        previous = member;
      }
      at += 1;
    }
    if (required < place.required.length) this.#missing(place, number, depth);
    this.#depth = depth - 1;
    return at;
  }

  /** `i` is behind the bracket. */
  #array(place: Place, i: number): number {
    const bytes = this.#bytes;
    const depth = this.#depth + 1;
    if (depth > MAX_DEPTH) return this.#tooDeep(i);
    this.#depth = depth;
    const { items } = place;
    let count = 0;
    let at = this.#skipBlanks(i);
    if (bytes[at] === CLOSE_BRACKET) at += 1;
    else {
      for (;;) {
        this.#path[depth] = count;
        at = this.#value(items, at);
        if (at < 0) return -1;
        count += 1;
        at = this.#skipBlanks(at);
        const byte = bytes[at];
        if (byte === COMMA) at = this.#skipBlanks(at + 1);
        else if (byte === CLOSE_BRACKET) break;
        else return this.#broken(at, 'a comma or a closing bracket is missing');
      }
      at += 1;
    }
    this.#depth = depth - 1;
    if (count < place.minItems || count > place.maxItems) this.#wrongCount(place, count);
    return at;
  }

  /** `i` is behind the quote. */
  #stringValue(place: Place, i: number): number {
    const stop = this.#string(i);
    const { scalar } = place;
    if (stop < 0) return -1;
    if (scalar === null) return place.type === null ? stop + 1 : this.#mismatch(place, i - 1, stop + 1);
    if (scalar.acceptsAnyText) return stop + 1;
    if (!scalar.takesString) return this.#mismatch(place, i - 1, stop + 1);
    const text = this.#text(i, stop);
    if (scalar.writesNumber(text)) this.isCompact = false;
    if (scalar.constraints.length > 0 || scalar.test(text) !== null) {
      this.#report(scalar.errorsOf(text, this.#pathName(this.#depth)));
    }
    return stop + 1;
  }

  /** The index of the closing quote of the string whose text begins at i; -1 where there is none. */
  #string(i: number): number {
    const bytes = this.#bytes;
    let bits = 0;
    let at = i;
    this.#hasEscape = false;
    for (;;) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) {
        this.#stringBits = bits;
        this.#bits |= bits;
        return at;
      }
      if (byte === BACKSLASH) {
        this.#hasEscape = true;
        this.isCompact = false;
        const next = escapeEnd(bytes, at);
        // What is missing of it may be yet to come.
        if (next < 0) return this.#broken(at + 6 > this.#end ? this.#end : at, 'a backslash begins no escape');
        at = this.#pairedEnd(at, next);
        if (at < 0) return -1;
      } else {
        if (byte < SPACE) return this.#broken(at, 'a string is not closed on its line, or holds a control character');
        bits |= byte;
        at += 1;
      }
    }
  }

  /** The index behind an escape, and behind the other half of a surrogate pair. */
  #pairedEnd(at: number, next: number): number {
    const bytes = this.#bytes;
    const half = surrogateOf(bytes, at);
    if (half === 'none') return next;
    if (half === 'high' && surrogateOf(bytes, next) === 'low') return next + 6;
    // The other half may be yet to come.
    if (half === 'high' && next + 6 > this.#end && bytes[next] !== QUOTE)
      return this.#broken(this.#end, 'a string is not closed');
    this.#loneSurrogate = true;
    return next;
  }

  #number(place: Place, i: number): number {
    const bytes = this.#bytes;
    let at = i;
    let byte = bytes[at] as number;
    if (byte === MINUS) byte = bytes[++at] as number;
    const digitsAt = at;
    if (byte === ZERO) byte = bytes[++at] as number;
    else if (byte > ZERO && byte <= NINE) {
      do byte = bytes[++at] as number;
      while (byte >= ZERO && byte <= NINE);
    } else return this.#broken(at, 'a value is missing');
    const digits = at - digitsAt;
    const isWhole = byte !== POINT && (byte | 0x20) !== LOWER_E;
    let hasExponent = false;
    if (byte === POINT) {
      at = this.#digits(at + 1);
      if (at < 0) return -1;
      byte = bytes[at] as number;
    }
    if ((byte | 0x20) === LOWER_E) {
      hasExponent = true;
      const sign = bytes[at + 1];
      at = this.#digits(sign === PLUS || sign === MINUS ? at + 2 : at + 1);
      if (at < 0) return -1;
    }
    const { scalar } = place;
    if (scalar === null) return place.type === null ? at : this.#mismatch(place, i, at);
    if (digitsAt > i && at - i === 2) this.isCompact = false; // it may be -0
    if (isWhole && digits <= scalar.safeDigits && (digitsAt === i || scalar.isSigned)) return at;
    if (!hasExponent && at - i <= scalar.safeLength) return at;
    if (!scalar.takesNumber) return this.#mismatch(place, i, at);
    const text = this.#ascii.slice(bytes, i, at, this.#end);
    if (scalar.constraints.length > 0 || scalar.test(text) !== null) {
      this.#report(scalar.errorsOf(text, this.#pathName(this.#depth)));
    }
    return at;
  }

  /** The index behind one digit or more. */
  #digits(i: number): number {
    let at = i;
    while (isDigit(this.#bytes[at])) at += 1;
    return at > i ? at : this.#broken(at, 'a digit is missing');
  }

  #truth(place: Place, i: number, word: Buffer): number {
    const stop = this.#word(i, word);
    const { scalar } = place;
    if (stop < 0 || place.type === null) return stop;
    if (!scalar?.takesBoolean) return this.#mismatch(place, i, stop);
    if (scalar.constraints.length > 0) {
      this.#report(scalar.constraintErrorsOf(word.toString(), this.#pathName(this.#depth)) ?? []);
    }
    return stop;
  }

  #nullValue(place: Place, i: number): number {
    const stop = this.#word(i, NULL);
    if (stop >= 0 && !place.nullable) {
      this.#report([nullError(this.#pathName(this.#depth), place.type ?? '', 'null')]);
    }
    return stop;
  }

  #word(i: number, word: Buffer): number {
    for (let k = 0; k < word.length; k++) {
      if (this.#bytes[i + k] !== word[k]) return this.#broken(i + k, 'a value is missing');
    }
    return i + word.length;
  }

  #skipBlanks(i: number): number {
    const bytes = this.#bytes;
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

  /** The member whose name is not the expected one. */
  #meet(place: Place, previous: Member | null, from: number, to: number): Member {
    const name = this.#hasEscape ? this.#text(from, to) : this.#bytes.toString('utf8', from, to);
    let member = place.member(name);
    if (member === undefined) {
      member = place.learn(name);
      this.#learnedBytes += MEMBER_BYTES + 2 * (to - from);
    }
    // A name with escapes is looked up each time: whether they are valid is asked anew for each row.
    if (!this.#hasEscape) member.spelled(Buffer.from(this.#bytes.subarray(from, to)), this.#stringBits);
    if (previous === null) place.first = member;
    else previous.next = member;
    return member;
  }

  /** The text of the string that was just read, whose content is bytes[from, to). */
  #text(from: number, to: number): string {
    const bytes = this.#bytes;
    if (this.#hasEscape) return JSON.parse(bytes.toString('utf8', from - 1, to + 1)) as string;
    if (this.#stringBits >= 0x80) return bytes.toString('utf8', from, to);
    return this.#ascii.slice(bytes, from, to, this.#end);
  }

  /** -1; what is wrong at i, where the bytes go on. */
  #broken(i: number, problem: string, code: RowErrorCode = 'MALFORMED_JSON'): number {
    this.stop = i;
    this.#more = i >= this.#end;
    if (!this.#more) this.problem = rowError(code, `${problem} at byte ${i - this.#start + 1} of the row`);
    return -1;
  }

  #tooDeep(i: number): number {
    return this.#broken(i - 1, `more than ${MAX_DEPTH} arrays and objects in one another`, 'TOO_DEEP');
  }

  /** The value bytes[from, to) is not of the kind that the place asks for. */
  #mismatch(place: Place, from: number, to: number): number {
    if (to < 0 || place.type === null) return to;
    const text = this.#bytes.toString('utf8', from, Math.min(to, from + MAX_OBSERVED_BYTES));
    const name = this.#pathName(this.#depth);
    if (place.scalar !== null) this.#report([place.scalar.mismatchError(text, name)]);
    else {
      const code = place.isArray ? 'NOT_AN_ARRAY' : 'NOT_AN_OBJECT';
      this.#report([fieldError(name, place.type, code, text, `is not ${article(place.type)}`)]);
    }
    return to;
  }

  #missing(place: Place, number: number, depth: number): void {
    for (const member of place.required) {
      if (member.seenIn === number) continue;
      this.#path[depth] = member.name;
      this.#report([missingError(this.#pathName(depth), member.place.type ?? '')]);
    }
  }

  #unexpected(depth: number): void {
    if (this.#isFull) return;
    const name = this.#pathName(depth);
    const message = `the model has no column '${prefix(name, 128)}' and takes no others`;
    this.#report([{ column: name, type: null, error: 'UNEXPECTED_COLUMN', observed: null, message }]);
  }

  #repeated(member: Member, depth: number): void {
    if (this.#duplicate !== null) return;
    this.#path[depth] = member.name;
    const name = this.#pathName(depth);
    const message = `'${prefix(name, 128)}' is there twice`;
    this.#duplicate = { column: name, type: member.place.type, error: 'DUPLICATE_KEY', observed: null, message };
  }

  #wrongCount(place: Place, count: number): void {
    const isShort = count < place.minItems;
    const limit = isShort ? place.minItems : place.maxItems;
    const name = this.#pathName(this.#depth);
    this.#report([
      {
        column: name,
        type: place.type,
        error: isShort ? 'TOO_SHORT' : 'TOO_LONG',
        observed: null,
        message: `column '${prefix(name, 128)}': ${count} items are ${isShort ? 'fewer' : 'more'} than ${limit}`,
      },
    ]);
  }

  get #isFull(): boolean {
    return this.errors !== null && this.errors.length > MAX_ERRORS;
  }

  #report(found: FieldError[]): void {
    // One more than is kept says that there are more.
    if (found.length > 0 && !this.#isFull) this.errors = this.errors === null ? found : [...this.errors, ...found];
  }

  /** Where in the row the value at this depth stands: `items[2].qty`. */
  #pathName(depth: number): string {
    let name = '';
    for (let level = 1; level <= depth; level++) {
      const step = this.#path[level] as string | number;
      if (typeof step === 'number') name += `[${step}]`;
      else name += level === 1 ? step : `.${step}`;
      if (name.length > MAX_PATH_LENGTH) return prefix(name, MAX_PATH_LENGTH);
    }
    return name;
  }
}

function notAnObject(): FieldError {
  return rowError('NOT_AN_OBJECT', 'a row is an object, in braces');
}

/** Texts out of a buffer's bytes, from a larger text that is made once for many of them: that is what costs. */
class AsciiText {
  #text = '';
  #from = 0;

  /** The buffer holds other bytes now. */
  forget(): void {
    this.#text = '';
  }

  /** The ASCII text bytes[from, to); `end`: of the bytes there are. */
  slice(bytes: Buffer, from: number, to: number, end: number): string {
    if (from < this.#from || to > this.#from + this.#text.length) {
      if (to - from > ASCII_BLOCK) return bytes.toString('latin1', from, to);
      this.#from = from;
      this.#text = bytes.toString('latin1', from, Math.min(from + ASCII_BLOCK, end));
    }
    return this.#text.slice(from - this.#from, to - this.#from);
  }
}

/** The index of the quote behind the name at i; -1 where another one stands there. */
function keyEnd(bytes: Buffer, i: number, key: Buffer): number {
  const { length } = key;
  for (let k = 0; k < length; k++) {
    if (bytes[i + k] !== key[k]) return -1;
  }
  return bytes[i + length] === QUOTE ? i + length : -1;
}
