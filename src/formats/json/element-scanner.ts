import { isUtf8 } from 'node:buffer';
import { fitsRecord, MAX_DEPTH } from '../limits.js';
import { invalidEncoding, rowError, tooLarge } from '../row-errors.js';
import type { FieldError } from '../row-reader.js';
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  LOWER_E,
  MINUS,
  NINE,
  OPEN_BRACE,
  OPEN_BRACKET,
  PLUS,
  POINT,
  QUOTE,
  ZERO,
} from './bytes.js';
import { JsonRowErrors } from './element-errors.js';
import type { InputBuffer } from './input-buffer.js';
import type { ScalarCheck } from './scalar-check.js';
import { keyEnd, rowNode, type ScannerOptions, type SchemaMember, type SchemaNode } from './schema-node.js';
import { TokenScanner } from './token-scanner.js';

/** What may be remembered of members that the model does not know, about, in bytes; a row may go beyond it. */
const MAX_LEARNED_BYTES = 4_000_000;
/** Approximate size of what is kept of a member beside its name. */
const MEMBER_BYTES = 300;
/** Size limit in bytes of a value's text, which is cut to an observed one later. */
const MAX_OBSERVED_BYTES = 2000;

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
export class ElementScanner extends TokenScanner {
  /** Why an `element` is not a row, as far as that is known; null: it is good. */
  errors: FieldError[] | null = null;

  readonly #problems = new JsonRowErrors(MAX_DEPTH);
  /** The member or item at each depth that is being read. */
  readonly #path = this.#problems.path;
  #row: SchemaNode;
  #learnedBytes = 0;
  #depth = 0;
  /** Objects begun so far: each has its number. */
  #objects = 0;

  constructor(
    private readonly options: ScannerOptions,
    /** false: a line feed is not a blank, since rows are lines. */
    spansLines: boolean,
  ) {
    super(spansLines);
    this.#row = rowNode(options);
  }

  /** The place of rows, with what the last one had where. */
  get row(): SchemaNode {
    return this.#row;
  }

  /** Scans the value that begins at `start`, which is not a blank. */
  scan(input: InputBuffer, start: number): Scanned {
    if (this.#learnedBytes > MAX_LEARNED_BYTES) this.#forget();
    this.begin(input, start);
    if (this.#row.isRenamed) this.isCompact = false;
    this.#problems.clear();
    this.#depth = 0;
    const isObject = this.bytes[start] === OPEN_BRACE;
    const stop = isObject ? this.#object(this.#row, start + 1) : this.#value(this.#row.anything, start);
    this.errors = null;
    if (stop < 0) return this.isMore ? 'more' : 'broken';
    this.stop = stop;
    this.errors = isObject ? this.#errorsOf(start, stop) : [notAnObject()];
    return 'element';
  }

  /** What is wrong with the object's text goes before what is wrong with its values. */
  #errorsOf(start: number, stop: number): FieldError[] | null {
    if (!fitsRecord(stop - start)) return [tooLarge(stop - start)];
    const { bits, hasLoneSurrogate } = this;
    if (bits >= 0x80 && !isUtf8(this.bytes.subarray(start, stop))) return [invalidEncoding()];
    if (hasLoneSurrogate) {
      return [rowError('INVALID_ENCODING', 'an escape \\uD800 to \\uDFFF stands without its other half')];
    }
    return this.#problems.errors;
  }

  #forget(): void {
    this.#row = rowNode(this.options);
    this.#learnedBytes = 0;
  }

  /** The index behind the value at i; -1 if there is none. */
  #value(place: SchemaNode, i: number): number {
    switch (this.bytes[i]) {
      case QUOTE:
        return this.#string(place, i + 1);
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
        return this.#null(place, i);
      default:
        return this.#number(place, i);
    }
  }

  /** `i` is behind the brace. */
  #object(place: SchemaNode, i: number): number {
    const bytes = this.bytes;
    const depth = this.#depth + 1;
    if (depth > MAX_DEPTH) return this.#tooDeep(i);
    this.#depth = depth;
    const number = ++this.#objects;
    let required = 0;
    let previous: SchemaMember | null = null;
    let at = this.skipBlanks(i);
    if (bytes[at] === CLOSE_BRACE) at += 1;
    else {
      for (;;) {
        if (bytes[at] !== QUOTE) return this.broken(at, 'a name in quotes is missing');
        const nameAt = at + 1;
        let member: SchemaMember | null = previous === null ? place.first : previous.next;
        at = member === null || member.key === null ? -1 : keyEnd(bytes, nameAt, member.key);
        if (at < 0 || member === null) {
          at = this.string(nameAt);
          if (at < 0) return -1;
          member = this.#meet(place, previous, nameAt, at);
        } else this.bits |= member.keyBits;
        if (member.seenIn === number) this.#problems.addRepeated(member, depth);
        else {
          member.seenIn = number;
          if (!member.place.nullable) required += 1;
        }
        this.#path[depth] = member.name;
        if (!member.isKnown && !place.isOpen) this.#problems.addUnexpected(depth);
        at = this.skipBlanks(at + 1);
        if (bytes[at] !== COLON) return this.broken(at, 'a colon is missing');
        at = this.#value(member.place, this.skipBlanks(at + 1));
        if (at < 0) return -1;
        at = this.skipBlanks(at);
        const byte = bytes[at];
        if (byte === COMMA) at = this.skipBlanks(at + 1);
        else if (byte === CLOSE_BRACE) break;
        else return this.broken(at, 'a comma or a closing brace is missing');
        previous = member;
      }
      at += 1;
    }
    if (required < place.required.length) this.#problems.addMissing(place, number, depth);
    this.#depth = depth - 1;
    return at;
  }

  /** The member whose name, bytes[from, to), is not the expected one. */
  #meet(place: SchemaNode, previous: SchemaMember | null, from: number, to: number): SchemaMember {
    const { hasEscape, stringBits } = this;
    const name = hasEscape ? this.textOf(from, to) : this.bytes.toString('utf8', from, to);
    let member = place.member(name);
    if (member === undefined) {
      member = place.learn(name);
      this.#learnedBytes += MEMBER_BYTES + 2 * (to - from);
    }
    // A name with escapes is looked up each time: whether they are valid is asked anew for each row.
    if (!hasEscape) member.spelled(Buffer.from(this.bytes.subarray(from, to)), stringBits);
    if (previous === null) place.first = member;
    else previous.next = member;
    return member;
  }

  /** `i` is behind the bracket. */
  #array(place: SchemaNode, i: number): number {
    const bytes = this.bytes;
    const depth = this.#depth + 1;
    if (depth > MAX_DEPTH) return this.#tooDeep(i);
    this.#depth = depth;
    const { items } = place;
    let count = 0;
    let at = this.skipBlanks(i);
    if (bytes[at] === CLOSE_BRACKET) at += 1;
    else {
      for (;;) {
        this.#path[depth] = count;
        at = this.#value(items, at);
        if (at < 0) return -1;
        count += 1;
        at = this.skipBlanks(at);
        const byte = bytes[at];
        if (byte === COMMA) at = this.skipBlanks(at + 1);
        else if (byte === CLOSE_BRACKET) break;
        else return this.broken(at, 'a comma or a closing bracket is missing');
      }
      at += 1;
    }
    this.#depth = depth - 1;
    if (count < place.minItems || count > place.maxItems) this.#problems.addWrongCount(place, count, this.#depth);
    return at;
  }

  /** `i` is behind the quote. */
  #string(place: SchemaNode, i: number): number {
    const stop = this.string(i);
    const { text: check } = place;
    if (stop < 0) return -1;
    if (check === null) return place.type === null ? stop + 1 : this.#mismatch(place, i - 1, stop + 1);
    if (check.takesTextAsIs) return stop + 1;
    if (!check.takesString) return this.#mismatch(place, i - 1, stop + 1);
    const text = this.textOf(i, stop);
    if (check.rewrites(text)) this.isCompact = false;
    if (check.constraints.length > 0 || check.test(text) !== null) this.#check(check, text);
    return stop + 1;
  }

  #number(place: SchemaNode, i: number): number {
    const bytes = this.bytes;
    let at = i;
    let byte = bytes[at] as number;
    if (byte === MINUS) byte = bytes[++at] as number;
    const digitsAt = at;
    if (byte === ZERO) byte = bytes[++at] as number;
    else if (byte > ZERO && byte <= NINE) {
      do byte = bytes[++at] as number;
      while (byte >= ZERO && byte <= NINE);
    } else return this.broken(at, 'a value is missing');
    const digits = at - digitsAt;
    const isWhole = byte !== POINT && (byte | 0x20) !== LOWER_E;
    let hasExponent = false;
    if (byte === POINT) {
      at = this.digits(at + 1);
      if (at < 0) return -1;
      byte = bytes[at] as number;
    }
    if ((byte | 0x20) === LOWER_E) {
      hasExponent = true;
      const sign = bytes[at + 1];
      at = this.digits(sign === PLUS || sign === MINUS ? at + 2 : at + 1);
      if (at < 0) return -1;
    }
    const { scalar } = place;
    if (scalar === null) return place.type === null ? at : this.#mismatch(place, i, at);
    if (digitsAt > i && at - i === 2) this.isCompact = false; // it may be -0
    if (isWhole && digits <= scalar.safeDigits && (digitsAt === i || scalar.isSigned)) return at;
    if (!hasExponent && at - i <= scalar.safeLength) return at;
    if (!scalar.takesNumber) return this.#mismatch(place, i, at);
    if (scalar.rewritesNumbers) this.isCompact = false;
    const text = this.ascii(i, at);
    if (scalar.constraints.length > 0 || scalar.test(text) !== null) this.#check(scalar, text);
    return at;
  }

  #check(scalar: ScalarCheck, text: string): void {
    this.#problems.add(...scalar.errorsOf(text, this.#problems.nameAt(this.#depth)));
  }

  #truth(place: SchemaNode, i: number, word: Buffer): number {
    const stop = this.word(i, word);
    const { scalar } = place;
    if (stop < 0 || place.type === null) return stop;
    if (!scalar?.takesBoolean) return this.#mismatch(place, i, stop);
    if (scalar.constraints.length > 0) {
      this.#problems.add(...(scalar.constraintErrorsOf(word.toString(), this.#problems.nameAt(this.#depth)) ?? []));
    }
    return stop;
  }

  #null(place: SchemaNode, i: number): number {
    const stop = this.word(i, NULL);
    if (stop >= 0 && !place.nullable) this.#problems.addNull(place, this.#depth);
    return stop;
  }

  #tooDeep(i: number): number {
    return this.broken(i - 1, `more than ${MAX_DEPTH} arrays and objects in one another`, 'TOO_DEEP');
  }

  /** The value bytes[from, to) is not of the kind that the place asks for. */
  #mismatch(place: SchemaNode, from: number, to: number): number {
    if (to < 0 || place.type === null) return to;
    const text = this.bytes.toString('utf8', from, Math.min(to, from + MAX_OBSERVED_BYTES));
    this.#problems.addMismatch(place, this.#depth, text);
    return to;
  }
}

function notAnObject(): FieldError {
  return rowError('NOT_AN_OBJECT', 'a row is an object, in braces');
}
