import type { IncomingHttpHeaders } from 'node:http';
import type { Access } from '../../auth/index.js';
import { ServiceError } from '../../errors/index.js';

/**
 * The request's Idempotency-Key as it is stored: each owner has separate ones, so that nobody is given the job of another. null: there is none.
 * Throws INVALID_REQUEST for a malformed one.
 */
export function idempotencyKey(headers: IncomingHttpHeaders, { key: apiKey }: Access): string | null {
  const key = headers['idempotency-key'];
  if (key === undefined) return null;
  // A tab is in neither.
  if (typeof key === 'string' && /^[\x20-\x7E]{1,255}$/.test(key))
    return apiKey === null ? key : `${apiKey.name}\t${key}`;
  throw new ServiceError('INVALID_REQUEST', 'Idempotency-Key must be 1 to 255 printable ASCII characters');
}
