import { WaitTimeoutError } from './errors.js';
import { pause } from './pause.js';
import { isTransient } from './retry.js';
import { isOver, type Job } from './types.js';

export interface WaitOptions {
  signal?: AbortSignal | undefined;
  /** Told the job as it is, at every look. */
  onProgress?: ((job: Job) => void) | undefined;
  /** In ms; without it, as long as it takes. */
  timeoutMs?: number | undefined;
  /** The longest pause between two looks, in ms; the first ones are shorter. Default 1000. */
  maxIntervalMs?: number | undefined;
  /** How long the service may be away in between, in ms. Default 60 000. */
  patienceMs?: number | undefined;
}

const FIRST_INTERVAL_MS = 50;
const GROWTH = 1.5;

/** Looks at a job until it is over. Throws WaitTimeoutError, or what `look` threw where it cannot pass. */
export async function waitUntilOver(
  jobId: string,
  look: (signal: AbortSignal | undefined) => Promise<Job>,
  options: WaitOptions = {},
): Promise<Job> {
  const {
    signal,
    onProgress,
    timeoutMs = Number.POSITIVE_INFINITY,
    maxIntervalMs = 1000,
    patienceMs = 60_000,
  } = options;
  const deadline = Date.now() + timeoutMs;
  let last: Job | null = null;
  let lastSeen = Date.now();
  for (let interval = FIRST_INTERVAL_MS; ; interval = Math.min(interval * GROWTH, maxIntervalMs)) {
    try {
      last = await look(signal);
      lastSeen = Date.now();
      onProgress?.(last);
      if (isOver(last.state)) return last;
    } catch (error) {
      const mayPass = isTransient(error, last !== null) && Date.now() - lastSeen < patienceMs;
      if (!mayPass) throw error;
    }
    const left = deadline - Date.now();
    if (left <= 0) throw new WaitTimeoutError(jobId, last, timeoutMs);
    await pause(Math.min(interval, maxIntervalMs, left), signal);
  }
}
