import type { EncodingOption, Job, QuotesOption } from './types.js';

export type NullValues = readonly string[] | Readonly<Record<string, readonly string[]>>;

/** How the text of a file is read. An option that is not given has the contract's default. */
export interface TextOptions {
  /** Text encoding. Default: that of the byte order mark, otherwise UTF-8. */
  encoding?: EncodingOption | undefined;
  /** Field separator: one character, or `auto` to detect it. Default: `,`. */
  delimiter?: string | undefined;
  /** Quote character. Default: `"`. */
  quote?: string | undefined;
  /** Escape character within quotes. Default: a quote is doubled. */
  escape?: string | undefined;
  /** What a quote in the middle of a field means: `strict` (default): an error; `lax`: text; `none`: every quote is text. */
  quotes?: QuotesOption | undefined;
  /** Skip lines that start with this character. */
  comment?: string | undefined;
  /** Number of lines to skip before the header. */
  skipLines?: number | undefined;
  /** Ignore spaces and tabs around unquoted fields and column names. */
  trim?: boolean | undefined;
  /** Whether the first line names the columns. Default: true. */
  header?: boolean | undefined;
  /** Values that mean null besides the empty field: for all columns (none with a comma), or by the model's columns. */
  nullValues?: NullValues | undefined;
  /** Where null values count in quotes, too: `typed` (default): in columns other than String; `all`. */
  quotedNulls?: Job['options']['quoted_nulls'] | undefined;
  /** Whether an empty field in quotes is null: `text` (default): it is an empty text; `null`. */
  quotedEmpty?: Job['options']['quoted_empty'] | undefined;
}

/** The options of text by the names of their form fields. */
export const TEXT_FIELDS = {
  encoding: 'encoding',
  delimiter: 'delimiter',
  quote: 'quote',
  escape: 'escape',
  quotes: 'quotes',
  comment: 'comment',
  skip_lines: 'skipLines',
  trim: 'trim',
  header: 'header',
  null_values: 'nullValues',
  quoted_nulls: 'quotedNulls',
  quoted_empty: 'quotedEmpty',
} as const;
