import {
  type CsvDialect,
  collectOptions,
  DIALECT_OPTIONS,
  integerBetween,
  invalidOption,
  type JobRequest,
  option,
  parsePartialRequest,
  readOptionValues,
  trueOrFalse,
} from '../ingest/index.js';
import type { InferenceTask } from './ipc.js';

/** What a request says about the file whose schema it wants. */
export type InferRequest = Pick<JobRequest, 'format' | 'encoding' | 'given'> &
  Pick<InferenceTask, 'dialect' | 'nullValues' | 'quotedNulls' | 'quotedEmpty' | 'sampleRows' | 'partial'>;

/** The options that no job has. */
const OWN = {
  sample_rows: option(integerBetween(1, 100_000), 100_000),
  partial: option(trueOrFalse, false),
};
/** Those that decide how a job reads the same file. */
const SHARED: readonly string[] = [
  'format',
  'encoding',
  ...Object.keys(DIALECT_OPTIONS),
  'null_values',
  'quoted_nulls',
  'quoted_empty',
];

/** From the query and the form fields. Throws INVALID_OPTION, naming what is unknown, malformed or given twice. */
export function parseInferOptions(
  query: Readonly<Record<string, unknown>>,
  fields: Readonly<Record<string, unknown>> = {},
): InferRequest {
  const given = collectOptions(query, fields);
  for (const name of given.keys()) {
    if (!Object.hasOwn(OWN, name) && !SHARED.includes(name)) {
      throw invalidOption(name, `there is no such option; there are ${[...SHARED, ...Object.keys(OWN)].join(', ')}`);
    }
  }
  const { sample_rows: sampleRows, partial } = readOptionValues(OWN, given);
  const shared = parsePartialRequest(Object.fromEntries([...given].filter(([name]) => SHARED.includes(name))));
  return {
    format: shared.format,
    encoding: shared.encoding,
    given: shared.given,
    dialect: givenDialect(shared),
    nullValues: shared.options.nullValues,
    quotedNulls: shared.options.quotedNulls,
    quotedEmpty: shared.options.quotedEmpty,
    sampleRows,
    partial,
  };
}

/** What the request says of the dialect: the file decides the rest. */
function givenDialect({ given, dialect }: Pick<JobRequest, 'given' | 'dialect'>): Partial<CsvDialect> {
  const { delimiter, quote, quotes = 'strict', header, escape: own, comment, skipLines = 0, trim = false } = dialect;
  const isGiven = (name: keyof typeof DIALECT_OPTIONS): boolean => given.includes(name);
  return {
    ...(isGiven('delimiter') && delimiter !== 'auto' ? { delimiter } : {}),
    ...(isGiven('quote') ? { quote } : {}),
    ...(isGiven('quotes') ? { quotes } : {}),
    ...(isGiven('header') ? { header } : {}),
    ...(isGiven('escape') ? { escape: own } : {}),
    ...(isGiven('comment') ? { comment } : {}),
    ...(isGiven('skip_lines') ? { skipLines } : {}),
    ...(isGiven('trim') ? { trim } : {}),
  };
}
