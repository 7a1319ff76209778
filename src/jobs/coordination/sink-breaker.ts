import type { Clock } from '../domain/clock.js';

const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 60_000;

/**
 * Keeps 10,000 jobs from knocking at a door that is closed: after a failure of the connection nobody tries for a while, then
 * one job does; only if it gets through do the others follow.
 */
export class Breaker {
  #pauseMs = 0;
  #openUntil = 0;
  #isProbing = false;
  #reason: string | null = null;

  constructor(private readonly clock: Clock) {}

  /** Why nobody tries now, or only one does; null: it is closed. */
  get reason(): string | null {
    return this.#reason;
  }

  /** How long until somebody may try, in ms; 0: now. */
  get waitMs(): number {
    if (this.#reason === null) return 0;
    return this.#isProbing ? MAX_PAUSE_MS : Math.max(0, this.#openUntil - this.clock.monotonic());
  }

  /** Whether one may try; if the breaker is open, it is the only one until `close`, `trip` or `leave`. */
  tryEnter(): boolean {
    if (this.waitMs > 0) return false;
    if (this.#reason !== null) this.#isProbing = true;
    return true;
  }

  /** The one that tried says nothing about the connection. */
  leave(): void {
    this.#isProbing = false;
  }

  /** The connection works. */
  close(): void {
    this.#pauseMs = 0;
    this.#isProbing = false;
    this.#reason = null;
  }

  /** The connection does not work. Of several that find out at the same time the first counts. */
  trip(reason: string): void {
    const isOpen = this.#reason !== null && !this.#isProbing;
    this.#reason = reason;
    this.#isProbing = false;
    if (isOpen && this.#openUntil > this.clock.monotonic()) return;
    this.#pauseMs = Math.min(MAX_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2));
    this.#openUntil = this.clock.monotonic() + this.#pauseMs;
  }
}
