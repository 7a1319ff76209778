import { type Command, Option, type OptionValues } from '@commander-js/extra-typings';
import type { TextOptions } from 'batch-ingest-sdk';
import { character, delimiter, list, wholeNumber } from './options.js';

/** As commander gives them. */
type GivenOptions = Omit<TextOptions, 'header' | 'trim'> & { header: boolean; trim?: true | undefined };

/** What the file is. */
export function formatOption() {
  return new Option('--format <format>', 'what the file is (default: auto, by its first bytes)').choices([
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
      new Option('--encoding <name>', 'how the text is written (default: by its byte order mark, else utf-8)').choices([
        'auto',
        'utf-8',
        'utf-16le',
        'utf-16be',
        'windows-1252',
        'latin1',
      ]),
    )
    .option('--delimiter <char>', 'what separates the fields (default: ,); tab; auto: the likeliest', delimiter)
    .option('--quote <char>', 'what encloses fields (default: ")', character)
    .option(
      '--escape <char>',
      'within quotes, what takes the next character as it is (default: "" for a quote)',
      character,
    )
    .option('--comment <char>', 'lines that begin with it are no rows', character)
    .option('--skip-lines <n>', 'so many lines before the header are not looked at', wholeNumber)
    .option('--trim', 'leave out the spaces and tabs around fields without quotes')
    .option('--no-header', noHeader)
    .option('--null-values <list>', 'what stands for null beside the empty field, with commas between: NULL,N/A', list);
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
