import { parse } from 'csv-parse/sync';
import type { CsvDialect } from './dialect.js';

/** Turns whole well-formed records (as the splitter finds them) into their fields, by csv-parse. */
export class FieldParser {
  readonly #delimiter: number;
  readonly #quote: number;
  readonly #options;

  constructor(dialect: CsvDialect) {
    this.#delimiter = dialect.delimiter.charCodeAt(0);
    this.#quote = dialect.quote.charCodeAt(0);
    this.#options = {
      delimiter: dialect.delimiter,
      quote: dialect.quote,
      escape: dialect.quote,
      // Given rather than discovered: line ends may be mixed, and CRLF must be tried before CR.
      record_delimiter: ['\r\n', '\n', '\r'],
      skip_empty_lines: true,
      // Ragged rows are counted here, in one place, by the reader.
      relax_column_count: true,
    };
  }

  /** One array of fields a record; the records follow one another in `block`, with blank lines between them at most. */
  parse(block: Buffer, records: number): string[][] {
    const rows = parse(block, this.#options);
    if (rows.length !== records) {
      throw new Error(`csv-parse sees ${rows.length} records where the splitter found ${records}`);
    }
    return rows;
  }

  /** Whether field `index` of the well-formed record `bytes[start, stop)` begins with a quote. */
  isQuoted(bytes: Uint8Array, start: number, stop: number, index: number): boolean {
    let field = 0;
    let inside = false;
    for (let i = start; i < stop && field < index; i++) {
      const byte = bytes[i];
      if (byte === this.#quote) inside = !inside;
      else if (byte === this.#delimiter && !inside) field += 1;
      if (field === index) return bytes[i + 1] === this.#quote && i + 1 < stop;
    }
    return index === 0 && start < stop && bytes[start] === this.#quote;
  }
}
