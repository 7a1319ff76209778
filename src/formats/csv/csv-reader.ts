import { isUtf8 } from 'node:buffer';
import type { Column } from '../../models/schema/index.js';
import { BLOCK_BYTES, BLOCK_ROWS, fitsRecord, MAX_ERRORS, MAX_RAW_BYTES } from '../limits.js';
import type { FieldError, Position, RowErrorCode, RowReader, RowSink } from '../row-reader.js';
import { type CsvDialect, checkDialect } from './dialect.js';
import { FieldParser } from './fields.js';
import type { CsvHeader } from './header.js';
import { type BreakCode, RecordSplitter } from './record-splitter.js';
import { type RecordRange, RowCheck } from './row-check.js';

export interface CsvReaderOptions {
  dialect: CsvDialect;
  /** The model's. */
  columns: readonly Column[];
  additionalColumns: boolean;
  /** What `readCsvHeader` gave for this file and these options. */
  header: CsvHeader;
  /** A position that a reader with the same options had; absent: where the header says that the data begins. */
  position?: Position | undefined;
  /** Spellings of null beside the empty field; a quoted field counts too, only `""` never does. */
  nullValues?: readonly string[] | undefined;
}

/**
 * The reference reader of CSV: our splitter finds the records, csv-parse their fields. An accepted row's value is its
 * own bytes without the line end. Decides in this order: structure, encoding, number of fields, then every column in
 * the file's order. Throws HEADER_MISMATCH or INVALID_OPTION like `readCsvHeader`.
 */
export function createCsvReader(options: CsvReaderOptions): RowReader {
  checkDialect(options.dialect);
  return new CsvReader(options);
}

class CsvReader implements RowReader {
  readonly #splitter: RecordSplitter;
  readonly #fields: FieldParser;
  readonly #check: RowCheck;
  readonly #fieldCount: number;
  #row: number;

  constructor(options: CsvReaderOptions) {
    const position = options.position ?? options.header.position;
    this.#row = position.row;
    this.#splitter = new RecordSplitter(options.dialect, position);
    this.#fields = new FieldParser(options.dialect);
    this.#check = new RowCheck(options, this.#fields);
    this.#fieldCount = options.header.columns.length;
  }

  get position(): Position {
    return { row: this.#row, line: this.#splitter.consumedLines, byte: this.#splitter.consumedBytes };
  }

  push(chunk: Uint8Array): void {
    this.#splitter.push(chunk);
  }

  end(): void {
    this.#splitter.end();
  }

  advance(sink: RowSink): boolean {
    const splitter = this.#splitter;
    const block: RecordRange[] = [];
    let blockStart = 0;
    let blockEnd = 0;
    let found = splitter.find();
    while (found === 'record') {
      const { start, stop, byteOffset, lineNumber, quoted } = splitter;
      if (block.length === 0) blockStart = start;
      block.push({ start, stop, byteOffset, lineNumber, quoted });
      blockEnd = splitter.next;
      if (block.length === BLOCK_ROWS || blockEnd - blockStart >= BLOCK_BYTES) break;
      found = splitter.find();
    }
    if (block.length > 0) this.#decide(block, splitter.bytes.subarray(blockStart, blockEnd), sink);
    if (found === 'broken') this.#rejectBroken(sink);
    return found === 'record' || found === 'broken';
  }

  /** `whole`: the bytes from the block's first record to its last. */
  #decide(block: readonly RecordRange[], whole: Buffer, sink: RowSink): void {
    const rows = this.#fields.parse(whole, block.length);
    const valid = isUtf8(whole);
    for (const [index, record] of block.entries()) {
      this.#row += 1;
      const errors = this.#errorsOf(record, rows[index] as string[], valid);
      if (errors === null) sink.accept(this.#splitter.bytes, record.start, record.stop);
      else this.#rejectRecord(record, errors, sink);
    }
  }

  #errorsOf(record: RecordRange, fields: string[], valid: boolean): FieldError[] | null {
    const { bytes } = this.#splitter;
    const size = record.stop - record.start;
    if (!fitsRecord(size)) {
      return [rowError('ROW_TOO_LARGE', `the row's ${size} bytes do not fit into a record of 1,000,000 bytes`)];
    }
    if (!valid && !isUtf8(bytes.subarray(record.start, record.stop))) {
      return [rowError('INVALID_ENCODING', 'the row is not valid UTF-8')];
    }
    if (fields.length !== this.#fieldCount) {
      return [rowError('RAGGED_ROW', `expected ${this.#fieldCount} fields, found ${fields.length}`)];
    }
    return this.#check.errorsOf(fields, bytes, record);
  }

  #rejectRecord(record: RecordRange, errors: FieldError[], sink: RowSink): void {
    const rawStop = Math.min(record.stop, record.start + MAX_RAW_BYTES);
    sink.reject({
      rowNumber: this.#row,
      line: record.lineNumber,
      byteOffset: record.byteOffset,
      errors: errors.slice(0, MAX_ERRORS),
      errorsTruncated: errors.length > MAX_ERRORS,
      raw: this.#splitter.bytes.subarray(record.start, rawStop),
      rawTruncated: rawStop < record.stop,
    });
  }

  #rejectBroken(sink: RowSink): void {
    const { breakCode, lineNumber, byteOffset, raw, rawTruncated } = this.#splitter;
    this.#row += 1;
    sink.reject({
      rowNumber: this.#row,
      line: lineNumber,
      byteOffset,
      errors: [rowError(breakCode, BREAK_MESSAGES[breakCode])],
      errorsTruncated: false,
      raw,
      rawTruncated,
    });
  }
}

const BREAK_MESSAGES: Readonly<Record<BreakCode, string>> = {
  STRAY_QUOTE: 'a quote stands neither at the beginning nor at the end of its field',
  UNTERMINATED_QUOTE: 'the quote that opens here is not closed within 1,000,000 bytes or before the end of the file',
  ROW_TOO_LARGE: 'the row is larger than 1,000,000 bytes',
};

function rowError(error: RowErrorCode, message: string): FieldError {
  return { column: null, type: null, error, observed: null, message };
}
