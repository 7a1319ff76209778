import { InvalidArgumentError } from '@commander-js/extra-typings';
import type { JobState, JobUpload, SinkName } from 'batch-ingest-sdk';

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('It must be a whole number.');
  return value;
}

export function positiveInteger(text: string): number {
  const value = wholeNumber(text);
  if (value < 1) throw new InvalidArgumentError('It must be at least 1.');
  return value;
}

/** One character; `\t` and `tab` for the one that shells make hard to type. */
export function character(text: string): string {
  if (text === '\\t' || text === 'tab') return '\t';
  if (text.length !== 1) throw new InvalidArgumentError('It must be one character, \\t for a tab.');
  return text;
}

/** A character, or `auto`. */
export function delimiter(text: string): string {
  return text === 'auto' ? text : character(text);
}

/** What the Idempotency-Key header takes. */
export function idempotencyKey(text: string): string {
  if (/^[\x20-\x7E]{1,255}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be 1 to 255 printable ASCII characters.');
}

/** What stands between commas. */
export function list(text: string): string[] {
  return text.split(',');
}

/** Collects `key=value`, given as often as one likes. */
export function keyValue(text: string, previous: Record<string, string> | undefined): Record<string, string> {
  return collect(text, text.indexOf('='), 'key=value', previous);
}

/** Collects `file column=model column`; the file's name may hold the sign, too. */
export function renamedColumn(text: string, previous: Record<string, string> | undefined): Record<string, string> {
  return collect(text, text.lastIndexOf('='), 'file column=model column', previous);
}

/** What stands between commas, or a JSON object of lists by the names of columns. */
export function nullValues(text: string): NonNullable<JobUpload['nullValues']> {
  if (!text.trimStart().startsWith('{')) return list(text);
  try {
    return JSON.parse(text) as Record<string, string[]>;
  } catch {
    throw new InvalidArgumentError('What begins with { must be a JSON object: {"visits":["NA"]}.');
  }
}

/** Collects `column=value,value`; a value may hold the sign, too. */
export function columnNulls(text: string, previous: JobUpload['nullValues']): Record<string, readonly string[]> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be column=value,value.');
  const column = text.slice(0, at);
  if (previous !== undefined && Object.hasOwn(previous, column)) {
    throw new InvalidArgumentError(`'${column}' is given twice.`);
  }
  return {
    ...(previous as Readonly<Record<string, readonly string[]>> | undefined),
    [column]: list(text.slice(at + 1)),
  };
}

export const SINK_NAMES = ['clickhouse', 'postgres'] as const satisfies readonly SinkName[];

/** `clickhouse,postgres`; `none`: no sink. */
export function sinkNames(text: string): SinkName[] {
  return knownSinks(text, `Sinks are ${SINK_NAMES.join(', ')}, or none.`);
}

function knownSinks(text: string, problem: string): SinkName[] {
  if (text === 'none') return [];
  const names = list(text).map((name) => SINK_NAMES.find((known) => known === name));
  const found = names.filter((name) => name !== undefined);
  if (found.length < names.length) throw new InvalidArgumentError(problem);
  return found;
}

/** As `sinkNames`; `default`: those of the service. */
export function modelSinks(text: string): SinkName[] | 'default' {
  // commander makes an empty text of null.
  if (text === 'default') return text;
  return knownSinks(text, `Sinks are ${SINK_NAMES.join(', ')}, none, or default.`);
}

/** Collects `rows=2`, `bytes=14` and `sha256=…`. */
export function controlTotal(
  text: string,
  previous: NonNullable<JobUpload['expect']> | undefined,
): NonNullable<JobUpload['expect']> {
  const [, name = '', value = ''] = /^(rows|bytes|sha256)=(.*)$/.exec(text) ?? [];
  if (name === '') throw new InvalidArgumentError('It must be rows=…, bytes=… or sha256=….');
  if (previous !== undefined && Object.hasOwn(previous, name))
    throw new InvalidArgumentError(`${name} is given twice.`);
  if (name !== 'sha256') return { ...previous, [name]: wholeNumber(value) };
  if (!/^[0-9a-f]{64}$/i.test(value)) throw new InvalidArgumentError('A SHA-256 has 64 hexadecimal digits.');
  return { ...previous, sha256: value.toLowerCase() };
}

const OPERATIONS = ['trim', 'lowercase', 'uppercase', 'iso_date'] as const;

/** Collects `column=operation,operation`. */
export function normalization(
  text: string,
  previous: NonNullable<JobUpload['normalize']> | undefined,
): NonNullable<JobUpload['normalize']> {
  const at = text.lastIndexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be column=operation,operation.');
  const column = text.slice(0, at);
  const operations = list(text.slice(at + 1)).map((name) => OPERATIONS.find((known) => known === name));
  if (operations.includes(undefined)) throw new InvalidArgumentError(`Operations are ${OPERATIONS.join(', ')}.`);
  if (previous !== undefined && Object.hasOwn(previous, column)) {
    throw new InvalidArgumentError(`'${column}' is given twice.`);
  }
  return { ...previous, [column]: operations.filter((name) => name !== undefined) };
}

/** Adds the two sides of the sign at this place. */
function collect(
  text: string,
  at: number,
  form: string,
  previous: Record<string, string> = {},
): Record<string, string> {
  if (at < 1) throw new InvalidArgumentError(`It must be ${form}.`);
  const key = text.slice(0, at);
  if (Object.hasOwn(previous, key)) throw new InvalidArgumentError(`'${key}' is given twice.`);
  return { ...previous, [key]: text.slice(at + 1) };
}

const STATES: readonly JobState[] = [
  'PENDING',
  'RUNNING',
  'CANCELLING',
  'SUCCESS',
  'PARTIAL_SUCCESS',
  'FAILED',
  'CANCELLED',
];

/** In any case. */
export function jobState(text: string): JobState {
  const state = STATES.find((known) => known === text.toUpperCase());
  if (state === undefined) throw new InvalidArgumentError(`It must be one of ${STATES.join(', ')}.`);
  return state;
}
