import { invalidOption } from './options/invalid-option.js';

/**
 * What a quote means that stands where none may be. `strict`: its record is broken. `lax`: it is text; a quote opens at the
 * beginning of a field only. `none`: every quote is text, there are no quoted fields.
 */
export type Quotes = 'strict' | 'lax' | 'none';

export const QUOTES = ['strict', 'lax', 'none'] as const satisfies readonly Quotes[];

export interface CsvDialect {
  /** One ASCII character. */
  delimiter: string;
  /** One ASCII character; doubled it stands for itself, unless there is an `escape`. */
  quote: string;
  /** The first line holds the column names; false: the file has the model's columns in the model's order. */
  header: boolean;
  /** Within quotes, the character behind it stands for itself: one ASCII character. Absent: the quote. */
  escape?: string | undefined;
  /** Absent: `strict`. With `none`, `quote` and `escape` mean nothing. */
  quotes?: Quotes | undefined;
  /** Skips lines that begin with this ASCII character. Absent: none. */
  comment?: string | undefined;
  /** Number of physical lines to skip before the header, whatever is in them. Absent: none. */
  skipLines?: number | undefined;
  /** Removes spaces and tabs around unquoted fields, and around quoted ones if quotes are lax. Absent: they belong to the values. */
  trim?: boolean | undefined;
}

/** The most common ones, in the order of preference if nothing else decides. */
export const COMMON_DELIMITERS = [',', ';', '\t', '|'] as const;

/** Printable or not: files with \x01 or \x1f between the fields exist. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: see above
const CHARACTER = /^[\x01-\x09\x0b\x0c\x0e-\x7f]$/;

/** Whether this may be a delimiter, quote, escape or comment: one ASCII character that is neither NUL nor a line end. */
export function isDialectCharacter(text: string): boolean {
  return CHARACTER.test(text);
}

/** Throws INVALID_OPTION if this is not one. */
export function checkCharacter(option: string, text: string): void {
  if (!isDialectCharacter(text)) throw invalidOption(option, 'must be one ASCII character, not a line end');
}

/** Throws INVALID_OPTION if these characters cannot structure a file. */
export function checkDialect(dialect: CsvDialect): void {
  const { delimiter, quote, comment } = dialect;
  for (const [option, character] of Object.entries({ delimiter, quote, escape: dialect.escape, comment })) {
    if (character !== undefined) checkCharacter(option, character);
  }
  checkDistinct(dialect);
}

/** Throws INVALID_OPTION if one character has two meanings. */
export function checkDistinct(dialect: CsvDialect): void {
  const { delimiter, comment, trim } = dialect;
  const quote = quoteOf(dialect);
  const own = ownEscape(dialect);
  if (areQuotesLax(dialect) && trim === true && (quote === ' ' || quote === '\t')) {
    throw invalidOption('quote', 'must not be a blank if blanks are trimmed and quotes are lax');
  }
  if (delimiter === quote) throw invalidOption('quote', 'must differ from the delimiter');
  if (delimiter === own) throw invalidOption('escape', 'must differ from the delimiter');
  if (comment !== undefined && [delimiter, quote, own].includes(comment)) {
    throw invalidOption('comment', 'must differ from delimiter, quote and escape');
  }
}

/** The quote; null if no character is one. */
export function quoteOf({ quote, quotes }: CsvDialect): string | null {
  return quotes === 'none' ? null : quote;
}

export function areQuotesLax({ quotes }: CsvDialect): boolean {
  return quotes === 'lax';
}

/** The character that escapes a quote within quotes; null if that is the quote itself, or there are no quotes. */
export function ownEscape(dialect: CsvDialect): string | null {
  if (dialect.quotes === 'none') return null;
  return dialect.escape === undefined || dialect.escape === dialect.quote ? null : dialect.escape;
}
