import { BatchApiError, BatchConnectionError } from './errors.js';
import { pause } from './pause.js';

export interface RetryPolicy {
  /** Repetitions after the first attempt; 0: none. */
  retries: number;
  /** Before the first repetition after a lost reply, in ms; doubles each time, less up to half of it at random. */
  baseDelayMs: number;
  /** No pause is longer, whatever Retry-After says. */
  maxDelayMs: number;
}

/** Together longer than a restart of the service takes. */
export const DEFAULT_RETRY: Readonly<RetryPolicy> = { retries: 4, baseDelayMs: 500, maxDelayMs: 10_000 };

/** Told before each pause. */
export interface RetryNotice {
  error: BatchApiError | BatchConnectionError;
  /** From 1. */
  retry: number;
  retries: number;
  delayMs: number;
}

/**
 * Runs `attempt` until it succeeds, fails for good, or the policy's repetitions are used up; then throws its last
 * error. Only for requests that are safe to repeat. A server that refuses the very first connection is not waited
 * for, one that went away between two attempts is.
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  policy: RetryPolicy,
  options: { signal?: AbortSignal | undefined; onRetry?: ((notice: RetryNotice) => void) | undefined } = {},
): Promise<T> {
  for (let retry = 1; ; retry++) {
    try {
      return await attempt();
    } catch (error) {
      if (retry > policy.retries || !isTransient(error, retry > 1)) throw error;
      const delayMs = Math.min(pauseOf(error, retry, policy), policy.maxDelayMs);
      options.onRetry?.({ error, retry, retries: policy.retries, delayMs });
      await pause(delayMs, options.signal);
    }
  }
}

/** Whether the same request may succeed a little later. */
export function isTransient(error: unknown, wasConnected: boolean): error is BatchApiError | BatchConnectionError {
  if (error instanceof BatchApiError) return error.status === 503 && error.retryAfterMs !== null;
  return error instanceof BatchConnectionError && (error.replyLost || wasConnected);
}

function pauseOf(error: BatchApiError | BatchConnectionError, retry: number, policy: RetryPolicy): number {
  if (error instanceof BatchApiError && error.retryAfterMs !== null) return error.retryAfterMs;
  return policy.baseDelayMs * 2 ** (retry - 1) * (0.5 + Math.random() / 2);
}
