import { ServiceError } from '../../errors/index.js';
import type { CsvDialect } from '../csv-dialect.js';
import { readDialect } from './dialect-options.js';
import { invalidOption } from './invalid-option.js';
import { JOB_OPTIONS, type JobOptionValues, type ProcessingOptions, processingOptions } from './job-options.js';
import { takeMetadata } from './metadata.js';
import { readOptionValues } from './option.js';

/** What a request for a job says beside its file. */
export interface JobRequest {
  modelId: string;
  /** `csv` takes text that looks like JSON, too. */
  format: JobOptionValues['format'];
  /** `auto`: what the file's byte order mark says. */
  encoding: JobOptionValues['encoding'];
  /** Its delimiter may be `auto`: the likeliest. */
  dialect: CsvDialect;
  options: ProcessingOptions;
  metadata: Record<string, string>;
  /** The names of those that were given, `metadata.*` aside: others have their defaults. */
  given: readonly string[];
}

type Given = Readonly<Record<string, unknown>>;

/** Any text is a model's id here: one that cannot be one is not found. `from_job`: the job whose kept file is taken. */
const NAMES: readonly string[] = ['model_id', 'from_job', ...Object.keys(JOB_OPTIONS)];

/**
 * The options of an upload from its query and its form fields. Throws INVALID_OPTION, naming what is unknown,
 * malformed or given twice, and MISSING_MODEL_ID.
 */
export function parseJobRequest(query: Given, fields: Given): JobRequest {
  const { modelId, ...request } = parsePartialRequest(query, fields);
  if (modelId !== null) return { modelId, ...request };
  throw new ServiceError('MISSING_MODEL_ID', 'model_id is neither a form field nor a query parameter');
}

/** The same for a part of the request, of which `model_id` need not be one. */
export function parsePartialRequest(
  query: Given,
  fields: Given = {},
): Omit<JobRequest, 'modelId'> & { modelId: string | null } {
  const given = collectOptions(query, fields);
  const metadata = takeMetadata(given);
  for (const name of given.keys()) {
    if (!NAMES.includes(name))
      throw invalidOption(name, `there is no such option; there are ${NAMES.join(', ')}, metadata.*`);
  }
  const values = readOptionValues(JOB_OPTIONS, given);
  if (!values.header) {
    for (const [name, { needsHeader }] of Object.entries(JOB_OPTIONS)) {
      if (needsHeader && given.has(name)) {
        throw invalidOption(name, 'a file without a header line has the columns of the model');
      }
    }
  }
  for (const name of values.quotes === 'none' ? ['quote', 'escape'] : []) {
    if (given.has(name)) throw invalidOption(name, 'with quotes=none no character is one; remove one of the two');
  }
  if (given.has('normalize') && values.value_format !== 'json') {
    throw invalidOption('normalize', 'needs value_format=json: raw values are the bytes of the file');
  }
  return {
    modelId: given.get('model_id') || null,
    format: values.format,
    encoding: values.encoding,
    dialect: readDialect(values),
    options: processingOptions(values),
    metadata,
    given: [...given.keys()],
  };
}

/** Options by their names. Throws INVALID_OPTION if one is given twice or is not text. */
export function collectOptions(...parts: Given[]): Map<string, string> {
  const given = new Map<string, string>();
  for (const [name, value] of parts.flatMap((part) => Object.entries(part))) {
    if (given.has(name) || Array.isArray(value)) throw invalidOption(name, 'given more than once');
    if (typeof value !== 'string') throw invalidOption(name, 'must be text');
    given.set(name, value);
  }
  return given;
}
