export const FIRST_RECONCILE_DELAY_MS = 30_000;
const MAX_MS = 600_000;
const MAX_JOBS = 1_000;

/**
 * How long each job waits before it is reconciled again: 30 s, twice as long each time, up to 10 min. When it is
 * due lies in the store; how long it waits next time, in memory: a new start begins anew.
 */
export class ReconcileDelays {
  readonly #delays = new Map<string, number>();

  /** Once more it could not be found out what is committed: the next delay in ms. */
  next(jobId: string): number {
    const ms = Math.min((this.#delays.get(jobId) ?? FIRST_RECONCILE_DELAY_MS / 2) * 2, MAX_MS);
    this.#delays.delete(jobId);
    this.#delays.set(jobId, ms);
    // The one that was not heard of for longest may be another process's by now.
    const [oldest] = this.#delays.keys();
    if (this.#delays.size > MAX_JOBS && oldest !== undefined) this.#delays.delete(oldest);
    return ms;
  }

  /** It is known, or no longer asked. */
  forget(jobId: string): void {
    this.#delays.delete(jobId);
  }

  get jobs(): string[] {
    return [...this.#delays.keys()];
  }
}
