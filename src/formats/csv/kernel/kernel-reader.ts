import { isUtf8 } from 'node:buffer';
import { areQuotesLax, type CsvDialect, checkDialect, ownEscape, quoteOf } from '../../../ingest/index.js';
import { fitsRecord } from '../../limits.js';
import { rejectionOf, tooLarge } from '../../row-errors.js';
import type { DirectInput, FieldError, Position, RowConsumer, RowReader } from '../../row-reader.js';
import { type CsvReaderOptions, createCsvReader } from '../csv-reader.js';
import { matchHeader } from '../header-matching.js';
import { JsonRow } from '../json-row.js';
import { RecordSplitter } from '../record-splitter.js';
import { RowCheck } from '../row-check.js';
import { broken } from '../row-errors.js';
import { writeColumns, writeKeys, writeLayout, writeNulls } from './column-table.js';
import {
  COMMENT,
  DELIMITER,
  ESCAPE,
  KEY_BYTES,
  LAX_QUOTES,
  LINES,
  NEEDS_SPLITTER,
  NEXT_RECORD,
  NO_QUOTES,
  NOT_ASCII,
  QUOTE,
  QUOTE_IS_TEXT,
  QUOTED_EMPTY_IS_NULL,
  QUOTES,
  ROWS_CHECKED,
  ROWS_LEFT,
  STATUS,
  STRICT_QUOTES,
  TRIMS,
} from './control-slots.js';
import type { CsvKernel } from './csv-kernel.js';
import { InputWindows } from './input-windows.js';
import { CHUNK_BYTES } from './memory-layout.js';
import { RejectionTemplates } from './rejection-templates.js';
import { RowEmitter } from './row-emitter.js';
import { RowJudge } from './row-judge.js';
import { RowTable } from './row-table.js';

/** No field begins with it. */
const NO_QUOTE = '\n';

/**
 * The fast reader of CSV, on a kernel that no other reader uses meanwhile. Decides like `createCsvReader`, which it
 * falls back to if values are normalized, or if there are more spellings of null or longer keys than the kernel
 * has room for (64 KiB, 1 MiB).
 */
export function createKernelReader(options: CsvReaderOptions, kernel: CsvKernel): RowReader {
  checkDialect(options.dialect);
  if (Object.keys(options.normalize ?? {}).length > 0) return createCsvReader(options);
  const { binary, header, valueFormat } = options;
  const nullSets = writeNulls(kernel, header.columns, options.nullValues ?? [], options.dialect);
  kernel.set(KEY_BYTES, 0);
  const hasNames =
    binary === undefined
      ? valueFormat !== 'json' || writeKeys(kernel, header.columns)
      : writeLayout(kernel, header.columns, binary);
  return nullSets !== null && hasNames ? new KernelReader(options, kernel, nullSets) : createCsvReader(options);
}

class KernelReader implements RowReader, DirectInput {
  readonly directInput: DirectInput = this;
  readonly #dialect: CsvDialect;
  readonly #windows: InputWindows;
  readonly #table: RowTable;
  readonly #judge: RowJudge;
  readonly #emitter: RowEmitter;
  /** Rows decided, and those before the table's first. */
  #row: number;
  #rowsBefore = 0;
  /** Works on one record that the kernel leaves alone: at the file's very beginning or end, or too large. */
  #splitter: RecordSplitter | null = null;
  /** What was pushed and did not fit. */
  #pending: Uint8Array = new Uint8Array();
  #ended = false;

  constructor(
    options: CsvReaderOptions,
    private readonly kernel: CsvKernel,
    nullSets: readonly number[],
  ) {
    const { row, line, byte } = options.position ?? options.header.position;
    const check = new RowCheck(options);
    const matched = matchHeader(options.header.columns, options.columns, options.additionalColumns);
    const columns = new Map(matched.map(({ index, column }) => [index, column]));
    const json = options.valueFormat === 'json' ? new JsonRow(options) : null;
    const fieldCount = options.header.columns.length;
    this.#dialect = options.dialect;
    this.#windows = new InputWindows(kernel.memory, byte);
    this.#table = new RowTable(kernel);
    this.#judge = new RowJudge(kernel, check, json, fieldCount, options.dialect);
    const makeTemplates = (): RejectionTemplates => new RejectionTemplates(kernel, fieldCount, check.checks);
    this.#emitter = new RowEmitter(kernel, this.#table, this.#judge, makeTemplates, this.#windows);
    this.#row = row;
    const countQuoted = options.quotedNulls === 'all';
    writeColumns(kernel, { fieldCount, columns, checks: check.checks, nullSets, countQuoted });
    kernel.set(DELIMITER, options.dialect.delimiter.charCodeAt(0));
    const isLax = areQuotesLax(options.dialect);
    const quote = quoteOf(options.dialect);
    kernel.set(QUOTES, quote === null ? NO_QUOTES : isLax ? LAX_QUOTES : STRICT_QUOTES);
    kernel.set(QUOTE, (quote ?? NO_QUOTE).charCodeAt(0));
    const own = ownEscape(options.dialect) ?? quote ?? NO_QUOTE;
    kernel.set(ESCAPE, own.charCodeAt(0));
    kernel.set(QUOTE_IS_TEXT, /[\w+\-.: ]/.test(own + (quote ?? '')) ? 1 : 0);
    kernel.set(COMMENT, options.dialect.comment?.charCodeAt(0) ?? -1);
    kernel.set(QUOTED_EMPTY_IS_NULL, options.quotedEmpty === 'null' ? 1 : 0);
    kernel.set(TRIMS, options.dialect.trim !== true ? 0 : isLax ? 2 : 1);
    kernel.set(NEXT_RECORD, this.#windows.end);
    kernel.set(LINES, line);
    kernel.calls.forget();
    // Only at the beginning there may be a byte order mark.
    if (byte === 0) this.#handOver();
  }

  get position(): Position {
    return { row: this.#row, line: this.#line, byte: this.#byte };
  }

  get space(): Buffer {
    return this.#windows.space;
  }

  commit(bytes: number): void {
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

  advance(consumer: RowConsumer): boolean {
    if (consumer.hasRoom === false) return true;
    if (this.#table.isDecided && !this.#findRows(consumer)) return false;
    if (!this.#table.isDecided) {
      this.#emitter.emit(consumer, this.#rowsBefore);
      this.#row = this.#rowsBefore + this.#table.next;
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
    return table.isDecided ? this.kernel.get(LINES) >>> 0 : table.line(table.next) - 1;
  }

  /** Puts rows into the table, or decides about one outside of it; false: there are none for now. */
  #findRows(consumer: RowConsumer): boolean {
    if (this.#splitter !== null) return this.#decideSplit(this.#splitter, consumer);
    const { kernel } = this;
    for (;;) {
      kernel.calls.fillTable(this.#windows.end);
      const rows = kernel.get(ROWS_CHECKED);
      if (rows > 0) {
        this.#table.next = 0;
        this.#table.count = rows;
        this.#rowsBefore = this.#row;
        if (kernel.get(NOT_ASCII) !== 0) this.#checkEncoding(0, rows - 1);
        return true;
      }
      if (kernel.get(STATUS) === NEEDS_SPLITTER) return this.#handOver();
      if (!this.#takePending()) {
        // The last record may lack a line end, or not be one.
        return this.#ended && kernel.get(NEXT_RECORD) < this.#windows.end && this.#handOver();
      }
    }
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
      table.markForeign(first);
      this.kernel.set(ROWS_LEFT, 1);
    }
  }

  /** Leaves the next record to the splitter. */
  #handOver(): true {
    const { kernel } = this;
    const splitter = new RecordSplitter(this.#dialect, { byte: this.#byte, line: this.#line });
    splitter.push(kernel.memory.subarray(kernel.get(NEXT_RECORD), this.#windows.end));
    if (this.#ended) splitter.end();
    this.#splitter = splitter;
    kernel.calls.forget();
    return true;
  }

  /** The record that was left to the splitter; behind it the kernel goes on. */
  #decideSplit(splitter: RecordSplitter, consumer: RowConsumer): boolean {
    const found = splitter.find();
    if (found === 'more') return this.#takePending();
    const { bytes, start, stop, raw, rawTruncated } = splitter;
    const place = { rowNumber: this.#row + 1, line: splitter.lineNumber, byteOffset: splitter.byteOffset };
    // The kernel would read what the splitter knows already once more for each line.
    if (!splitter.knowsAhead) this.#takeBack(splitter);
    if (found === 'end') return false;
    this.#row += 1;
    if (found === 'broken') {
      consumer.reject({ ...rejectionOf(place, [broken(splitter.breakCode)], raw, 0, raw.length), rawTruncated });
      return true;
    }
    const errors =
      this.#judge.errorsOfRow(bytes, start, stop) ?? this.#accept(this.#judge.valueOf(bytes, start, stop), consumer);
    if (errors !== null) consumer.reject(rejectionOf(place, errors, bytes, start, stop));
    return true;
  }

  /** Goes on in the kernel. */
  #takeBack(splitter: RecordSplitter): void {
    this.#splitter = null;
    this.kernel.set(NEXT_RECORD, this.#windows.replace(splitter.rest, splitter.consumedBytes));
    this.kernel.set(LINES, splitter.consumedLines);
  }

  /** Returns what is wrong with it. */
  #accept(value: Buffer, consumer: RowConsumer): FieldError[] | null {
    if (consumer.takesAnySize !== true && !fitsRecord(value.length)) return [tooLarge(value.length, 'json')];
    consumer.accept(value, 0, value.length);
    return null;
  }

  #takePending(): boolean {
    const bytes = Math.min(this.#pending.length, CHUNK_BYTES);
    if (bytes === 0) return false;
    this.space.set(this.#pending.subarray(0, bytes));
    this.#pending = this.#pending.subarray(bytes);
    this.commit(bytes);
    return true;
  }
}
