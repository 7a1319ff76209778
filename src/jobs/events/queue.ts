import type { JobEvent } from './job-event.js';

/**
 * Snapshots on their way to the topic of the jobs: each job's in the order of its revisions. Of several in the same state only
 * the last is kept, so that progress never piles up; changes of state all stay.
 */
export class JobEventQueue {
  readonly #snapshots: JobEvent[] = [];
  #bytes = 0;

  /** Holds at most `limit` snapshots, and takes no more bytes once it has `maxBytes`. */
  constructor(private readonly options: { limit: number; maxBytes: number }) {}

  get size(): number {
    return this.#snapshots.length;
  }

  get isFull(): boolean {
    return this.#snapshots.length >= this.options.limit || this.#bytes >= this.options.maxBytes;
  }

  /** false: the queue is full, the snapshot was not taken. */
  add(snapshot: JobEvent): boolean {
    const { job } = snapshot;
    const later = this.#snapshots.findIndex((other) => other.job.job_id === job.job_id && isLater(other, snapshot));
    const end = later < 0 ? this.#snapshots.length : later;
    const at = this.#snapshots.findLastIndex((other, index) => index < end && other.job.job_id === job.job_id);
    const before = this.#snapshots[at];
    const replaced = before?.job.state === job.state ? before : undefined;
    const growth = snapshot.bytes - (replaced?.bytes ?? 0);
    if (growth > 0 && this.#bytes >= this.options.maxBytes) return false;
    if (replaced !== undefined) this.#snapshots[at] = snapshot;
    else if (this.#snapshots.length < this.options.limit) this.#snapshots.splice(end, 0, snapshot);
    else return false;
    this.#bytes += growth;
    return true;
  }

  has(jobId: string): boolean {
    return this.#snapshots.some(({ job }) => job.job_id === jobId);
  }

  /** The next snapshots, at most `count`; they are no longer in the queue. */
  take(count: number): JobEvent[] {
    const taken = this.#snapshots.splice(0, count);
    for (const { bytes } of taken) this.#bytes -= bytes;
    return taken;
  }

  clear(): void {
    this.#snapshots.length = 0;
    this.#bytes = 0;
  }
}

function isLater(one: JobEvent, other: JobEvent): boolean {
  return one.job.revision > other.job.revision;
}
