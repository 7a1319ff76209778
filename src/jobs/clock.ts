/** Time as the jobs side sees it, so that tests can move it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `action` once after `ms`; the returned function takes that back. Does not keep the process alive. */
  schedule(ms: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(ms, action) {
    const timer = setTimeout(action, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
