import type { Logger } from 'pino';
import type { Clock } from '../domain/clock.js';
import type { Leader } from './leadership.js';
import { Rounds } from './rounds.js';

export interface LeaderReadingOptions<T> {
  read: () => Promise<T>;
  everyMs: number;
  leader: Leader;
  clock: Clock;
  log: Logger;
  /** What is logged if a reading rejects. */
  failure: string;
}

/** What the leader alone reads from time to time, so that sums over processes count it once. */
export class LeaderReading<T> {
  readonly #rounds: Rounds;
  #last: { value: T; at: number } | null = null;

  constructor(private readonly options: LeaderReadingOptions<T>) {
    this.#rounds = new Rounds({
      ...options,
      everyMs: () => options.everyMs,
      round: async () => {
        this.#last = { value: await options.read(), at: options.clock.monotonic() };
      },
    });
  }

  /** null: another process leads, or nothing was read for three rounds. */
  get current(): T | null {
    const { leader, clock, everyMs } = this.options;
    if (leader.epoch === null || this.#last === null) return null;
    return clock.monotonic() - this.#last.at > 3 * everyMs ? null : this.#last.value;
  }

  /** The first reading comes soon. */
  start(): void {
    this.#rounds.start();
    this.#rounds.wake();
  }

  async stop(): Promise<void> {
    await this.#rounds.stop();
  }
}
