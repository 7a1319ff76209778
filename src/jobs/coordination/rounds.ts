import type { Logger } from 'pino';
import type { Clock } from '../domain/clock.js';
import type { Leader } from './leadership.js';

export interface RoundsOptions {
  /** A bounded piece of the work. */
  round: () => Promise<void>;
  /** Absent: always. Otherwise a round is left out while this process does not lead. */
  leader?: Leader;
  /** From the end of one round to the next, in ms. */
  everyMs: () => number;
  /** What is logged of a round that rejects; the next one comes all the same. */
  failure: string;
  clock: Clock;
  log: Logger;
}

/** Does a piece of work again and again, one round after the other. */
export class Rounds {
  #cancelNext: (() => void) | undefined;
  #round: Promise<void> | undefined;
  #isStopped = false;

  constructor(private readonly options: RoundsOptions) {}

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** The first round comes after `everyMs`. */
  start(): void {
    this.#schedule(this.options.everyMs());
  }

  /** The next round begins soon, unless one is under way or none is to be. */
  wake(): void {
    if (this.#cancelNext === undefined) return;
    this.#cancelNext();
    this.#schedule(0);
  }

  /** Resolves when the round that is under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelNext?.();
    await this.#round;
  }

  #schedule(ms: number): void {
    const { clock, log, round, leader, failure } = this.options;
    this.#cancelNext = clock.schedule(ms, () => {
      this.#cancelNext = undefined;
      const isOurs = leader === undefined || leader.epoch !== null;
      this.#round = (isOurs ? round() : Promise.resolve())
        .catch((error: unknown) => log.error({ err: error }, failure))
        .then(() => {
          if (!this.#isStopped) this.start();
        });
    });
  }
}
