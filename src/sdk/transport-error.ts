import { BatchConnectionError } from './errors.js';

/** After these the request may have been carried out: only its answer is missing. */
const REPLY_LOST = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'HPE_INVALID_EOF_STATE',
]);

/** Whether `fetch` threw because of the connection, before or after the answer began. */
export function isTransportFailure(error: unknown): boolean {
  return error instanceof TypeError && (error.message === 'fetch failed' || error.message === 'terminated');
}

/** `fetch` hides the reason of every failure behind one TypeError: this is what it was. */
export function toConnectionError(error: unknown, url: string): BatchConnectionError {
  const code = systemCode(error);
  return new BatchConnectionError(url, code ?? 'NO_ANSWER', code !== null && REPLY_LOST.has(code), { cause: error });
}

function systemCode(error: unknown): string | null {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth++) {
    const code = (current as NodeJS.ErrnoException).code;
    if (typeof code === 'string') return code;
    if (current instanceof AggregateError && current.errors.length > 0) return systemCode(current.errors[0]);
  }
  return null;
}
