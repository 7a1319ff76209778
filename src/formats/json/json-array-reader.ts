import { BLOCK_BYTES, BLOCK_ROWS, MAX_RAW_BYTES, MAX_ROW_BYTES } from '../limits.js';
import { rejectionOf, rowError } from '../row-errors.js';
import type { FieldError, Position, RowConsumer, RowReader } from '../row-reader.js';
import { CLOSE_BRACKET, COMMA, isBlank, LF, OPEN_BRACE, OPEN_BRACKET } from './bytes.js';
import { ElementScanner } from './element-scanner.js';
import { ElementSkipper } from './element-skipper.js';
import { InputBuffer } from './input-buffer.js';
import { malformed } from './malformed.js';
import type { JsonReaderOptions } from './ndjson-reader.js';
import { RowOutput } from './row-output.js';

/**
 * Reads one JSON array of objects, an element at a time. An accepted row's value is the object's own bytes. An element
 * that is not JSON, or has something behind it before its comma, is rejected as one row, and reading goes on behind it
 * (see ElementSkipper); so is one of more than 1,000,000 bytes, an object that another one follows without a comma, the
 * last one of an array that is not closed, an empty element between two commas, and everything that stands behind the array
 * or in its place.
 */
export function createJsonArrayReader(options: JsonReaderOptions): RowReader {
  return new JsonArrayReader(options);
}

/** Where the reader stands. A position behind the file's beginning is always one behind an element. */
type SchemaNode = 'before-array' | 'first-element' | 'element' | 'behind-element' | 'behind-array' | 'rest';

/** An element that is given up. */
interface Broken {
  skipper: ElementSkipper;
  error: FieldError;
  line: number;
  byteOffset: number;
}

/** What stands behind the array, or in its place. */
interface Rest {
  error: FieldError;
  line: number;
  byteOffset: number;
  /** At most 64 KiB of it, and how much there was so far. */
  head: Buffer;
  bytes: number;
}

class JsonArrayReader implements RowReader {
  readonly #input: InputBuffer;
  readonly #scanner: ElementScanner;
  readonly #output: RowOutput;
  #position: Position;
  #place: SchemaNode;
  #broken: Broken | null = null;
  /** Number of bytes that must be there before the current element is scanned again: each time twice as many. */
  #retryAt = 0;
  #rest: Rest | null = null;

  constructor(options: JsonReaderOptions) {
    this.#position = options.position ?? { row: 0, line: 0, byte: 0 };
    this.#place = this.#position.byte === 0 ? 'before-array' : 'behind-element';
    this.#input = new InputBuffer(this.#position);
    this.#scanner = new ElementScanner(options, true);
    this.#output = new RowOutput(this.#scanner, options.valueFormat);
  }

  get position(): Position {
    return this.#position;
  }

  push(chunk: Uint8Array): void {
    this.#input.push(chunk);
  }

  end(): void {
    this.#input.ended = true;
  }

  advance(consumer: RowConsumer): boolean {
    const input = this.#input;
    if (!input.skipBom()) return false;
    const begin = input.from;
    const { row } = this.#position;
    while (this.#position.row - row < BLOCK_ROWS && input.from - begin < BLOCK_BYTES) {
      if (!this.#step(consumer)) return false;
    }
    return true;
  }

  /** One step on; false: more bytes are needed, or there are none left. */
  #step(consumer: RowConsumer): boolean {
    if (this.#rest !== null) return this.#takeRest(this.#rest, consumer);
    if (this.#broken !== null) return this.#skipBroken(this.#broken, consumer);
    const input = this.#input;
    const at = this.#skipBlanks();
    if (at === input.end) return input.ended && this.#endOfFile(consumer);
    const byte = input.bytes[at];
    switch (this.#place) {
      case 'before-array':
        if (byte !== OPEN_BRACKET) return this.#beginRest('the file does not begin with an array');
        return this.#go('first-element', at + 1);
      case 'first-element':
        if (byte === CLOSE_BRACKET) return this.#go('behind-array', at + 1);
        return this.#decideElement(consumer, at);
      case 'behind-element':
        if (byte === CLOSE_BRACKET) return this.#go('behind-array', at + 1);
        return this.#go('element', byte === COMMA ? at + 1 : at);
      case 'element':
        return this.#decideElement(consumer, at);
      default:
        return this.#beginRest('something stands behind the end of the array');
    }
  }

  #go(place: SchemaNode, at: number): true {
    this.#place = place;
    this.#input.consume(at, 0);
    return true;
  }

  /** The file has ended, and only blanks were left. */
  #endOfFile(consumer: RowConsumer): false {
    const input = this.#input;
    if (this.#place === 'element' || this.#place === 'first-element') {
      this.#reject(consumer, [notClosed()], input.from, input.from);
      this.#decided(input.from, 0);
    }
    this.#place = 'behind-array';
    this.#position = { ...this.#position, line: input.line, byte: input.offsetOf(input.end) };
    return false;
  }

  /** Decides the element that begins at `start`; false: its end is not here yet. */
  #decideElement(consumer: RowConsumer, start: number): boolean {
    const input = this.#input;
    const { bytes, end } = input;
    if (bytes[start] === COMMA || bytes[start] === CLOSE_BRACKET) return this.#rejectNothing(consumer, start);
    if (end - start < this.#retryAt && !input.ended) return false;
    this.#retryAt = 0;
    const scanner = this.#scanner;
    const found = scanner.scan(input, start);
    const { lines } = scanner;
    const next = found === 'element' ? this.#behindBlanks(scanner.stop) : { at: scanner.stop, lines: 0 };
    const isOpen = found === 'more' || (found === 'element' && next.at === end);
    if ((isOpen ? end : next.at) - start > MAX_ROW_BYTES) return this.#break(consumer, start, elementTooLarge());
    if (isOpen && !input.ended) {
      this.#retryAt = Math.min(2 * (end - start), MAX_ROW_BYTES + 1);
      return false;
    }
    if (found === 'broken') return this.#break(consumer, start, scanner.problem);
    if (found === 'more')
      return this.#break(consumer, start, rowError('MALFORMED_JSON', 'the file ends inside the row'));
    const follower = bytes[next.at];
    if (isOpen) this.#reject(consumer, [notClosed()], start, scanner.stop);
    else if (follower === OPEN_BRACE && bytes[start] === OPEN_BRACE) {
      this.#reject(consumer, [noComma(follower)], start, scanner.stop);
    } else if (follower !== COMMA && follower !== CLOSE_BRACKET) return this.#break(consumer, start, noComma(follower));
    else {
      const errors = scanner.errors ?? this.#output.accept(consumer, bytes, start);
      if (errors !== null) this.#reject(consumer, errors, start, scanner.stop);
    }
    return this.#decided(next.at, lines + next.lines);
  }

  /** A row is decided, and `at` is the first byte behind it that is not a blank. */
  #decided(at: number, lines: number): true {
    const input = this.#input;
    input.consume(at, lines);
    this.#place = 'behind-element';
    this.#position = { row: this.#position.row + 1, line: input.line, byte: input.offsetOf(at) };
    return true;
  }

  /** A comma, or the end of the array, stands where an element should. */
  #rejectNothing(consumer: RowConsumer, at: number): true {
    this.#reject(
      consumer,
      [rowError('MALFORMED_JSON', 'nothing stands before the comma or the end of the array')],
      at,
      at,
    );
    return this.#decided(at, 0);
  }

  #reject(consumer: RowConsumer, errors: FieldError[], start: number, stop: number): void {
    const input = this.#input;
    const place = { rowNumber: this.#position.row + 1, line: input.line + 1, byteOffset: input.offsetOf(start) };
    consumer.reject(rejectionOf(place, errors, input.bytes, start, stop));
  }

  #break(consumer: RowConsumer, start: number, error: FieldError): boolean {
    const input = this.#input;
    const byteOffset = input.offsetOf(start);
    // Its end may be far away; a resumed reader begins with an element wherever neither comma nor bracket stands.
    this.#position = { ...this.#position, line: input.line, byte: byteOffset };
    this.#broken = { skipper: new ElementSkipper(), error, line: input.line + 1, byteOffset };
    return this.#skipBroken(this.#broken, consumer);
  }

  #skipBroken({ skipper, error, line, byteOffset }: Broken, consumer: RowConsumer): boolean {
    const input = this.#input;
    if (!skipper.find(input)) return false;
    this.#broken = null;
    const { raw, rawTruncated } = skipper.raw(input);
    const place = { rowNumber: this.#position.row + 1, line, byteOffset };
    consumer.reject({ ...rejectionOf(place, [error], raw, 0, raw.length), rawTruncated });
    return this.#decided(skipper.stop, input.countLines(input.from, skipper.stop));
  }

  #beginRest(problem: string): true {
    const input = this.#input;
    this.#place = 'rest';
    const error = malformed(input.bytes[input.from], problem);
    const byteOffset = input.offsetOf(input.from);
    this.#rest = { error, line: input.line + 1, byteOffset, head: Buffer.alloc(0), bytes: 0 };
    return true;
  }

  /** Rejects all that is left of the file as one row. */
  #takeRest(rest: Rest, consumer: RowConsumer): boolean {
    const input = this.#input;
    const { bytes, from, end } = input;
    const room = MAX_RAW_BYTES - rest.head.length;
    if (room > 0) rest.head = Buffer.concat([rest.head, bytes.subarray(from, Math.min(end, from + room))]);
    rest.bytes += end - from;
    input.consume(end, input.countLines(from, end));
    if (!input.ended) return false;
    this.#rest = null;
    const place = { rowNumber: this.#position.row + 1, line: rest.line, byteOffset: rest.byteOffset };
    const { head } = rest;
    consumer.reject({
      ...rejectionOf(place, [rest.error], head, 0, head.length),
      rawTruncated: rest.bytes > head.length,
    });
    this.#decided(end, 0);
    this.#place = 'behind-array';
    return true;
  }

  #skipBlanks(): number {
    const { at, lines } = this.#behindBlanks(this.#input.from);
    this.#input.consume(at, lines);
    return at;
  }

  #behindBlanks(from: number): { at: number; lines: number } {
    const { bytes, end } = this.#input;
    let at = from;
    let lines = 0;
    for (; at < end && isBlank(bytes[at]); at++) {
      if (bytes[at] === LF) lines += 1;
    }
    return { at, lines };
  }
}

function elementTooLarge(): FieldError {
  return rowError('ROW_TOO_LARGE', 'the row is larger than 1,000,000 bytes');
}

function noComma(follower: number | undefined): FieldError {
  return malformed(follower, 'neither a comma nor the end of the array follows the row');
}

function notClosed(): FieldError {
  return rowError('MALFORMED_JSON', 'the file ends before the array is closed');
}
