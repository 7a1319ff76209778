import { parse } from 'csv-parse/sync';
import { areQuotesLax, type CsvDialect, ownEscape, quoteOf } from '../../ingest/index.js';
import { FieldText } from './field-text.js';
import { RecordSplitter } from './record-splitter.js';

const BOM_BYTES = 3;

/**
 * Turns whole well-formed records (as the splitter finds them) into their fields, by csv-parse; those with lax quotes, of
 * which csv-parse has another notion, by `FieldText`.
 */
export class FieldParser {
  readonly #delimiter: number;
  /** -1: there are none. */
  readonly #quote: number;
  /** -1: the quote itself. */
  readonly #escape: number;
  readonly #options;
  /** null: quotes are not lax. */
  readonly #lax: FieldText | null;

  constructor(private readonly dialect: CsvDialect) {
    const quote = quoteOf(dialect);
    this.#lax = areQuotesLax(dialect) ? new FieldText(dialect) : null;
    this.#delimiter = dialect.delimiter.charCodeAt(0);
    this.#quote = quote?.charCodeAt(0) ?? -1;
    const own = ownEscape(dialect);
    this.#escape = own?.charCodeAt(0) ?? -1;
    this.#options = {
      delimiter: dialect.delimiter,
      quote,
      escape: own ?? quote,
      comment: dialect.comment ?? null,
      comment_no_infix: true,
      // Given rather than discovered: line ends may be mixed, and CRLF must be tried before CR.
      record_delimiter: ['\r\n', '\n', '\r'],
      skip_empty_lines: true,
      // Ragged rows are counted here, in one place, by the reader.
      relax_column_count: true,
    };
  }

  /** One array of fields a record; the records follow one another in `block`, with blank lines and comments between them at most. */
  parse(block: Buffer, records: number): string[][] {
    const rows = this.#lax === null ? parse(block, this.#options) : this.#parseLax(this.#lax, block);
    if (rows.length !== records) {
      throw new Error(`the block has ${rows.length} records where the splitter found ${records}`);
    }
    return rows;
  }

  /** Whether field `index` of the well-formed record `bytes[start, stop)` begins with a quote. */
  isQuoted(bytes: Buffer, start: number, stop: number, index: number): boolean {
    if (this.#lax !== null) {
      const raw = this.#lax.split(bytes.toString('utf8', start, stop))[index];
      return raw !== undefined && this.#lax.isQuoted(raw);
    }
    let field = 0;
    let inside = false;
    for (let i = start; i < stop && field < index; i++) {
      const byte = bytes[i];
      if (inside && byte === this.#escape) i += 1;
      else if (byte === this.#quote) inside = !inside;
      else if (byte === this.#delimiter && !inside) field += 1;
      if (field === index) return bytes[i + 1] === this.#quote && i + 1 < stop;
    }
    return index === 0 && start < stop && bytes[start] === this.#quote;
  }

  #parseLax(fieldText: FieldText, block: Buffer): string[][] {
    // Not at the beginning of a file, where there may be a byte order mark.
    const splitter = new RecordSplitter(this.dialect, { byte: BOM_BYTES, line: 0 });
    splitter.push(block);
    splitter.end();
    const rows: string[][] = [];
    while (splitter.find() === 'record') {
      const record = block.toString('utf8', splitter.start, splitter.stop);
      rows.push(fieldText.split(record).map((raw) => fieldText.textOf(raw)));
    }
    return rows;
  }
}
