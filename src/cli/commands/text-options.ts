import { type Command, Option, type OptionValues } from '@commander-js/extra-typings';
import type { TextOptions } from 'batch-ingest-sdk';
import { character, delimiter, list, wholeNumber } from './options.js';

/** As commander gives them. */
type GivenOptions = Omit<TextOptions, 'header' | 'trim'> & { header: boolean; trim?: true | undefined };

/** What the file is. */
export function formatOption() {
  return new Option('--format <format>', 'format of the file (default: auto, detected from its first bytes)').choices([
    'auto',
    'csv',
    'json',
    'ndjson',
    'parquet',
  ] as const);
}

/** Adds the options that say how the text of a file is to be read; `noHeader` says what a file without one becomes. */
export function withTextOptions<A extends unknown[], O extends OptionValues>(
  command: Command<A, O>,
  noHeader: string,
): Command<A, O & GivenOptions> {
  command
    .addOption(
      new Option('--encoding <name>', 'text encoding (default: that of the byte order mark, otherwise utf-8)').choices([
        'auto',
        'utf-8',
        'utf-16le',
        'utf-16be',
        'windows-1252',
        'latin1',
      ]),
    )
    .option('--delimiter <char>', 'field separator (default: ,); tab; auto: detected', delimiter)
    .option('--quote <char>', 'quote character (default: ")', character)
    .option('--escape <char>', 'escape character within quotes (default: a quote is doubled, "")', character)
    .option('--comment <char>', 'skip lines that start with this character', character)
    .option('--skip-lines <n>', 'number of lines to skip before the header', wholeNumber)
    .option('--trim', 'remove spaces and tabs around unquoted fields')
    .option('--no-header', noHeader)
    .option(
      '--null-values <list>',
      'values that mean null besides the empty field, separated by commas: NULL,N/A',
      list,
    );
  // The type that the calls infer for any options O is so large that its declaration takes the compiler for ever.
  return command as unknown as Command<A, O & GivenOptions>;
}

/** What was given of them, for the SDK. */
export function textOptionsOf(given: GivenOptions): TextOptions {
  return {
    encoding: given.encoding,
    delimiter: given.delimiter,
    quote: given.quote,
    escape: given.escape,
    comment: given.comment,
    skipLines: given.skipLines,
    trim: given.trim,
    header: given.header ? undefined : false,
    nullValues: given.nullValues,
  };
}
