import type { Clock } from '../../../src/jobs/domain/clock.js';

const START = Date.parse('2026-03-01T12:00:00.000Z');

/** A clock that stands still until the test moves it. */
export class ManualClock implements Clock {
  /** The wall clock is so far ahead of the monotonic one. */
  #epoch: number;
  #now = 0;
  #next = 0;
  readonly #timers = new Map<number, { due: number; action: () => void }>();

  /** `setByMs`: how far somebody had set the wall clock before the process began. */
  constructor(private readonly setByMs = 0) {
    this.#epoch = START + setByMs;
  }

  now(): number {
    return this.#epoch + this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  steady(): number {
    return START + this.setByMs + this.#now;
  }

  /** Somebody sets the wall clock, forward or back; no time passes. */
  setWall(byMs: number): void {
    this.#epoch += byMs;
  }

  schedule(ms: number, action: () => void): () => void {
    const id = this.#next++;
    this.#timers.set(id, { due: this.#now + ms, action });
    return () => void this.#timers.delete(id);
  }

  /** Moves on by `ms`, calling what falls due, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [first] = [...this.#timers].sort(([, a], [, b]) => a.due - b.due);
      if (first === undefined || first[1].due > end) break;
      this.#timers.delete(first[0]);
      this.#now = Math.max(this.#now, first[1].due);
      first[1].action();
    }
    this.#now = end;
  }

  /** The process that scheduled them is gone. */
  dropTimers(): void {
    this.#timers.clear();
  }

  /** How long it is until each action, in ms, the nearest first. */
  get dueIn(): number[] {
    return [...this.#timers.values()].map(({ due }) => due - this.#now).sort((a, b) => a - b);
  }

  get pending(): number {
    return this.#timers.size;
  }
}
