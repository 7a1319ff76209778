import 'reflect-metadata';
import { BatchError } from '../errors/index.js';
import type { CsvDialect } from '../formats/csv/dialect.js';
import { DEFAULT_OPTIONS, MAX_NULL_VALUE_LENGTH, MAX_NULL_VALUES, type ProcessingOptions } from '../runner/index.js';
import type { TextEncoding } from '../sources/index.js';
import type { FileFormat } from '../upload/index.js';
import { parseNormalize, parseRename } from './column-options.js';
import { invalidOption } from './invalid-option.js';
import { JobOptionsDto } from './job-options.dto.js';
import { DIALECT_OPTIONS, readOptionValues } from './option-values.js';

/** What a request for a job says beside its file. */
export interface JobRequest {
  modelId: string;
  /** `csv` takes text that looks like JSON, too. */
  format: 'auto' | FileFormat;
  /** `auto`: what the file's byte order mark says. */
  encoding: 'auto' | TextEncoding;
  /** Its delimiter may be `auto`: the likeliest. */
  dialect: CsvDialect;
  options: ProcessingOptions;
  metadata: Record<string, string>;
  /** The names of those that were given, `metadata.*` aside: others have their defaults. */
  given: readonly string[];
}

type Given = Readonly<Record<string, unknown>>;

const METADATA = 'metadata.';
const METADATA_KEY = /^[A-Za-z0-9_.-]{1,64}$/;
const MAX_METADATA = 32;
const MAX_METADATA_CHARACTERS = 1024;
const NAMES: readonly string[] = [
  'model_id',
  'from_job',
  'format',
  'encoding',
  ...DIALECT_OPTIONS,
  'value_format',
  'compression',
  'null_values',
  'rename',
  'normalize',
  'csv_reader',
];

/**
 * The options of an upload from its query and its form fields. Throws INVALID_OPTION, naming what is unknown,
 * malformed or given twice, and MISSING_MODEL_ID.
 */
export function parseJobOptions(query: Given, fields: Given): JobRequest {
  const { modelId, ...request } = parsePartialOptions(query, fields);
  if (modelId !== null) return { modelId, ...request };
  throw new BatchError('MISSING_MODEL_ID', 'model_id is neither a form field nor a query parameter');
}

/** The same for a part of the request, of which `model_id` need not be one. */
export function parsePartialOptions(
  query: Given,
  fields: Given = {},
): Omit<JobRequest, 'modelId'> & { modelId: string | null } {
  const given = collectOptions(query, fields);
  const metadata = takeMetadata(given);
  for (const name of given.keys()) {
    if (!NAMES.includes(name))
      throw invalidOption(name, `there is no such option; there are ${NAMES.join(', ')}, metadata.*`);
  }
  const dto = readOptionValues(JobOptionsDto, given);
  if (dto.rename !== undefined && dto.header === 'false') {
    throw invalidOption('rename', 'a file without a header line has the columns of the model');
  }
  if (dto.normalize !== undefined && dto.value_format !== 'json') {
    throw invalidOption('normalize', 'needs value_format=json: raw values are the bytes of the file');
  }
  return {
    modelId: dto.model_id || null,
    format: dto.format,
    encoding: dto.encoding,
    dialect: readDialect(dto),
    options: {
      csvReader: dto.csv_reader,
      valueFormat: dto.value_format,
      compression: dto.compression,
      nullValues: dto.null_values === undefined ? DEFAULT_OPTIONS.nullValues : parseNullValues(dto.null_values),
      rename: dto.rename === undefined ? DEFAULT_OPTIONS.rename : parseRename(dto.rename),
      normalize: dto.normalize === undefined ? DEFAULT_OPTIONS.normalize : parseNormalize(dto.normalize),
    },
    metadata,
    given: [...given.keys()],
  };
}

function readDialect(dto: JobOptionsDto): CsvDialect {
  const { quote, comment } = dto;
  const own = dto.escape === quote ? undefined : dto.escape;
  const delimiter = dto.delimiter === 'tab' || dto.delimiter === '\\t' ? '\t' : dto.delimiter;
  if (delimiter === quote) throw invalidOption('quote', 'must differ from the delimiter');
  if (delimiter === own) throw invalidOption('escape', 'must differ from the delimiter');
  if (comment !== undefined && [delimiter, quote, own].includes(comment)) {
    throw invalidOption('comment', 'must differ from delimiter, quote and escape');
  }
  return {
    ...{ delimiter, quote, header: dto.header === 'true' },
    ...(own === undefined ? {} : { escape: own }),
    ...(comment === undefined ? {} : { comment }),
    ...(dto.skip_lines === '0' ? {} : { skipLines: Number(dto.skip_lines) }),
    ...(dto.trim === 'true' ? { trim: true } : {}),
  };
}

/** Options by their names. Throws INVALID_OPTION where one is given twice or is no text. */
export function collectOptions(...sources: Given[]): Map<string, string> {
  const given = new Map<string, string>();
  for (const [name, value] of sources.flatMap((source) => Object.entries(source))) {
    if (given.has(name) || Array.isArray(value)) throw invalidOption(name, 'given more than once');
    if (typeof value !== 'string') throw invalidOption(name, 'must be text');
    given.set(name, value);
  }
  return given;
}

/** Takes the `metadata.<key>` options out of what is given. */
function takeMetadata(given: Map<string, string>): Record<string, string> {
  const metadata: [string, string][] = [];
  for (const [name, value] of given) {
    if (!name.startsWith(METADATA)) continue;
    const key = name.slice(METADATA.length);
    if (!METADATA_KEY.test(key)) throw invalidOption(name, 'the key must be 1 to 64 letters, digits, _, . or -');
    if (Array.from(value).length > MAX_METADATA_CHARACTERS) {
      throw invalidOption(name, `longer than ${MAX_METADATA_CHARACTERS} characters`);
    }
    metadata.push([key, value]);
    given.delete(name);
  }
  if (metadata.length > MAX_METADATA) throw invalidOption('metadata', `more than ${MAX_METADATA} keys`);
  return Object.fromEntries(metadata);
}

/** Taken as they stand, spaces included; repeated ones count once. */
function parseNullValues(text: string): string[] {
  const values = [...new Set(text.split(','))];
  // An empty field is null anyway where it can be.
  if (values.includes('')) throw invalidOption('null_values', 'expected spellings of null with commas between them');
  if (values.length > MAX_NULL_VALUES) throw invalidOption('null_values', `more than ${MAX_NULL_VALUES} spellings`);
  if (values.some((value) => Array.from(value).length > MAX_NULL_VALUE_LENGTH)) {
    throw invalidOption('null_values', `a spelling is longer than ${MAX_NULL_VALUE_LENGTH} characters`);
  }
  return values;
}
