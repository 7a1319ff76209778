import type { Logger } from 'pino';
import type { Clock } from '../domain/clock.js';
import type { JobCoordinator } from './coordinator.js';
import { Rounds } from './rounds.js';

export interface BrokerWatchOptions {
  coordinator: Pick<JobCoordinator, 'brokerAway' | 'brokerAnswers'>;
  /** Rejects if no broker answers. */
  checkKafka: () => Promise<void>;
  clock: Clock;
  log: Logger;
}

const LOOK_EVERY_MS = 5_000;

/** Tells the coordinator every 5 s whether a broker answers. */
export class BrokerWatch {
  readonly #rounds: Rounds;

  constructor(private readonly options: BrokerWatchOptions) {
    this.#rounds = new Rounds({
      ...options,
      round: () => this.#look(),
      everyMs: () => LOOK_EVERY_MS,
      failure: 'could not take up again what waits for a broker',
    });
  }

  start(): void {
    this.#rounds.start();
  }

  async stop(): Promise<void> {
    await this.#rounds.stop();
  }

  async #look(): Promise<void> {
    const { coordinator, checkKafka } = this.options;
    try {
      await checkKafka();
    } catch {
      // The readiness probe reports it; here it only stops the jobs' clocks.
      coordinator.brokerAway();
      return;
    }
    await coordinator.brokerAnswers();
  }
}
