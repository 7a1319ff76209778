import { ServiceError } from '../../errors/index.js';
import { invalidOption } from './invalid-option.js';
import { JOB_OPTIONS } from './job-options.js';
import { type JobRequest, parseJobRequest } from './job-request.js';

type Members = Readonly<Record<string, unknown>>;

const NAMES = ['model_id', 'source', 'options', 'metadata'];

/**
 * A request for a job whose file is read where it lies (openapi: JobFromSource): the options are those of a form, as JSON.
 * Throws INVALID_REQUEST, and what `parseJobRequest` does.
 */
export function parseSourceRequest(query: Members, body: unknown): { uri: string; request: JobRequest } {
  const members = membersOf(body, 'the body');
  const unknown = Object.keys(members).find((name) => !NAMES.includes(name));
  if (unknown !== undefined) throw invalid(`there is no member ${unknown}; there are ${NAMES.join(', ')}`);
  const uri = uriOf(members['source']);
  if (query['from_job'] !== undefined) throw invalidOption('from_job', 'the file is the source');
  const { model_id: modelId, options = {}, metadata = {} } = members;
  if (modelId !== undefined && typeof modelId !== 'string') throw invalid('model_id must be text');
  const fields: Record<string, unknown> = modelId === undefined ? {} : { model_id: modelId };
  for (const [name, value] of Object.entries(membersOf(options, 'options'))) fields[name] = textOf(name, value);
  for (const [name, value] of Object.entries(membersOf(metadata, 'metadata'))) fields[`metadata.${name}`] = value;
  return { uri, request: parseJobRequest(query, fields) };
}

function uriOf(source: unknown): string {
  const uri = typeof source === 'object' && source !== null && 'uri' in source ? source.uri : undefined;
  if (typeof uri === 'string' && Object.keys(source as Members).length === 1) return uri;
  throw invalid('source must be {"uri": "…"}');
}

/** As the field of a form has it: lists with commas, objects as JSON. Throws INVALID_OPTION if it is of another type. */
function textOf(name: string, value: unknown): unknown {
  const option = Object.hasOwn(JOB_OPTIONS, name) ? JOB_OPTIONS[name as keyof typeof JOB_OPTIONS] : undefined;
  if (option === undefined) throw invalidOption(name, `there is no such option; there are ${listed()}`);
  const { default: absent } = option;
  if (Array.isArray(absent) && !(name === 'null_values' && isObject(value))) return listOf(name, value);
  const type = absent === undefined ? 'string' : typeof absent;
  if (value === null || Array.isArray(value) || typeof value !== type) {
    const article = type === 'object' ? 'an' : 'a';
    throw invalidOption(name, `must be ${article} ${type}`);
  }
  return type === 'object' ? JSON.stringify(value) : String(value);
}

function listOf(name: string, value: unknown): string {
  if (!Array.isArray(value) || value.some((each) => typeof each !== 'string' || each.includes(','))) {
    throw invalidOption(name, 'must be an array of strings without commas');
  }
  // An empty field of a form counts as not given.
  return value.length === 0 && name === 'sinks' ? 'none' : value.join(',');
}

function listed(): string {
  return Object.keys(JOB_OPTIONS).join(', ');
}

function membersOf(value: unknown, name: string): Members {
  if (isObject(value)) return value;
  throw invalid(`${name} must be a JSON object`);
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string): ServiceError {
  return new ServiceError('INVALID_REQUEST', message);
}
