import { ServiceError } from '../../errors/index.js';
import { type JobRequest, parseSourceRequest } from '../../ingest/index.js';
import { AFTER, AGAIN, type Completeness, type FeedDefinition, MARKERS } from './feed.js';

type Members = Readonly<Record<string, unknown>>;

const NAMES = [
  'id',
  'source',
  'model_id',
  'options',
  'metadata',
  'every',
  'again',
  'after',
  'after_partial',
  'move_to',
  'complete',
  'max_failures',
  'secret',
];
const FEED_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;
const SECRET = /^[\x21-\x7E]{16,256}$/;
const DAY_S = 86_400;
const FILE_ID = /^[A-Za-z0-9_-]{22}$/;
const MAX_RETRIED = 1_000;

export interface GivenFeed {
  readonly id: string;
  readonly definition: Omit<FeedDefinition, 'owner'>;
  /** The one that its notifications must have; null: it takes none. */
  readonly secret: string | null;
}

/** Reads what a feed is created with (openapi: FeedCreate). Throws INVALID_REQUEST, INVALID_OPTION, MISSING_MODEL_ID. */
export function parseFeed(body: unknown): GivenFeed {
  const members = membersOf(body, 'the body', NAMES);
  const { id, source, model_id, options = {}, metadata = {}, secret = null, move_to: moveTo = null } = members;
  if (typeof id !== 'string' || !FEED_ID.test(id)) {
    throw invalid('id must be 1 to 63 letters, digits, - or _, beginning with a letter or digit');
  }
  if (secret !== null && (typeof secret !== 'string' || !SECRET.test(secret))) {
    throw invalid('secret must be 16 to 256 printable ASCII characters without spaces');
  }
  const { uri, request } = parseSourceRequest({}, { source, model_id, options, metadata });
  const after = oneOf(members, 'after', AFTER);
  const afterPartial = oneOf(members, 'after_partial', AFTER);
  const moves = after === 'move' || afterPartial === 'move';
  if (moves ? typeof moveTo !== 'string' || !moveTo.endsWith('/') : moveTo !== null) {
    throw invalid(moves ? 'move_to must be a URI that ends in /' : 'move_to needs after or after_partial to be move');
  }
  const definition: GivenFeed['definition'] = {
    uri,
    modelId: request.modelId,
    options: options as Members,
    metadata: request.metadata,
    every: wholeNumber(members, 'every', 60, 1, DAY_S),
    again: oneOf(members, 'again', AGAIN),
    after,
    afterPartial,
    moveTo: moveTo as string | null,
    complete: completenessOf(members['complete'] ?? null),
    maxFailures: wholeNumber(members, 'max_failures', 10, 1, 1_000_000),
  };
  return { id, definition, secret };
}

/** Reads which files are to be taken again (openapi: FeedRetry): null means all that have failed. Throws INVALID_REQUEST. */
export function parseRetry(body: unknown): readonly string[] | null {
  const { files = null } = membersOf(body, 'the body', ['files']);
  if (files === null) return null;
  const isList = Array.isArray(files) && files.length > 0 && files.length <= MAX_RETRIED;
  if (isList && files.every((each) => typeof each === 'string' && FILE_ID.test(each))) return files as string[];
  throw invalid(`files must be a list of 1 to ${MAX_RETRIED} file ids (file_id, of 22 characters)`);
}

function completenessOf(value: unknown): Completeness {
  if (value === null) return null;
  const given = membersOf(value, 'complete', ['marker', 'stable']);
  if (Object.keys(given).length !== 1) throw invalid('complete must have one member: marker or stable');
  if ('marker' in given) return { marker: oneOf(given, 'marker', MARKERS) };
  return { stable: wholeNumber(given, 'stable', 0, 2, DAY_S) };
}

/** What a job for one of the feed's files is asked for with. `sha256`: what its marker says; null: it has none. */
export function jobRequestOf(
  { modelId, options: given, metadata }: FeedDefinition,
  uri: string,
  sha256: string | null,
): JobRequest {
  const expect = typeof given['expect'] === 'object' ? given['expect'] : {};
  const options = sha256 === null ? given : { ...given, expect: { ...expect, sha256 } };
  return parseSourceRequest({}, { source: { uri }, model_id: modelId, options, metadata }).request;
}

function membersOf(value: unknown, name: string, known: readonly string[]): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`${name} must be a JSON object`);
  }
  const unknown = Object.keys(value).find((each) => !known.includes(each));
  if (unknown === undefined) return value as Members;
  throw invalid(`${name} has no member ${unknown}; there are ${known.join(', ')}`);
}

/** The first is the default. */
function oneOf<T extends string>(members: Members, name: string, values: readonly [T, ...T[]]): T {
  const { [name]: given = values[0] } = members;
  const found = values.find((value) => value === given);
  if (found !== undefined) return found;
  throw invalid(`${name} must be one of ${values.join(', ')}`);
}

function wholeNumber(members: Members, name: string, byDefault: number, min: number, max: number): number {
  const { [name]: value = byDefault } = members;
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(`${name} must be a whole number from ${min} to ${max}`);
}

function invalid(message: string): ServiceError {
  return new ServiceError('INVALID_REQUEST', message);
}
