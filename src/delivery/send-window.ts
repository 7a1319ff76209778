/** One record batch: less would send nothing. */
export const MIN_WINDOW_BYTES = 1_000_000;
export const MAX_WINDOW_BYTES = 16_000_000;
/** What is in flight must arrive within 1/QUICK_PART of the time after which the broker aborts its transaction. */
const QUICK_PART = 12;
const SLOW_PART = 6;

/**
 * How much may be sent and not yet acknowledged, for the pace at which the broker takes it: a connection that is slow,
 * or slowed down by a quota. One window serves a job's sessions one after another, so that each goes on with what the
 * last one learned. It grows by what is acknowledged, which doubles it each time that all of it comes back, as long as
 * acknowledgements are quick, and halves when one is slow or a session fails. Times are in milliseconds of a clock that
 * never goes back.
 */
export class SendWindow {
  #bytes = MIN_WINDOW_BYTES;
  #halvedAt = Number.NEGATIVE_INFINITY;

  get bytes(): number {
    return this.#bytes;
  }

  /** `timeoutMs`: after which the broker aborts the transaction. */
  acknowledged(batch: { bytes: number; sentAt: number; timeoutMs: number }, now: number): void {
    const latencyMs = now - batch.sentAt;
    if (latencyMs * QUICK_PART < batch.timeoutMs) {
      this.#bytes = Math.min(MAX_WINDOW_BYTES, this.#bytes + batch.bytes);
    } else if (latencyMs * SLOW_PART > batch.timeoutMs && batch.sentAt >= this.#halvedAt) {
      // What was sent before the last time says nothing of what that has changed.
      this.halve(now);
    }
  }

  halve(now: number): void {
    this.#bytes = Math.max(MIN_WINDOW_BYTES, this.#bytes / 2);
    this.#halvedAt = now;
  }
}
