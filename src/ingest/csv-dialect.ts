import { ServiceError } from '../errors/index.js';

export interface CsvDialect {
  /** One ASCII character. */
  delimiter: string;
  /** One ASCII character; doubled it stands for itself, unless there is an `escape`. */
  quote: string;
  /** The first line holds the column names; false: the file has the model's columns in the model's order. */
  header: boolean;
  /** Within quotes, the character behind it stands for itself: one ASCII character. Absent: the quote. */
  escape?: string | undefined;
  /** Skips lines that begin with this ASCII character. Absent: none. */
  comment?: string | undefined;
  /** Number of physical lines to skip before the header, whatever is in them. Absent: none. */
  skipLines?: number | undefined;
  /** Removes spaces and tabs around unquoted fields. Absent: they belong to the values. */
  trim?: boolean | undefined;
}

/** The most common ones, in the order of preference if nothing else decides. */
export const COMMON_DELIMITERS = [',', ';', '\t', '|'] as const;

/** Throws INVALID_OPTION if these characters cannot structure a file. */
export function checkDialect(dialect: CsvDialect): void {
  const { delimiter, quote, comment } = dialect;
  for (const [option, character] of Object.entries({ delimiter, quote, escape: dialect.escape, comment })) {
    // Printable or not: files with \x01 or \x1f between the fields exist.
    if (character !== undefined && (!/^[\0-\x7f]$/.test(character) || /[\r\n]/.test(character))) {
      throw new ServiceError('INVALID_OPTION', `${option}: expected one ASCII character that is not a line end`);
    }
  }
  if (delimiter === quote) throw different('delimiter and quote');
  if (dialect.escape === delimiter) throw different('delimiter and escape');
  if (comment !== undefined && [delimiter, quote, dialect.escape].includes(comment)) {
    throw different('comment, delimiter, quote and escape');
  }
}

/** The character that escapes a quote within quotes; null if that is the quote itself. */
export function ownEscape(dialect: CsvDialect): string | null {
  return dialect.escape === undefined || dialect.escape === dialect.quote ? null : dialect.escape;
}

function different(options: string): ServiceError {
  return new ServiceError('INVALID_OPTION', `${options}: expected different characters`);
}
