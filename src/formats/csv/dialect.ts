import { BatchError } from '../../errors/index.js';

export interface CsvDialect {
  /** One ASCII character. */
  delimiter: string;
  /** One ASCII character; it is its own escape. */
  quote: string;
  /** The first line holds the column names; false: the file has the model's columns in the model's order. */
  header: boolean;
}

/** Throws INVALID_OPTION where delimiter or quote cannot structure a file. */
export function checkDialect(dialect: Pick<CsvDialect, 'delimiter' | 'quote'>): void {
  for (const option of ['delimiter', 'quote'] as const) {
    // Printable or not: files with \x01 or \x1f between the fields exist.
    if (!/^[\0-\x7f]$/.test(dialect[option]) || /[\r\n]/.test(dialect[option])) {
      throw new BatchError('INVALID_OPTION', `${option}: expected one ASCII character that is not a line end`);
    }
  }
  if (dialect.delimiter === dialect.quote) {
    throw new BatchError('INVALID_OPTION', 'delimiter and quote: expected two different characters');
  }
}
