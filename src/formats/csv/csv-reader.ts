import { isUtf8 } from 'node:buffer';
import type { Column } from '../../models/schema/index.js';
import { BLOCK_BYTES, BLOCK_ROWS, fitsRecord } from '../limits.js';
import { invalidEncoding, rejectionOf, tooLarge } from '../row-errors.js';
import type { FieldError, Position, RowReader, RowSink } from '../row-reader.js';
import { type CsvDialect, checkDialect } from './dialect.js';
import { FieldParser } from './fields.js';
import type { CsvHeader } from './header.js';
import { RecordSplitter } from './record-splitter.js';
import { RowCheck } from './row-check.js';
import { broken, ragged } from './row-errors.js';

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

/** A well-formed record in the splitter's bytes. */
interface RecordRange {
  start: number;
  stop: number;
  byteOffset: number;
  lineNumber: number;
  /** It has a quote somewhere. */
  quoted: boolean;
}

class CsvReader implements RowReader {
  readonly #splitter: RecordSplitter;
  readonly #parser: FieldParser;
  readonly #check: RowCheck;
  readonly #fieldCount: number;
  #row: number;

  constructor(options: CsvReaderOptions) {
    const position = options.position ?? options.header.position;
    this.#row = position.row;
    this.#splitter = new RecordSplitter(options.dialect, position);
    this.#parser = new FieldParser(options.dialect);
    this.#check = new RowCheck(options);
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
    const rows = this.#parser.parse(whole, block.length);
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
    const { start, stop } = record;
    if (!fitsRecord(stop - start)) return [tooLarge(stop - start)];
    if (!valid && !isUtf8(bytes.subarray(start, stop))) return [invalidEncoding()];
    if (fields.length !== this.#fieldCount) return [ragged(this.#fieldCount, fields.length)];
    return this.#check.errorsOf({
      text: (index) => fields[index] as string,
      isQuoted: (index) => record.quoted && this.#parser.isQuoted(bytes, start, stop, index),
    });
  }

  #rejectRecord({ start, stop, lineNumber, byteOffset }: RecordRange, errors: FieldError[], sink: RowSink): void {
    const place = { rowNumber: this.#row, line: lineNumber, byteOffset };
    sink.reject(rejectionOf(place, errors, this.#splitter.bytes, start, stop));
  }

  #rejectBroken(sink: RowSink): void {
    const { breakCode, lineNumber, byteOffset, raw, rawTruncated } = this.#splitter;
    this.#row += 1;
    const place = { rowNumber: this.#row, line: lineNumber, byteOffset };
    sink.reject({ ...rejectionOf(place, [broken(breakCode)], raw, 0, raw.length), rawTruncated });
  }
}
