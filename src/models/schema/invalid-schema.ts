import { ServiceError } from '../../errors/index.js';

const MAX_SHOWN = 80;

/** One step of a JSON Pointer (RFC 6901) further down. */
export function pointerTo(parent: string, key: string | number): string {
  return `${parent}/${shorten(String(key)).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** INVALID_SCHEMA at a place of the schema, named by its JSON Pointer (RFC 6901). */
export function invalidSchema(pointer: string, problem: string, cause?: unknown): ServiceError {
  return new ServiceError('INVALID_SCHEMA', `${pointer === '' ? 'the schema' : pointer}: ${problem}`, { cause });
}

/** Keywords that describe and never decide. */
const ANNOTATIONS = ['title', 'description', '$comment', 'examples', 'deprecated'];

/** Throws INVALID_SCHEMA at the first keyword that would be ignored. */
export function checkKeywords(
  schema: Readonly<Record<string, unknown>>,
  pointer: string,
  keywords: readonly string[],
  where: string,
): void {
  for (const keyword of Object.keys(schema)) {
    if (keywords.includes(keyword) || ANNOTATIONS.includes(keyword)) continue;
    const problem = `${where} does not take ${show(keyword)}; it takes ${keywords.join(', ')}`;
    throw invalidSchema(pointerTo(pointer, keyword), problem);
  }
}

/** A value of the schema as a message shows it. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return shorten(JSON.stringify(value) ?? String(value));
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shorten(text: string): string {
  // Never half of a surrogate pair.
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN).replace(/\p{Surrogate}$/u, '')}…`;
}
