import type { Logger } from 'pino';
import { failureDetail } from '../../kafka/index.js';
import type { Clock } from '../domain/clock.js';
import type { PrefixOwnership } from './prefix-ownership.js';
import { Rounds } from './rounds.js';

const CLAIM_EVERY_MS = 1_000;

/** Claims the topic prefix, again and again until it is claimed: brokers may come later than the service. */
export class PrefixClaims {
  readonly #rounds: Rounds;
  #isWarned = false;

  constructor(
    private readonly ownership: PrefixOwnership,
    private readonly log: Logger,
    clock: Clock,
  ) {
    this.#rounds = new Rounds({
      round: () => this.#claim(),
      everyMs: () => CLAIM_EVERY_MS,
      failure: 'claiming the topic prefix failed',
      clock,
      log,
    });
  }

  start(): void {
    this.#rounds.start();
    this.#rounds.wake();
    void this.ownership.claimed.then(() => this.stop());
  }

  async stop(): Promise<void> {
    await this.#rounds.stop();
  }

  async #claim(): Promise<void> {
    try {
      await this.ownership.check();
    } catch (error) {
      if (!this.#isWarned) this.log.warn({ reason: failureDetail(error) }, 'the topic prefix is not claimed, retrying');
      this.#isWarned = true;
    }
  }
}
