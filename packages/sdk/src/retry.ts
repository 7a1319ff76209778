import { BatchApiError, BatchConnectionError } from './errors.js';
import { pause } from './pause.js';

export interface RetryPolicy {
  /**
   * How long a service may be away in a row, in ms, before its absence is an error; 0: nothing is repeated. What an
   * attempt took that reached the service does not count: a large file may be sent again.
   */
  maxOutageMs: number;
  /** Before the first repetition, in ms; doubles each time, less up to half of it at random. No Retry-After makes it shorter. */
  baseDelayMs: number;
  /** No pause is longer, except the one that a 429 demands; that is never longer than `maxOutageMs`. */
  maxDelayMs: number;
}

/** Longer than a restart of the service takes, by far. */
export const DEFAULT_RETRY: Readonly<RetryPolicy> = { maxOutageMs: 60_000, baseDelayMs: 500, maxDelayMs: 5000 };

/** Told before each pause. */
export interface RetryNotice {
  error: BatchApiError | BatchConnectionError;
  /** From 1. */
  retry: number;
  delayMs: number;
  /** What is left of `maxOutageMs`, this pause included. */
  leftMs: number;
}

export interface RetryOptions {
  signal?: AbortSignal | undefined;
  onRetry?: ((notice: RetryNotice) => void) | undefined;
  /** Also wait for a service that refuses the very first connection: it may be restarting. */
  awaitService?: boolean | undefined;
}

/**
 * Runs `attempt` until it succeeds, fails for good, or the service has been away for too long; then throws the last
 * error. Only for requests that are safe to repeat.
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  policy: RetryPolicy,
  { signal, onRetry, awaitService = false }: RetryOptions = {},
): Promise<T> {
  let awayMs = 0;
  for (let retry = 1; ; retry++) {
    const began = performance.now();
    try {
      return await attempt();
    } catch (error) {
      if (!isTransient(error, awaitService || retry > 1)) throw error;
      if (!wasReached(error)) awayMs += performance.now() - began;
      const leftMs = policy.maxOutageMs - awayMs;
      const demandedMs = isRateLimited(error) ? pauseOf(error, retry, policy) : 0;
      // Before its time is up, the same request would only be refused again.
      if (leftMs <= 0 || demandedMs > leftMs) throw error;
      const delayMs = demandedMs || Math.min(pauseOf(error, retry, policy), policy.maxDelayMs, leftMs);
      onRetry?.({ error, retry, delayMs, leftMs });
      await pause(delayMs, signal);
      // So that it ends when every pause is 0, too.
      awayMs += Math.max(delayMs, 1);
    }
  }
}

/** How the connection to a service fails that is only away: it restarts, or the network does. */
const AWAY = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** What a proxy answers for a service that is away. */
const GATEWAY_STATUSES = new Set([502, 503, 504]);

/**
 * Whether the same request may succeed a little later. `isThere`: a service is known, or expected, to be at the address,
 * so that one that refuses connections is away.
 */
export function isTransient(error: unknown, isThere: boolean): error is BatchApiError | BatchConnectionError {
  if (error instanceof BatchApiError) {
    // A proxy may limit requests, too.
    if (isRateLimited(error)) return true;
    if (error.problem === null) return GATEWAY_STATUSES.has(error.status);
    return error.status === 503 && error.retryAfterMs !== null;
  }
  return error instanceof BatchConnectionError && (error.replyLost || (isThere && AWAY.has(error.code)));
}

/** Whether the request was refused before it was read, and when it may come again is known. */
export function isRateLimited(error: unknown): error is BatchApiError & { retryAfterMs: number } {
  return error instanceof BatchApiError && error.status === 429 && error.retryAfterMs !== null;
}

/**
 * Whether no service answered at all: it was not there, the connection broke, or a proxy answered in its place. What
 * became of the request is not known.
 */
export function isOutage(error: unknown): error is BatchApiError | BatchConnectionError {
  if (isRateLimited(error)) return false;
  return isTransient(error, true) && (error instanceof BatchConnectionError || error.problem === null);
}

/** Whether the attempt failed when a service had taken it up. */
function wasReached(error: BatchApiError | BatchConnectionError): boolean {
  return error instanceof BatchApiError || (error.replyLost && error.code !== 'TIMEOUT');
}

function pauseOf(error: BatchApiError | BatchConnectionError, retry: number, policy: RetryPolicy): number {
  if (error instanceof BatchApiError && error.retryAfterMs !== null) {
    return Math.max(error.retryAfterMs, policy.baseDelayMs);
  }
  return policy.baseDelayMs * 2 ** (retry - 1) * (0.5 + Math.random() / 2);
}
