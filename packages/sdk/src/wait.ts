import { BatchApiError, BatchConnectionError, WaitTimeoutError } from './errors.js';
import { pause } from './pause.js';
import { isRateLimited, isTransient } from './retry.js';
import { isLoading, isOver, type Job } from './types.js';

export interface WaitOptions {
  /** Ends the wait with its reason; the job goes on. */
  signal?: AbortSignal | undefined;
  /** Told the job as it is, at every look. */
  onProgress?: ((job: Job) => void) | undefined;
  /** Told once for each outage, at its first look that failed; the next `onProgress` is its end. */
  onOutage?: ((error: BatchApiError | BatchConnectionError, maxOutageMs: number) => void) | undefined;
  /** `sinks`: until its rows are in its sinks, too (default). `kafka`: until the job itself has ended. */
  until?: 'kafka' | 'sinks' | undefined;
  /** In ms; without it, as long as it takes. */
  timeoutMs?: number | undefined;
  /** The longest pause between two looks, in ms; the first ones are shorter. Default 1000. */
  maxIntervalMs?: number | undefined;
  /** How long the service may be away in a row, in ms. Default: that of the client's `retry`, 60 000. */
  maxOutageMs?: number | undefined;
}

const FIRST_INTERVAL_MS = 50;
const GROWTH = 1.5;

/**
 * Polls a job until it has ended, and its sinks are done. Throws WaitTimeoutError, or what `look` threw if that is permanent,
 * or lasted for `maxOutageMs`.
 */
export async function waitUntilOver(
  jobId: string,
  look: (signal: AbortSignal | undefined) => Promise<Job>,
  maxOutageMs: number,
  options: Omit<WaitOptions, 'maxOutageMs'> = {},
): Promise<Job> {
  const { signal, onProgress, onOutage, timeoutMs = Number.POSITIVE_INFINITY, maxIntervalMs = 1000 } = options;
  const { until = 'sinks' } = options;
  const deadline = performance.now() + timeoutMs;
  let last: Job | null = null;
  /** When a look failed for the first time since the last good one: how long a single look takes says nothing. */
  let awaySince: number | null = null;
  for (let interval = FIRST_INTERVAL_MS; ; interval = Math.min(interval * GROWTH, maxIntervalMs)) {
    let demandedMs = 0;
    try {
      last = await look(signal);
      awaySince = null;
      onProgress?.(last);
      if (isOver(last.state) && (until === 'kafka' || !isLoading(last))) return last;
    } catch (error) {
      const now = performance.now();
      if (!mayPass(error) || now - (awaySince ?? now) >= maxOutageMs) throw error;
      if (awaySince === null) onOutage?.(error, maxOutageMs);
      awaySince ??= now;
      if (isRateLimited(error)) demandedMs = Math.min(error.retryAfterMs, maxOutageMs);
    }
    const left = deadline - performance.now();
    if (left <= 0) throw new WaitTimeoutError(jobId, last, timeoutMs);
    await pause(Math.min(Math.max(Math.min(interval, maxIntervalMs), demandedMs), left), signal);
  }
}

/** Whoever waits has a job, so there is a service; whatever is wrong with it says nothing about the job. */
function mayPass(error: unknown): error is BatchApiError | BatchConnectionError {
  return isTransient(error, true) || (error instanceof BatchApiError && error.status >= 500);
}
