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

/** As form fields, in the contract's spelling. */
export function textFields(options: TextOptions): Array<readonly [string, string | undefined]> {
  return [
    ['encoding', options.encoding],
    ['delimiter', options.delimiter],
    ['quote', options.quote],
    ['escape', options.escape],
    ['comment', options.comment],
    ['skip_lines', options.skipLines?.toString()],
    ['trim', options.trim?.toString()],
    ['header', options.header?.toString()],
    ['null_values', options.nullValues?.join(',')],
  ];
}
