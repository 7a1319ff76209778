import { BatchConnectionError } from './errors.js';

/** An answer, whole. `body`: the JSON in it; null if it is something else, or nothing. */
export interface Answer {
  response: Response;
  body: unknown;
}

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

/**
 * Sends a request and reads the answer. Throws BatchConnectionError with `baseUrl` if the connection failed: `send` may
 * throw a TypeError for nothing else, as `fetch` does once a Request is made.
 */
export async function answerOf(baseUrl: string, send: () => Promise<Response>): Promise<Answer> {
  try {
    const response = await send();
    return { response, body: await jsonOf(response) };
  } catch (error) {
    // By name, not class: it may come from another realm.
    throw (error as Partial<Error> | null)?.name === 'TypeError' ? connectionError(error, baseUrl) : error;
  }
}

async function jsonOf(response: Response): Promise<unknown> {
  const type = response.headers.get('content-type') ?? '';
  if (!/^application\/(json|[\w.-]+\+json)\b/i.test(type)) {
    await response.body?.cancel();
    return null;
  }
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** `fetch` hides the reason of every failure behind one TypeError: this is what it was. */
function connectionError(error: unknown, url: string): BatchConnectionError {
  const code = systemCode(error);
  const { cause } = error as { cause?: { message?: unknown } };
  // A browser does not tell a refused connection from a lost one.
  if (cause === undefined) return new BatchConnectionError(url, 'NETWORK_ERROR', true, { cause: error });
  // fetch's own refusals, such as of a port that it considers bad, have no code.
  const reason = code ?? (typeof cause.message === 'string' ? cause.message : 'NO_ANSWER');
  return new BatchConnectionError(url, reason, code !== null && REPLY_LOST.has(code), { cause: error });
}

/** The code of the innermost cause that has one. By shape, not class: the errors may come from another realm. */
function systemCode(error: unknown, depth = 0): string | null {
  if (typeof error !== 'object' || error === null || depth > 5) return null;
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown };
  const inner = systemCode(cause, depth + 1) ?? (Array.isArray(errors) ? systemCode(errors[0], depth + 1) : null);
  return inner ?? (typeof code === 'string' ? code : null);
}
