import { isUtf8 } from 'node:buffer';
import { BLOCK_BYTES, BLOCK_ROWS } from '../../limits.js';
import type { FieldError, Inlet, Position, RowReader, RowSink } from '../../row-reader.js';
import { type CsvReaderOptions, createCsvReader } from '../csv-reader.js';
import { type CsvDialect, checkDialect } from '../dialect.js';
import { RecordSplitter } from '../record-splitter.js';
import { RowCheck } from '../row-check.js';
import { broken, rejectionOf } from '../row-errors.js';
import { writeColumns, writeNulls } from './column-table.js';
import {
  BATCH_END,
  BATCH_RECORDS,
  DELIMITER,
  LINES,
  NEXT_RECORD,
  NOT_ASCII,
  OVERLONG,
  QUOTE,
  QUOTE_IS_TEXT,
  ROWS_CHECKED,
  ROWS_FOUND,
  ROWS_LEFT,
  STRAY_AT,
} from './control-slots.js';
import type { CsvKernel } from './csv-kernel.js';
import { InputWindows } from './input-windows.js';
import { CHUNK_BYTES, MAX_RECORD } from './memory-layout.js';
import { RowJudge } from './row-judge.js';
import { RowTable } from './row-table.js';

const LF = 0x0a;
const CR = 0x0d;

/**
 * The fast reader of CSV, on a kernel that no other reader uses meanwhile. Decides like `createCsvReader`, which it
 * falls back to where there are more spellings of null than the kernel has room for (64 KiB of them).
 */
export function createKernelReader(options: CsvReaderOptions, kernel: CsvKernel): RowReader {
  checkDialect(options.dialect);
  const hasNulls = writeNulls(kernel, options.nullValues ?? [], options.dialect.quote);
  return hasNulls ? new KernelReader(options, kernel) : createCsvReader(options);
}

class KernelReader implements RowReader, Inlet {
  readonly inlet: Inlet = this;
  readonly #dialect: CsvDialect;
  readonly #windows: InputWindows;
  readonly #table: RowTable;
  readonly #judge: RowJudge;
  #row: number;
  /** Phase 1 has found records that phase 2 has not taken. */
  #found = false;
  /** Works on one record that the kernel leaves alone: at the file's very beginning or end, or too large. */
  #splitter: RecordSplitter | null = null;
  /** What was pushed and did not fit. */
  #pending: Uint8Array = new Uint8Array();
  #ended = false;

  constructor(
    options: CsvReaderOptions,
    private readonly kernel: CsvKernel,
  ) {
    const { row, line, byte } = options.position ?? options.header.position;
    const check = new RowCheck(options);
    const fieldCount = options.header.columns.length;
    this.#dialect = options.dialect;
    this.#windows = new InputWindows(kernel.memory, byte);
    this.#table = new RowTable(kernel);
    this.#judge = new RowJudge(kernel, check, fieldCount, options.dialect);
    this.#row = row;
    writeColumns(kernel, fieldCount, check.checks);
    kernel.set(DELIMITER, options.dialect.delimiter.charCodeAt(0));
    kernel.set(QUOTE, options.dialect.quote.charCodeAt(0));
    kernel.set(QUOTE_IS_TEXT, /[\w+\-.: ]/.test(options.dialect.quote) ? 1 : 0);
    kernel.set(NEXT_RECORD, this.#windows.end);
    kernel.set(LINES, line);
    // Only at the beginning there may be a byte order mark.
    if (byte === 0) this.#handOver();
  }

  get position(): Position {
    return { row: this.#row, line: this.#line, byte: this.#byte };
  }

  get space(): Buffer {
    return this.#windows.space;
  }

  filled(bytes: number): void {
    if (this.#splitter !== null) this.#splitter.push(this.space.subarray(0, bytes));
    else this.kernel.set(NEXT_RECORD, this.#windows.take(this.kernel.get(NEXT_RECORD), bytes));
  }

  push(chunk: Uint8Array): void {
    this.#pending = chunk;
    this.#takePending();
    // The chunk is the caller's again.
    this.#pending = new Uint8Array(this.#pending);
  }

  end(): void {
    this.#ended = true;
    this.#splitter?.end();
  }

  advance(sink: RowSink): boolean {
    const firstRow = this.#row;
    const firstByte = this.#byte;
    while (sink.hasRoom !== false) {
      if (!this.#table.isDecided) {
        if (!this.#decideTable(sink)) return true;
      } else {
        const decided = this.#row - firstRow;
        if (decided === BLOCK_ROWS || (decided > 0 && this.#byte - firstByte >= BLOCK_BYTES / 2)) return true;
        if (!this.#findRows(BLOCK_ROWS - decided, sink)) return false;
      }
    }
    return true;
  }

  get #byte(): number {
    if (this.#splitter !== null) return this.#splitter.consumedBytes;
    const table = this.#table;
    return this.#windows.offsetOf(table.isDecided ? this.kernel.get(NEXT_RECORD) : table.start(table.next));
  }

  get #line(): number {
    if (this.#splitter !== null) return this.#splitter.consumedLines;
    const table = this.#table;
    return table.isDecided ? this.kernel.get(LINES) : table.line(table.next) - 1;
  }

  /** Puts rows into the table, at most so many, or decides about one outside of it; false: there are none for now. */
  #findRows(most: number, sink: RowSink): boolean {
    if (this.#splitter !== null) return this.#decideSplit(this.#splitter, sink);
    const { kernel } = this;
    for (;;) {
      if (this.#found) {
        kernel.calls.checkRows(most);
        this.#table.next = 0;
        this.#table.count = kernel.get(ROWS_CHECKED);
        if (this.#table.count > 0) {
          if (kernel.get(NOT_ASCII) !== 0) this.#checkEncoding(0, this.#table.count - 1);
          return true;
        }
        this.#found = false;
        if (kernel.get(OVERLONG) !== 0) return this.#handOver();
      }
      const structure = this.#findStructure();
      if (structure === 'records') this.#found = true;
      else if (structure === 'stray quote') return this.#decideStray(sink);
      else if (structure === 'too large') return this.#handOver();
      else if (!this.#takePending()) {
        // The last record may lack a line end, or not be one.
        return this.#ended && kernel.get(NEXT_RECORD) < this.#windows.end && this.#handOver();
      }
    }
  }

  /** Phase 1 on as many bytes as it needs. */
  #findStructure(): 'records' | 'stray quote' | 'too large' | 'more' {
    const { kernel } = this;
    const from = kernel.get(NEXT_RECORD);
    const { end } = this.#windows;
    // The byte behind a CR says whether it is a line end of its own.
    const known = from < end && kernel.memory[end - 1] === CR ? end - 1 : end;
    for (let size = BLOCK_BYTES; from < known; size *= 4) {
      const to = Math.min(from + size, known);
      kernel.calls.findStructure(to);
      if (kernel.get(ROWS_FOUND) > 0) return 'records';
      const stray = kernel.get(STRAY_AT);
      if (stray > 0) return stray - from < MAX_RECORD ? 'stray quote' : 'too large';
      if (to === known) break;
    }
    return end - from > MAX_RECORD ? 'too large' : 'more';
  }

  /** Marks the rows that are not UTF-8, halving until they are found. */
  #checkEncoding(first: number, last: number): void {
    const table = this.#table;
    if (isUtf8(this.kernel.memory.subarray(table.start(first), table.stop(last)))) return;
    if (first < last) {
      const middle = (first + last) >> 1;
      this.#checkEncoding(first, middle);
      this.#checkEncoding(middle + 1, last);
    } else {
      table.uncheck(first);
      this.kernel.set(ROWS_LEFT, 1);
    }
  }

  /** Gives the table's rows to the sink; false where it has no room for all of them. */
  #decideTable(sink: RowSink): boolean {
    const table = this.#table;
    let entry = 0;
    for (let row = 0; row < table.count && this.kernel.get(ROWS_LEFT) > 0; row++) {
      if (table.isGood(row)) continue;
      const entries = table.entries(row);
      const errors = row < table.next ? null : this.#errorsOf(row, entry, entries);
      if (errors !== null) {
        if (!this.#accept(row, sink) || sink.hasRoom === false) return false;
        const start = table.start(row);
        this.#row += 1;
        table.next = row + 1;
        const place = { rowNumber: this.#row, line: table.line(row), byteOffset: this.#windows.offsetOf(start) };
        sink.reject(rejectionOf(place, errors, this.kernel.memory, start, table.stop(row)));
      }
      entry += entries;
    }
    return this.#accept(table.count, sink);
  }

  #errorsOf(row: number, entry: number, entries: number): FieldError[] | null {
    const table = this.#table;
    return table.isUnchecked(row)
      ? this.#judge.errorsOfRow(this.kernel.memory, table.start(row), table.stop(row))
      : this.#judge.errorsOfEntries(entry, entries);
  }

  /** Accepts the table's rows up to this one; false where the sink has no room for all of them. */
  #accept(end: number, sink: RowSink): boolean {
    const { kernel } = this;
    const table = this.#table;
    const first = table.next;
    if (sink.batches === undefined) {
      for (let row = first; row < end; row++) sink.accept(kernel.memory, table.start(row), table.stop(row));
      table.next = end;
    } else {
      while (table.next < end) {
        const batch = sink.batches.open();
        if (batch === null) break;
        kernel.set(BATCH_END, batch.size);
        kernel.set(BATCH_RECORDS, batch.count);
        const { buffer, byteOffset, length } = batch.buffer;
        if (buffer !== kernel.memory.buffer) throw new Error('the batch is not in the memory of this kernel');
        table.next = kernel.calls.appendRows(table.next, end, byteOffset, length);
        batch.extend(kernel.get(BATCH_END), kernel.get(BATCH_RECORDS));
        if (batch.count === 0) throw new Error('the row does not fit into an empty batch');
        if (table.next < end) sink.batches.close();
      }
    }
    this.#row += table.next - first;
    return table.next === end;
  }

  /** The record that begins here breaks: its first physical line is rejected. */
  #decideStray(sink: RowSink): true {
    const { kernel } = this;
    const { memory } = kernel;
    const start = kernel.get(NEXT_RECORD);
    const { end } = this.#windows;
    const stop = kernel.calls.findLineEnd(start, end);
    // Without a line end and the byte behind it, the line's end is not known.
    if (stop >= end - 1) return this.#handOver();
    const line = kernel.get(LINES) + 1;
    this.#row += 1;
    kernel.set(NEXT_RECORD, stop + (memory[stop] === CR && memory[stop + 1] === LF ? 2 : 1));
    kernel.set(LINES, line);
    const place = { rowNumber: this.#row, line, byteOffset: this.#windows.offsetOf(start) };
    sink.reject(rejectionOf(place, [broken('STRAY_QUOTE')], memory, start, stop));
    return true;
  }

  /** Leaves the next record to the splitter. */
  #handOver(): true {
    const { kernel } = this;
    const splitter = new RecordSplitter(this.#dialect, { byte: this.#byte, line: this.#line });
    splitter.push(kernel.memory.subarray(kernel.get(NEXT_RECORD), this.#windows.end));
    if (this.#ended) splitter.end();
    this.#splitter = splitter;
    this.#found = false;
    return true;
  }

  /** The record that was left to the splitter; behind it the kernel goes on. */
  #decideSplit(splitter: RecordSplitter, sink: RowSink): boolean {
    const found = splitter.find();
    if (found === 'more') return this.#takePending();
    const { bytes, start, stop, raw, rawTruncated } = splitter;
    const place = { rowNumber: this.#row + 1, line: splitter.lineNumber, byteOffset: splitter.byteOffset };
    this.#splitter = null;
    this.kernel.set(NEXT_RECORD, this.#windows.replace(splitter.rest, splitter.consumedBytes));
    this.kernel.set(LINES, splitter.consumedLines);
    if (found === 'end') return false;
    this.#row += 1;
    if (found === 'broken') {
      sink.reject({ ...rejectionOf(place, [broken(splitter.breakCode)], raw, 0, raw.length), rawTruncated });
      return true;
    }
    const errors = this.#judge.errorsOfRow(bytes, start, stop);
    if (errors === null) sink.accept(bytes, start, stop);
    else sink.reject(rejectionOf(place, errors, bytes, start, stop));
    return true;
  }

  #takePending(): boolean {
    const bytes = Math.min(this.#pending.length, CHUNK_BYTES);
    if (bytes === 0) return false;
    this.space.set(this.#pending.subarray(0, bytes));
    this.#pending = this.#pending.subarray(bytes);
    this.filled(bytes);
    return true;
  }
}
