import { TEXT_ENCODINGS, type TextEncoding } from '../../decoding/index.js';
import { type CsvDialect, QUOTES, type Quotes } from '../csv-dialect.js';
import { FILE_FORMATS } from '../formats.js';
import { parseNormalize, parseRename } from './column-options.js';
import { character, delimiter } from './dialect-options.js';
import { parseExpectation } from './expectation.js';
import { type NullValues, parseNullValues, QUOTED_NULLS, type QuotedNulls } from './null-values.js';
import { CSV_ONLY, integerBetween, type OptionValues, oneOf, option, TEXT_FORMATS, trueOrFalse } from './option.js';
import { ON_CONFLICT, parseSinks, SINK_WHEN } from './sink-options.js';

export type QuotedEmpty = 'text' | 'null';
export type HeaderNames = 'lenient' | 'strict';

/** What the file is. */
const FILE_OPTIONS = {
  format: option(oneOf('auto', ...FILE_FORMATS), 'auto'),
  encoding: option(oneOf<'auto' | TextEncoding>('auto', ...TEXT_ENCODINGS), 'auto', TEXT_FORMATS),
};

/** How the text of CSV is read: `CsvDialect`. */
export const DIALECT_OPTIONS = {
  delimiter: option(delimiter, ',', CSV_ONLY),
  quote: option(character, '"', CSV_ONLY),
  escape: option<string | undefined>(character, undefined, CSV_ONLY),
  quotes: option<Quotes>(oneOf(...QUOTES), 'strict', CSV_ONLY),
  comment: option<string | undefined>(character, undefined, CSV_ONLY),
  skip_lines: option(integerBetween(0, 1000), 0, CSV_ONLY),
  trim: option(trueOrFalse, false, CSV_ONLY),
  header: option(trueOrFalse, true, CSV_ONLY),
};

/** `key`: the service's name for it. */
function processing<T, const Key extends string>(key: Key, ...given: Parameters<typeof option<T>>) {
  return { key, ...option(...given) };
}

/** How the rows are processed: stored with the job as JSON (by their keys), told to its runner, and shown to its users. */
export const PROCESSING_OPTIONS = {
  /** What an accepted row becomes in its topic: its own bytes, or a JSON object. */
  value_format: processing('valueFormat', oneOf('raw', 'json'), 'raw'),
  /** The codec of the record batches in the job's topics. */
  compression: processing('topicCompression', oneOf('none', 'gzip', 'zstd'), 'none'),
  /** Spellings of null beside the empty field. */
  null_values: processing<NullValues, 'nullValues'>('nullValues', parseNullValues, [], CSV_ONLY),
  /** Where they count in quotes, too. */
  quoted_nulls: processing<QuotedNulls, 'quotedNulls'>('quotedNulls', oneOf(...QUOTED_NULLS), 'typed', CSV_ONLY),
  /** The model's name of a column, by the file's name for it; the others have the same name in both. */
  rename: processing('rename', parseRename, {}, FILE_FORMATS, true),
  /** Whether an empty field in quotes is null, too. */
  quoted_empty: processing<QuotedEmpty, 'quotedEmpty'>('quotedEmpty', oneOf('text', 'null'), 'text', CSV_ONLY),
  /** What becomes of empty and repeated names in the header: others are made of them, or they are refused. */
  header_names: processing<HeaderNames, 'headerNames'>(
    'headerNames',
    oneOf('lenient', 'strict'),
    'lenient',
    CSV_ONLY,
    true,
  ),
  /** Whether a name in the header may be that of a model's column in another case. */
  ignore_header_case: processing('ignoreHeaderCase', trueOrFalse, false, CSV_ONLY, true),
  /** By the model's names of columns: what is done to their texts before they are checked, in this order. */
  normalize: processing('normalize', parseNormalize, {}),
  /** What a record that breaks at a quote does to the job. */
  on_broken: processing('onBroken', oneOf('continue', 'stop'), 'continue', CSV_ONLY),
  /** The reader of a CSV file: the fastest that can, or the slow one that all are checked against. */
  csv_reader: processing('csvReader', oneOf('auto', 'reference'), 'auto', CSV_ONLY),
  /** Where the rows are loaded from the topics. A request that names none takes the model's, or DEFAULT_SINKS. */
  sinks: processing('sinks', parseSinks, []),
  sink_when: processing('sinkWhen', oneOf(...SINK_WHEN), 'success'),
  /** Rows that a sink may reject before it gives the job up. */
  max_sink_errors: processing('maxSinkErrors', integerBetween(0, 100_000), 1000),
  /** For PostgreSQL: a row that is there already. */
  on_conflict: processing('onConflict', oneOf(...ON_CONFLICT), 'update'),
  /** Control totals: a file that differs from them is another one than was meant. */
  expect: processing('expect', parseExpectation, {}),
};

/** Every option of a job but its model, where its file comes from, and `metadata.*`. */
export const JOB_OPTIONS = { ...FILE_OPTIONS, ...DIALECT_OPTIONS, ...PROCESSING_OPTIONS };

export type JobOptionValues = OptionValues<typeof JOB_OPTIONS>;

type Processing = typeof PROCESSING_OPTIONS;

/** The processing options by the service's names. */
export type ProcessingOptions = {
  [Name in keyof Processing as Processing[Name]['key']]: Processing[Name]['default'];
};

/** The processing options as the API shows them (openapi: JobOptions). */
export type ShownOptions = OptionValues<Processing>;

/** The dialect as the API shows it (openapi: Dialect). */
export interface ShownDialect {
  delimiter: string;
  quote: string;
  /** The quote, if that is doubled. */
  escape: string;
  quotes: Quotes;
  header: boolean;
  comment: string | null;
  skip_lines: number;
  trim: boolean;
}

const PROCESSING = Object.entries(PROCESSING_OPTIONS);

/** What a job reads a file as that is told nothing. */
export const DEFAULT_DIALECT: CsvDialect = {
  delimiter: DIALECT_OPTIONS.delimiter.default,
  quote: DIALECT_OPTIONS.quote.default,
  header: DIALECT_OPTIONS.header.default,
};

export const DEFAULT_OPTIONS: Readonly<ProcessingOptions> = byKey((_name, absent) => absent);

/** What a job did that did not store the option because that is newer than the job, if it is not the default. */
const OF_OLDER_JOBS: Partial<ProcessingOptions> = { quotedNulls: 'all', headerNames: 'strict' };

/** Reads stored options; a job that is older than an option goes on as it began. */
export function readOptions(json: string): ProcessingOptions {
  return { ...DEFAULT_OPTIONS, ...OF_OLDER_JOBS, ...(JSON.parse(json) as Partial<ProcessingOptions>) };
}

export function processingOptions(values: ShownOptions): ProcessingOptions {
  return byKey((name) => values[name]);
}

export function shownOptions(options: ProcessingOptions): ShownOptions {
  return Object.fromEntries(PROCESSING.map(([name, { key }]) => [name, options[key]])) as unknown as ShownOptions;
}

export function shownDialect(dialect: CsvDialect): ShownDialect {
  const { delimiter, quote, quotes = 'strict', header, comment = null, skipLines = 0, trim = false } = dialect;
  return { delimiter, quote, escape: dialect.escape ?? quote, quotes, header, comment, skip_lines: skipLines, trim };
}

function byKey(pick: (name: keyof Processing, absent: unknown) => unknown): ProcessingOptions {
  const values = PROCESSING.map(([name, each]) => [each.key, pick(name as keyof Processing, each.default)]);
  return Object.fromEntries(values) as ProcessingOptions;
}
