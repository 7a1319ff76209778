import { isUtf8 } from 'node:buffer';
import {
  type CsvDialect,
  checkDialect,
  type NullValues,
  type QuotedEmpty,
  type QuotedNulls,
} from '../../ingest/index.js';
import type { Column } from '../../models/schema/index.js';
import type { BinaryLayout } from '../binary-rows.js';
import { BLOCK_BYTES, BLOCK_ROWS, fitsRecord } from '../limits.js';
import { invalidEncoding, rejectionOf, tooLarge } from '../row-errors.js';
import type { FieldError, Position, RowConsumer, RowReader, ValueFormat } from '../row-reader.js';
import type { Normalizations } from '../validation/normalization.js';
import { trimmed } from './field-text.js';
import { FieldParser } from './fields.js';
import type { CsvHeader } from './header.js';
import { JsonRow } from './json-row.js';
import { RecordSplitter } from './record-splitter.js';
import { RowCheck, type RowFields } from './row-check.js';
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
  /** Spellings of null beside the empty field; `""` never is. */
  nullValues?: NullValues | undefined;
  /** Where they count in quotes, too. Absent: in columns that are not text. */
  quotedNulls?: QuotedNulls | undefined;
  /** Whether an empty field in quotes is null. Absent: it is text. */
  quotedEmpty?: QuotedEmpty | undefined;
  /** What an accepted row becomes: its own bytes without the line end (the default), or a JSON object. */
  valueFormat?: ValueFormat | undefined;
  /** How accepted rows are written for `RowConsumer.binary`; the others become JSON. For the kernel only. */
  binary?: BinaryLayout | undefined;
  /** What is done to values before they are checked; the rows' own bytes stay as they are. */
  normalize?: Normalizations | undefined;
}

/**
 * The reference reader of CSV: our splitter finds the records, csv-parse their fields. Decides in this order:
 * structure, encoding, number of fields, then every column in the file's order, and whether the value fits a record.
 * Throws HEADER_MISMATCH or INVALID_OPTION like `readCsvHeader`.
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
  readonly #json: JsonRow | null;
  readonly #fieldCount: number;
  readonly #trims: boolean;
  #row: number;

  constructor(options: CsvReaderOptions) {
    const position = options.position ?? options.header.position;
    this.#row = position.row;
    this.#splitter = new RecordSplitter(options.dialect, position);
    this.#parser = new FieldParser(options.dialect);
    this.#check = new RowCheck(options);
    this.#json = options.valueFormat === 'json' ? new JsonRow(options) : null;
    this.#fieldCount = options.header.columns.length;
    this.#trims = options.dialect.trim === true;
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

  advance(consumer: RowConsumer): boolean {
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
    if (block.length > 0) this.#decide(block, splitter.bytes.subarray(blockStart, blockEnd), consumer);
    if (found === 'broken') this.#rejectBroken(consumer);
    return found === 'record' || found === 'broken';
  }

  /** `whole`: the bytes from the block's first record to its last. */
  #decide(block: readonly RecordRange[], whole: Buffer, consumer: RowConsumer): void {
    const rows = this.#parser.parse(whole, block.length);
    const valid = isUtf8(whole);
    for (const [index, record] of block.entries()) {
      this.#row += 1;
      const errors = this.#decideRecord(record, rows[index] as string[], valid, consumer);
      if (errors !== null) this.#rejectRecord(record, errors, consumer);
    }
  }

  /** Accepts a record, or returns what is wrong with it. */
  #decideRecord(record: RecordRange, fields: string[], valid: boolean, consumer: RowConsumer): FieldError[] | null {
    const { bytes } = this.#splitter;
    const { start, stop, quoted } = record;
    if (this.#json === null && !fitsRecord(stop - start)) return [tooLarge(stop - start)];
    if (!valid && !isUtf8(bytes.subarray(start, stop))) return [invalidEncoding()];
    if (fields.length !== this.#fieldCount) return [ragged(this.#fieldCount, fields.length)];
    const isQuoted = (index: number): boolean => quoted && this.#parser.isQuoted(bytes, start, stop, index);
    const text = (index: number): string => {
      const field = fields[index] as string;
      return this.#trims && !isQuoted(index) ? trimmed(field) : field;
    };
    const row: RowFields = { text, isQuoted };
    const errors = this.#check.errorsOf(row);
    if (errors !== null) return errors;
    if (this.#json === null) consumer.accept(bytes, start, stop);
    else {
      const value = this.#json.encode(row);
      if (consumer.takesAnySize !== true && !fitsRecord(value.length)) return [tooLarge(value.length, 'json')];
      consumer.accept(value, 0, value.length);
    }
    return null;
  }

  #rejectRecord(
    { start, stop, lineNumber, byteOffset }: RecordRange,
    errors: FieldError[],
    consumer: RowConsumer,
  ): void {
    const place = { rowNumber: this.#row, line: lineNumber, byteOffset };
    consumer.reject(rejectionOf(place, errors, this.#splitter.bytes, start, stop));
  }

  #rejectBroken(consumer: RowConsumer): void {
    const { breakCode, lineNumber, byteOffset, raw, rawTruncated } = this.#splitter;
    this.#row += 1;
    const place = { rowNumber: this.#row, line: lineNumber, byteOffset };
    consumer.reject({ ...rejectionOf(place, [broken(breakCode)], raw, 0, raw.length), rawTruncated });
  }
}
