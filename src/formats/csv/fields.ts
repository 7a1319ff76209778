import { parse } from 'csv-parse/sync';
import { type CsvDialect, ownEscape } from '../../ingest/index.js';

/** Turns whole well-formed records (as the splitter finds them) into their fields, by csv-parse. */
export class FieldParser {
  readonly #delimiter: number;
  readonly #quote: number;
  /** -1: the quote itself. */
  readonly #escape: number;
  readonly #options;

  constructor(dialect: CsvDialect) {
    this.#delimiter = dialect.delimiter.charCodeAt(0);
    this.#quote = dialect.quote.charCodeAt(0);
    const own = ownEscape(dialect);
    this.#escape = own?.charCodeAt(0) ?? -1;
    this.#options = {
      delimiter: dialect.delimiter,
      quote: dialect.quote,
      escape: own ?? dialect.quote,
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
      if (inside && byte === this.#escape) i += 1;
      else if (byte === this.#quote) inside = !inside;
      else if (byte === this.#delimiter && !inside) field += 1;
      if (field === index) return bytes[i + 1] === this.#quote && i + 1 < stop;
    }
    return index === 0 && start < stop && bytes[start] === this.#quote;
  }
}

/** Without the spaces and tabs around it. */
export function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text, start)) start += 1;
  while (start < end && isBlank(text, end - 1)) end -= 1;
  return text.slice(start, end);
}

function isBlank(text: string, index: number): boolean {
  return text[index] === ' ' || text[index] === '\t';
}
