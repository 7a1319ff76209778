import { areQuotesLax, type CsvDialect, ownEscape, quoteOf } from '../../ingest/index.js';
import { MAX_RAW_BYTES, MAX_ROW_BYTES } from '../limits.js';

const LF = 0x0a;
const CR = 0x0d;
const BOM = [0xef, 0xbb, 0xbf];

/**
 * What a byte is in a dialect, 0 being text: up to ESCAPE it is text outside quotes, below LINE_FEED it may stand in the
 * middle of a line.
 */
const ESCAPE = 1;
const DELIMITER = 2;
const QUOTE = 3;
const LINE_FEED = 4;
const CARRIAGE_RETURN = 5;

/** Where the scan stands. */
const BETWEEN_RECORDS = 0;
const FIELD_START = 1;
const UNQUOTED = 2;
const QUOTED = 3;
const AFTER_QUOTE = 4;
/** The record is broken and its first physical line goes on. */
const BROKEN_LINE = 5;
/** Within quotes, behind an escape. */
const ESCAPED = 6;
/** Inside a line that is not a record. */
const SKIPPED_LINE = 7;

export type BreakCode = 'STRAY_QUOTE' | 'UNTERMINATED_QUOTE' | 'ROW_TOO_LARGE';

/** `more`: it needs `push` or `end`; `end`: there is nothing left. */
export type Found = 'record' | 'broken' | 'more' | 'end';

/**
 * Cuts a file's bytes into records by the CSV grammar: a quote opens only as a field's first byte, only a delimiter or
 * a line end may follow the closing one (if quotes are lax: what follows is text, see `FieldText`); LF, CRLF and lone CR end lines; an empty line is not a record. A record that
 * breaks, or that is larger than 1,000,000 bytes, yields only its first physical line, and the scan resumes behind it.
 *
 * The findings depend on the bytes only, not on how they are cut into chunks. A byte is read three times at most:
 * whichever record is given up, the next one that could run as far begins behind the bytes that were scanned for it.
 */
export class RecordSplitter {
  /** Holds the last finding; valid until `push`. */
  bytes: Buffer = Buffer.alloc(0);
  /** The finding is `bytes[start, stop)`, without its line end. */
  start = 0;
  stop = 0;
  /** The finding with its line end is `bytes[start, next)`. */
  next = 0;
  /** Offset of the finding's first byte in the file. */
  byteOffset = 0;
  /** The finding's first physical line, from 1. */
  lineNumber = 0;
  /** The record has a quote somewhere. */
  quoted = false;
  /** Why a `broken` finding is broken. */
  breakCode: BreakCode = 'STRAY_QUOTE';

  readonly #kinds = new Uint8Array(256);
  /** Offset in the file of bytes[0]. */
  #base: number;
  /** Physical lines consumed. */
  #line: number;
  /** First byte that no finding covers yet, and the end of the bytes there are. */
  #from = 0;
  #end = 0;
  #ended = false;
  #bomPossible: boolean;
  /** The first byte of comment lines; -1: there are none. */
  readonly #comment: number;
  /** With its own escape a quote is not doubled. */
  readonly #hasEscape: boolean;
  readonly #isLax: boolean;
  /** Blanks before an opening quote belong to no value. */
  readonly #skipsBlanks: boolean;
  /**
   * The record that was given up last reads on like this from the offset `byte` in the file, in lax quotes. At the end of
   * each line before it, it was inside quotes, and there every record that is inside quotes reads on alike.
   */
  #readOn: { byte: number; state: number; line: number } | null = null;
  /** Physical lines that are left to skip. */
  #linesToSkip: number;
  #state = BETWEEN_RECORDS;
  #scan = 0;
  /** First line end inside the record and how many there are so far. */
  #innerLineEnd = -1;
  #innerLines = 0;
  /** The beginning of a broken line that is too long to hold; `start` and `stop` mean nothing then. */
  #head: Buffer | null = null;

  /**
   * Begins at `at`: a byte offset of the file where a physical line begins, and the lines before it; `skipLines` of them
   * are skipped.
   */
  constructor(dialect: CsvDialect, at: { byte: number; line: number }, skipLines = 0) {
    const own = ownEscape(dialect);
    if (own !== null) this.#kinds[own.charCodeAt(0)] = ESCAPE;
    this.#hasEscape = own !== null;
    this.#comment = dialect.comment?.charCodeAt(0) ?? -1;
    this.#linesToSkip = skipLines;
    this.#kinds[dialect.delimiter.charCodeAt(0)] = DELIMITER;
    const quote = quoteOf(dialect);
    if (quote !== null) this.#kinds[quote.charCodeAt(0)] = QUOTE;
    this.#isLax = areQuotesLax(dialect);
    this.#skipsBlanks = this.#isLax && dialect.trim === true;
    this.#kinds[LF] = LINE_FEED;
    this.#kinds[CR] = CARRIAGE_RETURN;
    this.#base = at.byte;
    this.#line = at.line;
    this.#bomPossible = at.byte === 0;
  }

  /** The byte offset behind the last finding (and behind the lines after it that are not records). */
  get consumedBytes(): number {
    return this.#state === BETWEEN_RECORDS ? this.#base + this.#from : this.byteOffset;
  }

  /** The physical lines up to there. */
  get consumedLines(): number {
    return this.#line;
  }

  /** A record that was given up has told how the bytes that come next read on. */
  get knowsAhead(): boolean {
    return this.#readOn !== null && this.consumedBytes < this.#readOn.byte;
  }

  /** The record at hand is given up; `breakCode` says why, though its first line may still go on. */
  get broken(): boolean {
    return this.#state === BROKEN_LINE;
  }

  /** At most 64 KiB of the finding. */
  get raw(): Buffer {
    return this.#head ?? this.bytes.subarray(this.start, Math.min(this.stop, this.start + MAX_RAW_BYTES));
  }

  get rawTruncated(): boolean {
    return this.#head !== null || this.stop - this.start > MAX_RAW_BYTES;
  }

  /** What was pushed and is not found yet; valid until `push`. */
  get rest(): Buffer {
    return this.bytes.subarray(this.#from, this.#end);
  }

  /** Copies the chunk behind what is left; ends the last finding's validity. */
  push(chunk: Uint8Array): void {
    const left = this.#end - this.#from;
    const needed = left + chunk.length;
    const target = needed > this.bytes.length ? Buffer.allocUnsafeSlow(needed + (needed >> 1)) : this.bytes;
    target.set(this.bytes.subarray(this.#from, this.#end), 0);
    target.set(chunk, left);
    this.bytes = target;
    this.#base += this.#from;
    this.#scan -= this.#from;
    if (this.#innerLineEnd >= 0) this.#innerLineEnd -= this.#from;
    this.start -= this.#from;
    this.#from = 0;
    this.#end = needed;
  }

  /** No more bytes will come. */
  end(): void {
    this.#ended = true;
  }

  /** Goes over the byte order mark and the lines to skip; false: it needs more bytes for that. */
  skipLines(): boolean {
    if (this.#bomPossible && !this.#skipBom()) return false;
    for (; this.#linesToSkip > 0; this.#linesToSkip--) {
      if (!this.#skipLine()) return false;
    }
    return true;
  }

  /** The next record or broken line in the file's order. */
  find(): Found {
    if (this.#state === BETWEEN_RECORDS || this.#state === SKIPPED_LINE) {
      if (!this.skipLines() || !this.#skipNoRecords()) return 'more';
      if (this.#from === this.#end) return this.#ended ? 'end' : 'more';
      this.#begin();
    }
    return this.#state === BROKEN_LINE ? this.#scanBrokenLine() : this.#scanRecord();
  }

  /** false: a few more bytes decide. */
  #skipBom(): boolean {
    for (const [index, byte] of BOM.entries()) {
      if (index === this.#end && !this.#ended) return false;
      if (index >= this.#end || this.bytes[index] !== byte) {
        this.#bomPossible = false;
        return true;
      }
    }
    this.#from = BOM.length;
    this.#bomPossible = false;
    return true;
  }

  /** Goes over blank lines and comments; false: more bytes decide whether there are more of them. */
  #skipNoRecords(): boolean {
    while (this.#state === SKIPPED_LINE || this.#from < this.#end) {
      const isComment = this.#state === SKIPPED_LINE || this.bytes[this.#from] === this.#comment;
      if (!isComment && this.#kindAt(this.#from) < LINE_FEED) break;
      if (!this.#skipLine()) return false;
    }
    return true;
  }

  /** Goes over a line without holding it; false: it is not over yet. */
  #skipLine(): boolean {
    if (this.#state !== SKIPPED_LINE) this.byteOffset = this.#base + this.#from;
    let i = this.#from;
    while (i < this.#end && this.#kindAt(i) < LINE_FEED) i++;
    const next = i < this.#end ? this.#behindLineEnd(i) : this.#ended ? i : -1;
    this.#from = next < 0 ? i : next;
    this.#state = next < 0 ? SKIPPED_LINE : BETWEEN_RECORDS;
    if (next < 0) return false;
    if (this.#base + next > this.byteOffset) this.#line += 1;
    return true;
  }

  #begin(): void {
    this.#state = FIELD_START;
    this.#scan = this.#from;
    this.#innerLineEnd = -1;
    this.#innerLines = 0;
    this.#head = null;
    this.quoted = false;
    this.start = this.#from;
    this.byteOffset = this.#base + this.#from;
    this.lineNumber = this.#line + 1;
  }

  #scanRecord(): Found {
    const { bytes, start } = this;
    const kinds = this.#kinds;
    const limit = Math.min(this.#end, start + MAX_ROW_BYTES);
    let state = this.#state;
    let i = this.#scan;
    for (; i < limit; i++) {
      const kind = kinds[bytes[i] as number] as number;
      if (state === QUOTED || state === ESCAPED) {
        if (kind >= LINE_FEED) this.#countInnerLine(i);
        state = nextInQuotes(state, kind);
        if (kind >= LINE_FEED && this.#readOn !== null) {
          const known = this.#goOn(this.#readOn, i, limit);
          if (known !== null) [state, i] = known;
        }
        continue;
      }
      if (kind <= ESCAPE) {
        if (state === AFTER_QUOTE && !this.#isLax) return this.#break('STRAY_QUOTE', i);
        if (!(state === FIELD_START && this.#skipsBlanks && isBlank(bytes[i]))) state = UNQUOTED;
      } else if (kind === DELIMITER) {
        state = FIELD_START;
      } else if (kind === QUOTE) {
        if (state === UNQUOTED || (state === AFTER_QUOTE && this.#hasEscape)) {
          if (!this.#isLax) return this.#break('STRAY_QUOTE', i);
          state = UNQUOTED;
          continue;
        }
        state = QUOTED;
        this.quoted = true;
      } else {
        const next = this.#behindLineEnd(i);
        if (next < 0) break;
        if (next - start > MAX_ROW_BYTES) return this.#break('ROW_TOO_LARGE', i);
        return this.#finish('record', i, next, this.#innerLines + 1);
      }
    }
    this.#state = state;
    this.#scan = i;
    // Short of the limit only if a CR waits for its next byte.
    if (i < limit) return 'more';
    if (i < this.#end) return this.#giveUp(isInQuotes(state) ? 'UNTERMINATED_QUOTE' : 'ROW_TOO_LARGE', i);
    if (!this.#ended) return 'more';
    if (isInQuotes(state)) return this.#giveUp('UNTERMINATED_QUOTE', i);
    return this.#finish('record', i, i, this.#innerLines + 1);
  }

  #countInnerLine(i: number): void {
    if (this.bytes[i] === LF && this.bytes[i - 1] === CR) return;
    this.#innerLines += 1;
    if (this.#innerLineEnd < 0) this.#innerLineEnd = i;
  }

  /** Gives the record up at byte i: its first physical line is what is found. */
  #break(code: BreakCode, i: number): Found {
    this.breakCode = code;
    this.#state = BROKEN_LINE;
    this.#scan = this.#innerLineEnd < 0 ? i : this.#innerLineEnd;
    return this.#scanBrokenLine();
  }

  /** The record has no end where it must have one. */
  #giveUp(code: BreakCode, i: number): Found {
    if (this.#isLax) this.#readOn = { byte: this.#base + i, state: this.#state, line: this.#line + this.#innerLines };
    return this.#break(code, i);
  }

  /** Goes on behind the inner line end at i to where it is known how that reads on; null: that is not known. */
  #goOn({ byte, state, line }: { byte: number; state: number; line: number }, i: number, limit: number): Known | null {
    const to = byte - this.#base;
    if (to > limit) return null;
    if (to <= i + 1) {
      this.#readOn = null;
      return null;
    }
    this.#innerLines = line - this.#line;
    return [state, to - 1];
  }

  #scanBrokenLine(): Found {
    let i = this.#scan;
    while (i < this.#end && this.#kindAt(i) < LINE_FEED) i++;
    const next = i < this.#end ? this.#behindLineEnd(i) : this.#ended ? i : -1;
    if (next >= 0) return this.#finish('broken', i, next, 1);
    this.#scan = i;
    if (this.#head === null && i - this.start > MAX_RAW_BYTES) {
      this.#head = Buffer.from(this.bytes.subarray(this.start, this.start + MAX_RAW_BYTES));
    }
    // With its beginning kept, the rest of the line need not be held.
    if (this.#head !== null) this.#from = i;
    return 'more';
  }

  #finish(found: 'record' | 'broken', stop: number, next: number, lines: number): Found {
    this.stop = stop;
    this.next = next;
    this.#from = next;
    this.#line += lines;
    this.#state = BETWEEN_RECORDS;
    return found;
  }

  /** The index behind the line end at i; -1 if the byte that decides is not here yet. */
  #behindLineEnd(i: number): number {
    if (this.bytes[i] !== CR) return i + 1;
    if (i + 1 < this.#end) return this.bytes[i + 1] === LF ? i + 2 : i + 1;
    return this.#ended ? i + 1 : -1;
  }

  #kindAt(i: number): number {
    return this.#kinds[this.bytes[i] as number] as number;
  }
}

/** A state, and the index of the byte behind which it is. */
type Known = [state: number, at: number];

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}

function nextInQuotes(state: number, kind: number): number {
  if (state === ESCAPED) return QUOTED;
  return kind === QUOTE ? AFTER_QUOTE : kind === ESCAPE ? ESCAPED : QUOTED;
}

function isInQuotes(state: number): boolean {
  return state === QUOTED || state === ESCAPED;
}
