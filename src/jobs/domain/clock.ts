/** Time as the jobs side sees it, so that tests can move it. */
export interface Clock {
  /** Milliseconds since the epoch: what users see. It may be set forward and back at any time. */
  now(): number;
  /** Milliseconds of a clock that never goes back, nor jumps: what durations in this process are measured with. */
  monotonic(): number;
  /**
   * Whole milliseconds since the epoch by the wall clock of the process's start and `monotonic` since then: for durations
   * that may outlive a process. Within one it never goes back.
   */
  steady(): number;
  /** Calls `action` once after `ms`; the returned function takes that back. Does not keep the process alive. */
  schedule(ms: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  steady: () => Math.floor(performance.timeOrigin + performance.now()),
  schedule(ms, action) {
    const timer = setTimeout(action, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
