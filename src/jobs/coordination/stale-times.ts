/**
 * For how long Kafka has answered runners with less of a job than is known, from the first to the last of those that have
 * reported so one after the other. In memory: after a new start of the service the time begins anew, so that a
 * checkpoint is at worst given up later.
 */
export class StaleTimes {
  /** `ms` by the time `at` of the monotonic clock. */
  readonly #times = new Map<string, { ms: number; at: number }>();

  /** A runner has left the job after `ms` of such answers, the time before it included. */
  note(jobId: string, ms: number, now: number): void {
    this.#times.set(jobId, { ms, at: now });
  }

  /** Up to now; 0: the last runner has met no such answer. */
  of(jobId: string, now: number): number {
    const time = this.#times.get(jobId);
    return time === undefined ? 0 : time.ms + now - time.at;
  }

  /** No broker answers: the time since the last report does not count. */
  brokerAway(now: number): void {
    for (const time of this.#times.values()) time.at = now;
  }

  forget(jobId: string): void {
    this.#times.delete(jobId);
  }
}
