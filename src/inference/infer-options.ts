import 'reflect-metadata';
import {
  collectOptions,
  DIALECT_OPTIONS,
  invalidOption,
  type JobRequest,
  parsePartialOptions,
  readOptionValues,
} from '../jobs/index.js';
import { InferOptionsDto } from './infer-options.dto.js';
import type { InferenceTask } from './messages.js';

/** What a request says about the file that it wants to be looked at. */
export type InferRequest = Pick<JobRequest, 'format' | 'encoding' | 'given'> &
  Pick<InferenceTask, 'dialect' | 'nullValues' | 'sampleRows' | 'partial'>;

const OWN = ['sample_rows', 'partial'];
/** Those that decide how a job reads the same file. */
const SHARED: readonly string[] = ['format', 'encoding', ...DIALECT_OPTIONS, 'null_values'];

/** From the query and the form fields. Throws INVALID_OPTION, naming what is unknown, malformed or given twice. */
export function parseInferOptions(
  query: Readonly<Record<string, unknown>>,
  fields: Readonly<Record<string, unknown>> = {},
): InferRequest {
  const given = [...collectOptions(query, fields)];
  for (const [name] of given) {
    if (!OWN.includes(name) && !SHARED.includes(name)) {
      throw invalidOption(name, `there is no such option; there are ${[...SHARED, ...OWN].join(', ')}`);
    }
  }
  const own = given.filter(([name]) => OWN.includes(name));
  const dto = readOptionValues(InferOptionsDto, own);
  const shared = parsePartialOptions(Object.fromEntries(given.filter(([name]) => SHARED.includes(name))));
  return {
    format: shared.format,
    encoding: shared.encoding,
    given: shared.given,
    dialect: shared.dialect,
    nullValues: shared.options.nullValues,
    sampleRows: Number(dto.sample_rows),
    partial: dto.partial === 'true',
  };
}
