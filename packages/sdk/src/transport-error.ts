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
  const { name, message } = error as Partial<Error>;
  return name === 'TypeError' && (message === 'fetch failed' || message === 'terminated');
}

/** `fetch` hides the reason of every failure behind one TypeError: this is what it was. */
export function toConnectionError(error: unknown, url: string): BatchConnectionError {
  const code = systemCode(error);
  const { cause } = error as { cause?: { message?: unknown } };
  // fetch's own refusals, such as of a port that it considers bad, have no code.
  const reason = code ?? (typeof cause?.message === 'string' ? cause.message : 'NO_ANSWER');
  return new BatchConnectionError(url, reason, code !== null && REPLY_LOST.has(code), { cause: error });
}

/** The code of the innermost cause that has one. By shape, not class: the errors may come from another realm. */
function systemCode(error: unknown, depth = 0): string | null {
  if (typeof error !== 'object' || error === null || depth > 5) return null;
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown };
  const inner = systemCode(cause, depth + 1) ?? (Array.isArray(errors) ? systemCode(errors[0], depth + 1) : null);
  return inner ?? (typeof code === 'string' ? code : null);
}
