import type { FileFormat } from '../upload/index.js';
import { invalidOption } from './invalid-option.js';
import { DIALECT_OPTIONS } from './option-values.js';

const CSV_ONLY: readonly string[] = [...DIALECT_OPTIONS, 'null_values', 'csv_reader'];
const FORMAT_NAMES: Readonly<Record<FileFormat, string>> = {
  csv: 'CSV',
  json: 'JSON',
  ndjson: 'NDJSON',
  parquet: 'Parquet',
};

/**
 * Throws INVALID_OPTION where one of these options would say nothing about a file of this format: whoever gives it
 * takes the file for something else, or expects of it what does not happen.
 */
export function refuseInapplicable(given: readonly string[], format: FileFormat): void {
  if (format === 'csv') return;
  const name = given.find((each) => CSV_ONLY.includes(each) || (each === 'encoding' && format === 'parquet'));
  if (name === undefined) return;
  const subject = name === 'encoding' ? 'text' : 'CSV';
  throw invalidOption(name, `it is for ${subject}, but the file is ${FORMAT_NAMES[format]}; leave it out`);
}
