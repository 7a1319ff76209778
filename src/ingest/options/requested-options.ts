import { type ProcessingOptions, shownDialect, shownOptions } from './job-options.js';
import type { JobRequest } from './job-request.js';
import { parsePartialRequest } from './job-request.js';
import { areForAll, type NullValues } from './null-values.js';

/** What a request asked for, by the options' names in the contract; those that have their defaults are left out. */
type RequestedOptions = Readonly<Record<string, unknown>>;

type Requested = Pick<JobRequest, 'format' | 'encoding' | 'dialect' | 'options'>;

/**
 * The options in a form that is equal for requests that ask for the same, however they spell it. `auto` stays `auto`:
 * what is found out by it depends on the file and the version of the service. Metadata is not among them: like the
 * file's name it changes nothing about its rows.
 */
export function requestedOptions(request: Requested): RequestedOptions {
  const defaults = byName(parsePartialRequest({}));
  const isGiven = ([name, value]: [string, unknown]): boolean => !isSame(value, defaults[name]);
  return Object.fromEntries(Object.entries(byName(request)).filter(isGiven));
}

/** The names of the options in which two requests differ, in alphabetical order. */
export function differingOptions(one: RequestedOptions, other: RequestedOptions): string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].filter((name) => !isSame(one[name], other[name])).toSorted();
}

function byName({ format, encoding, dialect, options }: Requested): Record<string, unknown> {
  return { format, encoding, ...shownDialect(dialect), ...inOneOrder(options) };
}

/** Spellings of null are a set, and columns have no order; the operations on a column do. */
function inOneOrder({ nullValues, rename, normalize, ...others }: ProcessingOptions): object {
  return shownOptions({
    ...others,
    nullValues: nullsInOneOrder(nullValues),
    rename: sortedByKey(rename),
    normalize: sortedByKey(normalize),
  });
}

function nullsInOneOrder(values: NullValues): NullValues {
  if (areForAll(values)) return values.toSorted();
  const sorted = Object.entries(values).map(([column, spellings]) => [column, spellings.toSorted()] as const);
  return sortedByKey(Object.fromEntries(sorted));
}

function sortedByKey<T>(object: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
