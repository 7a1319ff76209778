import { ServiceError } from '../../errors/index.js';
import { type JobRequest, parseSourceRequest } from '../../ingest/index.js';
import { AGAIN, type FeedDefinition } from './feed.js';

type Members = Readonly<Record<string, unknown>>;

const NAMES = ['id', 'source', 'model_id', 'options', 'metadata', 'every', 'again', 'max_failures'];
const FEED_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;
const DAY_S = 86_400;

/** Reads what a feed is created with (openapi: FeedCreate). Throws INVALID_REQUEST, INVALID_OPTION, MISSING_MODEL_ID. */
export function parseFeed(body: unknown): { id: string; definition: FeedDefinition } {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('the body must be a JSON object');
  const members = body as Members;
  const unknown = Object.keys(members).find((name) => !NAMES.includes(name));
  if (unknown !== undefined) throw invalid(`there is no member ${unknown}; there are ${NAMES.join(', ')}`);
  const { id, source, model_id, options = {}, metadata = {}, again = 'changed' } = members;
  if (typeof id !== 'string' || !FEED_ID.test(id)) {
    throw invalid('id must be 1 to 63 letters, digits, - or _, beginning with a letter or digit');
  }
  if (again !== 'changed' && again !== 'never') throw invalid(`again must be ${AGAIN.join(' or ')}`);
  const { uri, request } = parseSourceRequest({}, { source, model_id, options, metadata });
  const definition: FeedDefinition = {
    uri,
    modelId: request.modelId,
    options: options as Members,
    metadata: request.metadata,
    every: wholeNumber(members, 'every', 60, 1, DAY_S),
    again,
    maxFailures: wholeNumber(members, 'max_failures', 10, 1, 1_000_000),
  };
  return { id, definition };
}

/** What a job for one of the feed's files is asked for with. */
export function jobRequestOf({ modelId, options, metadata }: FeedDefinition, uri: string): JobRequest {
  return parseSourceRequest({}, { source: { uri }, model_id: modelId, options, metadata }).request;
}

function wholeNumber(members: Members, name: string, byDefault: number, min: number, max: number): number {
  const { [name]: value = byDefault } = members;
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(`${name} must be a whole number from ${min} to ${max}`);
}

function invalid(message: string): ServiceError {
  return new ServiceError('INVALID_REQUEST', message);
}
