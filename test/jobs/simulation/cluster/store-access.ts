import type { Machine } from './machine.js';
import type { SharedStore } from './shared-store.js';
import type { StoreLink } from './store-dialect.js';

/** How long a client waits for an answer. */
const TIMEOUT_MS = 30_000;

/** Times in which no process, or one of them, reaches the store. */
export interface Outage {
  until: number;
}

class Away extends Error {
  constructor() {
    super('the store is away');
  }
}

/** One process's way to the store: late, broken, or away. What was asked may be done though no answer comes. */
export class StoreAccess implements StoreLink {
  /** The time in which this process alone does not reach it. */
  readonly outage: Outage = { until: 0 };
  /** Until then some request is late, or without an answer. */
  #disturbedUntil = 0;

  constructor(
    readonly store: SharedStore,
    readonly name: string,
    private readonly machine: Machine,
    /** The time in which no process reaches it. */
    private readonly outages: Outage,
    /** The chance that something happens to a request or its answer, though the store is there. */
    private readonly trouble: () => number,
  ) {}

  get isAway(): boolean {
    return this.machine.world.now < Math.max(this.outage.until, this.outages.until);
  }

  /** Since when the process has had each answer at once. */
  get answersSince(): number {
    return Math.max(this.#disturbedUntil, this.outage.until, this.outages.until);
  }

  ask<T>(arrive: () => T): Promise<T> {
    return this.#request((resolve, reject) => {
      let result: T;
      try {
        result = arrive();
      } catch (error) {
        this.machine.deliver(() => reject(error));
        return;
      }
      this.#answer(() => resolve(result), reject);
    }, arrive);
  }

  begin<T>(arrive: () => T): Promise<T> {
    return this.#request((resolve, reject) => {
      // A transaction whose process stands still is rolled back.
      if (this.machine.isRunning) resolve(arrive());
      else this.#fail(0, reject);
    });
  }

  commit(arrive: () => void, undo: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.machine.world.chance(this.trouble())) {
        undo();
        this.#fail(this.#untilNoticed(), reject);
        return;
      }
      arrive();
      this.#answer(resolve, reject);
    });
  }

  /** `late`: what the store may do when the client has given up. */
  #request<T>(
    arrive: (resolve: (result: T) => void, reject: (error: unknown) => void) => void,
    late?: () => unknown,
  ): Promise<T> {
    const { world } = this.machine;
    return new Promise((resolve, reject) => {
      if (this.isAway) {
        this.#fail(world.chance(0.7) ? world.random() * 50 : world.random() * 5_000, reject);
        if (late !== undefined && world.chance(0.1)) this.#lateTo(late);
        return;
      }
      world.later(this.#delay(), () => {
        if (!this.isAway && !world.chance(this.trouble())) {
          arrive(resolve, reject);
          return;
        }
        this.#fail(this.#untilNoticed(), reject);
        if (late !== undefined && world.chance(0.3)) this.#lateTo(late);
      });
    });
  }

  #answer(resolve: () => void, reject: (error: unknown) => void): void {
    const { world } = this.machine;
    if (world.chance(this.trouble())) {
      this.#fail(this.#untilNoticed(), reject);
      return;
    }
    world.later(this.#delay(), () => {
      if (this.isAway && world.chance(0.7)) this.#fail(this.#untilNoticed(), reject);
      else this.machine.deliver(resolve);
    });
  }

  /** It lay in a buffer, and is done when nobody waits for it. */
  #lateTo(arrive: () => unknown): void {
    const { world } = this.machine;
    const back = Math.max(this.outage.until, this.outages.until, world.now);
    world.later(back - world.now + world.random() * 10_000, () => {
      try {
        arrive();
      } catch {
        // Nobody hears of it.
      }
    });
  }

  #fail(ms: number, reject: (error: unknown) => void): void {
    this.#disturbedFor(ms);
    this.machine.world.later(ms, () => this.machine.deliver(() => reject(new Away())));
  }

  #untilNoticed(): number {
    const { world } = this.machine;
    return world.chance(0.15) ? world.random() * TIMEOUT_MS : world.random() * 2_000;
  }

  #delay(): number {
    const { world } = this.machine;
    if (!world.chance(this.trouble())) return world.between(0.2, 3);
    const ms = world.random() ** 2 * 5_000;
    this.#disturbedFor(ms);
    return ms;
  }

  #disturbedFor(ms: number): void {
    this.#disturbedUntil = Math.max(this.#disturbedUntil, this.machine.world.now + ms);
  }
}
