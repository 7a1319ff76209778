import { ServiceError } from '../../errors/index.js';
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
  const source = membersOf(members['source'], 'source');
  const { uri } = source;
  if (typeof uri !== 'string' || Object.keys(source).length > 1) throw invalid('source must be {"uri": "…"}');
  const { model_id: modelId, options = {}, metadata = {} } = members;
  if (modelId !== undefined && typeof modelId !== 'string') throw invalid('model_id must be text');
  const fields: Record<string, unknown> = modelId === undefined ? {} : { model_id: modelId };
  for (const [name, value] of Object.entries(membersOf(options, 'options'))) fields[name] = textOf(value);
  for (const [name, value] of Object.entries(membersOf(metadata, 'metadata'))) fields[`metadata.${name}`] = value;
  return { uri, request: parseJobRequest(query, fields) };
}

/** As the field of a form has it: lists with commas, objects as JSON. What is none of these is refused as no text. */
function textOf(value: unknown): unknown {
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
}

function membersOf(value: unknown, name: string): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members;
  throw invalid(`${name} must be a JSON object`);
}

function invalid(message: string): ServiceError {
  return new ServiceError('INVALID_REQUEST', message);
}
