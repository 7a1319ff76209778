import type { EncodingOption } from './types.js';

/** How the text of a file is to be read; what is not given has the contract's default. */
export interface TextOptions {
  /** Default: what its byte order mark says, else UTF-8. */
  encoding?: EncodingOption | undefined;
  /** One character, or `auto`: the likeliest. */
  delimiter?: string | undefined;
  quote?: string | undefined;
  /** Escape character within quotes; default: quotes are doubled. */
  escape?: string | undefined;
  /** Skips lines that start with this character. */
  comment?: string | undefined;
  /** Number of lines to skip before the header. */
  skipLines?: number | undefined;
  /** Whether blanks around fields are left out of their values. */
  trim?: boolean | undefined;
  /** Whether the first line names the columns. */
  header?: boolean | undefined;
  /** Spellings of null beside the empty field, none with a comma in it. */
  nullValues?: readonly string[] | undefined;
}

/** The options of text by the names of their form fields. */
export const TEXT_FIELDS = {
  encoding: 'encoding',
  delimiter: 'delimiter',
  quote: 'quote',
  escape: 'escape',
  comment: 'comment',
  skip_lines: 'skipLines',
  trim: 'trim',
  header: 'header',
  null_values: 'nullValues',
} as const;
