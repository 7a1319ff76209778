import { type Command, Option, type OptionValues } from '@commander-js/extra-typings';
import type { FormatOption, JobSettings, TextOptions } from 'batch-ingest-sdk';
import { CliError, EXIT } from '../failure.js';
import {
  character,
  columnNulls,
  controlTotal,
  delimiter,
  keyValue,
  normalization,
  nullValues,
  renamedColumn,
  sinkNames,
  wholeNumber,
} from './options.js';

/** A flag that takes no value; `isOff`: it is spelled `--no-…` and says false. */
interface Switch {
  help: string;
  isOff?: true;
}

/** A flag that takes one of these words. */
interface Choice<T extends string> {
  help: string;
  value: string;
  words: Readonly<Record<T, true>>;
}

/** A flag whose value is parsed; if it is given again, with what it had so far. */
interface Parsed<T> {
  help: string;
  value: string;
  parse: (text: string, previous: T | undefined) => T;
  /** Another flag for the same option, that says it of one column; repeatable. */
  perColumn?: Omit<Parsed<T>, 'perColumn'> & { name: string };
}

type Flag<T> = [T] extends [boolean]
  ? Switch
  : string extends T
    ? Parsed<T>
    : [T] extends [string]
      ? Choice<T>
      : Parsed<T>;

/** One flag for each option of the SDK, whose name it has in kebab-case. */
type Flags<Options> = { readonly [Name in keyof Options]-?: Flag<NonNullable<Options[Name]>> };

const FORMAT: Choice<FormatOption> = {
  value: '<format>',
  help: 'format of the file (default: auto, detected from its first bytes)',
  words: { auto: true, csv: true, json: true, ndjson: true, parquet: true },
};

/** `noHeader`: the help of `--no-header`, which differs between the commands. */
const textFlags = (noHeader: string): Flags<TextOptions> => ({
  encoding: {
    value: '<name>',
    help: 'text encoding (default: that of the byte order mark; without one utf-8, or utf-16 if it is that)',
    words: { auto: true, 'utf-8': true, 'utf-16le': true, 'utf-16be': true, 'windows-1252': true, latin1: true },
  },
  delimiter: {
    value: '<char>',
    help: 'field separator: one character, tab, or auto to detect it (default: ,)',
    parse: delimiter,
  },
  quote: { value: '<char>', help: 'quote character (default: ")', parse: character },
  escape: {
    value: '<char>',
    help: 'escape character within quotes (default: a quote is doubled, "")',
    parse: character,
  },
  quotes: {
    value: '<how>',
    help: 'what a quote in the middle of a field means: strict: an error (default); lax: text; none: every quote is text',
    words: { strict: true, lax: true, none: true },
  },
  comment: { value: '<char>', help: 'skip lines that start with this character', parse: character },
  skipLines: { value: '<n>', help: 'number of lines to skip before the header', parse: wholeNumber },
  trim: { help: 'ignore spaces and tabs around unquoted fields and column names' },
  header: { help: noHeader, isOff: true },
  nullValues: {
    value: '<list>',
    help: 'values that mean null besides the empty field, in any column, separated by commas: NULL,N/A; or JSON: {"visits":["NA"]}',
    parse: nullValues,
    perColumn: {
      name: 'nullValuesIn',
      value: '<column=list>',
      help: 'values that mean null in this column only: visits=NA,-; repeatable, not together with --null-values',
      parse: columnNulls,
    },
  },
  quotedNulls: {
    value: '<where>',
    help: 'where null values count in quotes, too: typed: in columns other than String (default); all',
    words: { typed: true, all: true },
  },
  quotedEmpty: {
    value: '<what>',
    help: 'whether an empty field in quotes is null: text: it is an empty text (default); null',
    words: { text: true, null: true },
  },
});

/** What `model infer` says about its file. */
export const INFER_FLAGS: Flags<TextOptions & { format?: FormatOption }> = {
  format: FORMAT,
  ...textFlags('the file has no header; the columns are named column_1, column_2 and so on'),
};

/** What `job create` says about its file and its rows. */
export const JOB_FLAGS: Flags<Omit<JobSettings, 'modelId'>> = {
  format: FORMAT,
  ...textFlags("the file has no header; the columns are the model's, in its order"),
  valueFormat: {
    value: '<format>',
    help: "an accepted row's value: raw: its own bytes (default); json: an object typed by the model",
    words: { raw: true, json: true },
  },
  compression: {
    value: '<codec>',
    help: 'compression of the record batches in the topics: none (default); zstd: about a quarter of the size, costs CPU; gzip: for consumers without zstd',
    words: { none: true, gzip: true, zstd: true },
  },
  rename: {
    value: '<file=model>',
    help: 'rename columns: the name in the file=the name in the model; repeatable',
    parse: renamedColumn,
  },
  headerNames: {
    value: '<how>',
    help: 'what becomes of empty and repeated column names in the header: lenient: others are made: column_3, name_2 (default); strict: an error',
    words: { lenient: true, strict: true },
  },
  ignoreHeaderCase: { help: 'a column name in the header may be in another case than in the model' },
  normalize: {
    value: '<column=operations>',
    help: 'text operations to apply to columns before validation: trim, lowercase, uppercase, iso_date; needs --value-format json; repeatable',
    parse: normalization,
  },
  onBroken: {
    value: '<what>',
    help: 'what a record that breaks at a quote does: continue: it is rejected (default); stop: the job fails with BROKEN_RECORD',
    words: { continue: true, stop: true },
  },
  csvReader: {
    value: '<reader>',
    help: 'which reader reads the file: auto: the fast one (default); reference: the slow one, to compare with',
    words: { auto: true, reference: true },
  },
  sinks: {
    value: '<list>',
    help: "databases that the rows are loaded into from the topics: clickhouse, postgres, both with a comma, or none (default: the model's, or those of the service)",
    parse: sinkNames,
  },
  sinkWhen: {
    value: '<when>',
    help: 'when rows are loaded: success: once the whole file is delivered (default); streaming: also while it is',
    words: { success: true, streaming: true },
  },
  maxSinkErrors: {
    value: '<n>',
    help: 'number of rows that a sink may reject before it gives the job up (default: 1000)',
    parse: wholeNumber,
  },
  onConflict: {
    value: '<what>',
    help: 'what PostgreSQL does with a row that is there already: update (default), or skip',
    words: { update: true, skip: true },
  },
  expect: {
    value: '<total=value>',
    help: 'control totals: the job fails if its file has another number: rows=…, bytes=…, sha256=…; repeatable',
    parse: controlTotal,
  },
  metadata: { value: '<key=value>', help: 'stored with the job; repeatable', parse: keyValue },
};

/** Adds the flags to a command. */
export function withFlags<A extends unknown[], O extends OptionValues, Options>(
  command: Command<A, O>,
  flags: Flags<Options>,
): Command<A, O & Partial<Options>> {
  for (const [name, flag] of Object.entries<Switch | Choice<string> | Parsed<unknown>>(flags)) {
    command.addOption(optionOf(kebabCase(name), flag));
    const perColumn = perColumnOf(flag);
    if (perColumn !== undefined) command.addOption(optionOf(kebabCase(perColumn.name), perColumn));
  }
  // The type that the calls infer for any options O is so large that its declaration takes the compiler for ever.
  return command as unknown as Command<A, O & Partial<Options>>;
}

/** What was given of them, for the SDK. Throws CliError if an option is given both for all columns and for some. */
export function givenOf<Options>(flags: Flags<Options>, options: Partial<Options>): Partial<Options> {
  const all: Readonly<Record<string, unknown>> = options;
  const given = Object.entries<Switch | Choice<string> | Parsed<unknown>>(flags).flatMap(([name, flag]) => {
    const perColumn = perColumnOf(flag);
    const ofColumns = perColumn === undefined ? undefined : all[perColumn.name];
    if (perColumn !== undefined && ofColumns !== undefined && all[name] !== undefined)
      throw bothOf(name, perColumn.name);
    const value = all[name] ?? ofColumns;
    // Commander gives a flag with `no-` the value true if it is not there.
    return value === undefined || ('isOff' in flag && value === true) ? [] : [[name, value]];
  });
  return Object.fromEntries(given) as Partial<Options>;
}

function perColumnOf(flag: Switch | Choice<string> | Parsed<unknown>): Parsed<unknown>['perColumn'] {
  return 'parse' in flag ? flag.perColumn : undefined;
}

function bothOf(name: string, perColumn: string): CliError {
  return new CliError(
    'USAGE',
    `--${kebabCase(name)} and --${kebabCase(perColumn)} are both given`,
    `Name the columns of each value: --${kebabCase(perColumn)} COLUMN=LIST, once for each column.`,
    EXIT.usage,
  );
}

function optionOf(name: string, flag: Switch | Choice<string> | Parsed<unknown>): Option {
  if (!('value' in flag)) return new Option(`--${flag.isOff === true ? 'no-' : ''}${name}`, flag.help);
  const option = new Option(`--${name} ${flag.value}`, flag.help);
  return 'words' in flag ? option.choices(Object.keys(flag.words)) : option.argParser(flag.parse);
}

function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
