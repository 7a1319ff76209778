import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** The name of the header that carries a request's id, in both directions. */
export const REQUEST_ID_HEADER = 'x-request-id';

/** The id that the client or a proxy gave the request, if it is short and harmless in a log; otherwise a new UUID. */
export function requestId(headers: IncomingHttpHeaders): string {
  const given = headers[REQUEST_ID_HEADER];
  return typeof given === 'string' && /^[A-Za-z0-9._:+=@-]{1,128}$/.test(given) ? given : randomUUID();
}
