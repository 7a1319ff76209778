import type { Clock } from '../../../../src/jobs/domain/clock.js';
import type { World } from './world.js';

/** When the world begins, by a clock that is right. */
export const START = Date.parse('2026-03-01T12:00:00.000Z');

interface Timer {
  due: number;
  action: () => void;
}

/** A process as its system runs it: it may stand still, and wake up with all it had in memory, or die. */
export class Machine {
  readonly clock: Clock;
  isAlive = true;
  /** Since when it has run without a break. */
  runsSince: number;
  #frozenSince: number | null = null;
  #isSuspended = false;
  /** How long it was suspended: the monotonic clock does not count that. */
  #suspendedMs = 0;
  #held: (() => void)[] = [];
  readonly #timers = new Map<number, Timer>();
  #nextTimer = 0;

  /** `aheadMs`: of its wall clock. */
  constructor(
    readonly world: World,
    aheadMs: number,
  ) {
    this.runsSince = world.now;
    const monotonic = (): number => world.now - this.#suspendedMs;
    this.clock = {
      now: () => START + world.now + aheadMs,
      monotonic,
      steady: () => Math.floor(START + aheadMs + monotonic()),
      schedule: (ms, action) => this.#schedule(ms, action),
    };
  }

  get isFrozen(): boolean {
    return this.#frozenSince !== null;
  }

  get isRunning(): boolean {
    return this.isAlive && !this.isFrozen;
  }

  /** Something reaches the process: now, or when it wakes up. */
  deliver(run: () => void): void {
    if (!this.isAlive) return;
    if (this.isFrozen) this.#held.push(run);
    else run();
  }

  /** `isSuspended`: with its monotonic clock, as a machine that sleeps. */
  freeze(isSuspended: boolean): void {
    if (!this.isRunning) return;
    this.#frozenSince = this.world.now;
    this.#isSuspended = isSuspended;
  }

  wake(): void {
    if (!this.isAlive || this.#frozenSince === null) return;
    const { world } = this;
    const lost = this.#isSuspended ? world.now - this.#frozenSince : 0;
    this.#suspendedMs += lost;
    this.#frozenSince = null;
    this.runsSince = world.now;
    const held = this.#held;
    this.#held = [];
    const takeHeld = (): void => {
      for (const run of held) world.later(0, () => this.deliver(run));
    };
    const areRepliesFirst = world.chance(0.5);
    if (areRepliesFirst) takeHeld();
    const timers = [...this.#timers].sort(([, a], [, b]) => a.due - b.due);
    for (const [id, timer] of timers) {
      timer.due = Math.max(world.now, timer.due + lost);
      this.#arm(id, timer);
    }
    if (!areRepliesFirst) takeHeld();
  }

  kill(): void {
    this.isAlive = false;
    this.#timers.clear();
    this.#held = [];
  }

  #schedule(ms: number, action: () => void): () => void {
    const id = this.#nextTimer++;
    const timer = { due: this.world.now + ms, action };
    this.#timers.set(id, timer);
    this.#arm(id, timer);
    return () => void this.#timers.delete(id);
  }

  #arm(id: number, timer: Timer): void {
    const { due } = timer;
    this.world.later(due - this.world.now, () => {
      // While it is frozen nothing happens: waking it arms what is left.
      if (!this.isRunning || this.#timers.get(id) !== timer || timer.due !== due) return;
      this.#timers.delete(id);
      timer.action();
    });
  }
}
