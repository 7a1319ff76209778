import { createRequire } from 'node:module';

interface RequestQueue {
  readonly pending: readonly unknown[];
  /** Milliseconds since the epoch. */
  readonly throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}

/**
 * kafkajs 2.2.4 looks at every connection's queue of requests each millisecond, for as long as the connection lives:
 * if nothing waits, it computes a timeout below zero (network/requestQueue/index.js), which takes 3 % of a core in an
 * idle service, and a warning from Node. From here on it looks only if something waits. Throws if
 * kafkajs has changed.
 */
export function stopIdleTimers(): void {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
    prototype: RequestQueue;
  };
  const schedule = prototype.scheduleCheckPendingRequests;
  if (typeof schedule !== 'function') throw new Error('kafkajs has another request queue: see idle-timers.ts');
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
  };
}
