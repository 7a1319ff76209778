import { setImmediate as nextTurn } from 'node:timers/promises';

interface Event {
  at: number;
  order: number;
  run: () => void;
}

/** Virtual time, the events that are to come, and the dice. One seed always gives the same course of things. */
export class World {
  /** Milliseconds since the beginning. */
  now = 0;
  /** What has happened, for whoever replays a seed. */
  readonly story: string[] = [];
  readonly #events: Event[] = [];
  #order = 0;
  #random: number;

  constructor(seed: number) {
    this.#random = (seed * 0x9e37_79b1) | 1;
    for (let warmUp = 0; warmUp < 5; warmUp++) this.random();
  }

  tell(what: string): void {
    this.story.push(`${(this.now / 1000).toFixed(3)} s: ${what}`);
  }

  /** Has `run` called in `ms`, after what is due earlier or was asked for before. */
  later(ms: number, run: () => void): void {
    const events = this.#events;
    const event = { at: this.now + ms, order: this.#order++, run };
    let at = events.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, events[parent] as Event)) break;
      events[at] = events[parent] as Event;
      at = parent;
    }
    events[at] = event;
  }

  /** Lets `ms` pass: every event that falls due happens, with all that follows from it at once. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    for (let next = this.#events[0]; next !== undefined && next.at <= end; next = this.#events[0]) {
      this.#removeFirst();
      this.now = Math.max(this.now, next.at);
      next.run();
      // Promises are done after one turn; what waits for a turn itself, after two.
      await nextTurn();
      await nextTurn();
    }
    this.now = end;
  }

  /** Seeded xorshift32: 0 ≤ x < 1. */
  random(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return (x >>> 0) / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  between(low: number, high: number): number {
    return low + this.random() * (high - low);
  }

  oneOf<T>(things: readonly T[]): T | undefined {
    return things[Math.floor(this.random() * things.length)];
  }

  #removeFirst(): void {
    const events = this.#events;
    const last = events.pop() as Event;
    if (events.length === 0) return;
    let at = 0;
    for (let child = 1; child < events.length; child = 2 * at + 1) {
      if (child + 1 < events.length && isBefore(events[child + 1] as Event, events[child] as Event)) child++;
      if (!isBefore(events[child] as Event, last)) break;
      events[at] = events[child] as Event;
      at = child;
    }
    events[at] = last;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
