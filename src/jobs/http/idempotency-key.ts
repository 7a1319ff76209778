import type { IncomingHttpHeaders } from 'node:http';
import { ServiceError } from '../../errors/index.js';

/** The request's Idempotency-Key, null if there is none. Throws INVALID_REQUEST for a malformed one. */
export function idempotencyKey(headers: IncomingHttpHeaders): string | null {
  const key = headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key === 'string' && /^[\x20-\x7E]{1,255}$/.test(key)) return key;
  throw new ServiceError('INVALID_REQUEST', 'Idempotency-Key must be 1 to 255 printable ASCII characters');
}
