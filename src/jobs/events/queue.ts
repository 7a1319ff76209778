import type { JobEvent } from './job-event.js';

/**
 * Job events on their way to the topic of the jobs: each job's in the order of its revisions. Of several in the same
 * state only the last is kept, so that progress never piles up; changes of state all stay.
 */
export class JobEventQueue {
  readonly #events: JobEvent[] = [];
  #bytes = 0;

  /** Holds at most `limit` events, and takes no more bytes once it has `maxBytes`. */
  constructor(private readonly options: { limit: number; maxBytes: number }) {}

  get size(): number {
    return this.#events.length;
  }

  get isFull(): boolean {
    return this.#events.length >= this.options.limit || this.#bytes >= this.options.maxBytes;
  }

  /** false: the queue is full, the event was not taken. */
  add(event: JobEvent): boolean {
    const { job } = event;
    const later = this.#events.findIndex((other) => other.job.job_id === job.job_id && isLater(other, event));
    const end = later < 0 ? this.#events.length : later;
    const at = this.#events.findLastIndex((other, index) => index < end && other.job.job_id === job.job_id);
    const before = this.#events[at];
    const replaced = before?.job.state === job.state ? before : undefined;
    const growth = event.bytes - (replaced?.bytes ?? 0);
    if (growth > 0 && this.#bytes >= this.options.maxBytes) return false;
    if (replaced !== undefined) this.#events[at] = event;
    else if (this.#events.length < this.options.limit) this.#events.splice(end, 0, event);
    else return false;
    this.#bytes += growth;
    return true;
  }

  has(jobId: string): boolean {
    return this.#events.some(({ job }) => job.job_id === jobId);
  }

  /** The next events, at most `count`; they are no longer in the queue. */
  take(count: number): JobEvent[] {
    const taken = this.#events.splice(0, count);
    for (const { bytes } of taken) this.#bytes -= bytes;
    return taken;
  }

  clear(): void {
    this.#events.length = 0;
    this.#bytes = 0;
  }
}

function isLater(one: JobEvent, other: JobEvent): boolean {
  return one.job.revision > other.job.revision;
}
