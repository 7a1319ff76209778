import type { Job } from './job.js';

/**
 * Snapshots on their way to batch.jobs: each job's in the order of its revisions. Of several in the same state only
 * the last is kept, so that progress never piles up; changes of state all stay.
 */
export class SnapshotQueue {
  readonly #jobs: Job[] = [];

  /** `limit`: so many snapshots are held. */
  constructor(private readonly limit: number) {}

  get size(): number {
    return this.#jobs.length;
  }

  /** false: the queue is full, the snapshot was not taken. */
  add(job: Job): boolean {
    const later = this.#jobs.findIndex((other) => other.job_id === job.job_id && other.revision > job.revision);
    const end = later < 0 ? this.#jobs.length : later;
    const before = this.#jobs.findLastIndex((other, at) => at < end && other.job_id === job.job_id);
    if (this.#jobs[before]?.state === job.state) {
      this.#jobs[before] = job;
      return true;
    }
    if (this.#jobs.length >= this.limit) return false;
    this.#jobs.splice(end, 0, job);
    return true;
  }

  has(jobId: string): boolean {
    return this.#jobs.some((job) => job.job_id === jobId);
  }

  /** The next snapshots, at most `count`; they are no longer in the queue. */
  take(count: number): Job[] {
    return this.#jobs.splice(0, count);
  }

  clear(): void {
    this.#jobs.length = 0;
  }
}
