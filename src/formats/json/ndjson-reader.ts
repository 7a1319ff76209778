import { BLOCK_BYTES, BLOCK_ROWS, MAX_RAW_BYTES, MAX_ROW_BYTES } from '../limits.js';
import { rejectionOf, rowError } from '../row-errors.js';
import type { FieldError, Position, RowConsumer, RowReader, ValueFormat } from '../row-reader.js';
import { CR, isBlank, LF } from './bytes.js';
import { ElementScanner } from './element-scanner.js';
import { InputBuffer } from './input-buffer.js';
import { malformed } from './malformed.js';
import { RowOutput } from './row-output.js';
import type { ScannerOptions } from './schema-node.js';

export interface JsonReaderOptions extends ScannerOptions {
  /** Absent: raw, an object's own bytes. */
  valueFormat?: ValueFormat | undefined;
  /** A position that a reader with the same options had; absent: the beginning of the file. */
  position?: Position | undefined;
}

/**
 * Reads NDJSON: one JSON object per line, lines end with LF or CRLF, blank ones are skipped. An accepted row's value is
 * the object's own bytes. A line that is not JSON is rejected alone; so is one of more than 1,000,000 bytes.
 */
export function createNdjsonReader(options: JsonReaderOptions): RowReader {
  return new NdjsonReader(options);
}

/** A line that is given up while its end is not here yet. */
interface BrokenLine {
  byteOffset: number;
  error: FieldError;
  /** Its beginning, once the rest need not be held. */
  head: Buffer | null;
}

class NdjsonReader implements RowReader {
  readonly #input: InputBuffer;
  readonly #scanner: ElementScanner;
  readonly #output: RowOutput;
  #row: number;
  #broken: BrokenLine | null = null;
  /** Number of bytes that must be there before the current line is scanned again: each time twice as many. */
  #retryAt = 0;

  constructor(options: JsonReaderOptions) {
    const position = options.position ?? { row: 0, line: 0, byte: 0 };
    this.#row = position.row;
    this.#input = new InputBuffer(position);
    this.#scanner = new ElementScanner(options, false);
    this.#output = new RowOutput(this.#scanner, options.valueFormat);
  }

  get position(): Position {
    const { from, line } = this.#input;
    return { row: this.#row, line, byte: this.#broken?.byteOffset ?? this.#input.offsetOf(from) };
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
    for (let rows = 0; rows < BLOCK_ROWS && input.from - begin < BLOCK_BYTES; rows++) {
      if (!this.#decideLine(consumer)) return false;
    }
    return true;
  }

  /** Decides the next row; false: its end is not here yet. */
  #decideLine(consumer: RowConsumer): boolean {
    if (this.#broken !== null) return this.#skipBroken(this.#broken, consumer);
    const input = this.#input;
    const start = this.#skipBlankLines();
    const { bytes, end } = input;
    if (start === end || (end - start < this.#retryAt && !input.ended)) return false;
    this.#retryAt = 0;
    const scanner = this.#scanner;
    const found = scanner.scan(input, start);
    const next = found === 'element' ? this.#lineEndBehind(scanner.stop) : -1;
    const behind = found === 'element' ? this.#behindBlanks(scanner.stop) : scanner.stop;
    const seen = next >= 0 ? next : found === 'more' ? end : behind;
    if (seen - start > MAX_ROW_BYTES) return this.#break(start, lineTooLarge(), consumer);
    if (next >= 0) {
      this.#row += 1;
      const errors = scanner.errors ?? this.#output.accept(consumer, bytes, start);
      if (errors !== null) this.#reject(errors, start, scanner.stop, consumer);
      input.consume(next, next > 0 && bytes[next - 1] === LF ? 1 : 0);
      return true;
    }
    if (found === 'broken') return this.#break(start, lineProblem(bytes, scanner), consumer);
    if (seen < end) {
      return this.#break(start, malformed(bytes[behind], 'something stands behind the object on its line'), consumer);
    }
    if (input.ended) return this.#break(start, rowError('MALFORMED_JSON', 'the file ends inside the row'), consumer);
    this.#retryAt = Math.min(2 * (end - start), MAX_ROW_BYTES + 1);
    return false;
  }

  /** The index of the first byte of a row, or the end. */
  #skipBlankLines(): number {
    const input = this.#input;
    let at = input.from;
    let lines = 0;
    for (; at < input.end && isBlank(input.bytes[at]); at++) {
      if (input.bytes[at] === LF) lines += 1;
    }
    input.consume(at, lines);
    return at;
  }

  /** The index behind the line end that follows an element; -1: something else follows, or nothing yet. */
  #lineEndBehind(stop: number): number {
    const { bytes, end, ended } = this.#input;
    if (bytes[stop] === LF && stop < end) return stop + 1;
    const at = this.#behindBlanks(stop);
    if (at < end) return bytes[at] === LF ? at + 1 : -1;
    return ended ? end : -1;
  }

  #behindBlanks(i: number): number {
    const { bytes, end } = this.#input;
    let at = i;
    while (at < end && bytes[at] !== LF && isBlank(bytes[at])) at += 1;
    return at;
  }

  #break(start: number, error: FieldError, consumer: RowConsumer): boolean {
    this.#input.consume(start, 0);
    this.#broken = { byteOffset: this.#input.offsetOf(start), error, head: null };
    return this.#skipBroken(this.#broken, consumer);
  }

  /** Goes on to the end of a broken line; false: it is not here yet. */
  #skipBroken(broken: BrokenLine, consumer: RowConsumer): boolean {
    const input = this.#input;
    const { bytes, from, end } = input;
    const found = bytes.subarray(0, end).indexOf(LF, from);
    if (found < 0 && !input.ended) {
      if (broken.head === null && end - from > MAX_RAW_BYTES) {
        broken.head = Buffer.from(bytes.subarray(from, from + MAX_RAW_BYTES));
      }
      if (broken.head !== null) input.consume(end, 0);
      return false;
    }
    let stop = found < 0 ? end : found;
    this.#row += 1;
    const place = { rowNumber: this.#row, line: input.line + 1, byteOffset: broken.byteOffset };
    this.#broken = null;
    if (broken.head !== null) {
      consumer.reject({
        ...rejectionOf(place, [broken.error], broken.head, 0, broken.head.length),
        rawTruncated: true,
      });
    } else {
      if (bytes[stop - 1] === CR && stop > from) stop -= 1;
      consumer.reject(rejectionOf(place, [broken.error], bytes, from, stop));
    }
    input.consume(found < 0 ? end : found + 1, found < 0 ? 0 : 1);
    return true;
  }

  #reject(errors: FieldError[], start: number, stop: number, consumer: RowConsumer): void {
    const { bytes, line } = this.#input;
    const place = { rowNumber: this.#row, line: line + 1, byteOffset: this.#input.offsetOf(start) };
    consumer.reject(rejectionOf(place, errors, bytes, start, stop));
  }
}

function lineTooLarge(): FieldError {
  return rowError('ROW_TOO_LARGE', 'the line is larger than 1,000,000 bytes');
}

function lineProblem(bytes: Buffer, { stop, problem }: ElementScanner): FieldError {
  return bytes[stop] === LF ? rowError('MALFORMED_JSON', 'the line ends inside the row') : problem;
}
