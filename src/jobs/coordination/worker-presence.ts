import type { Logger } from 'pino';
import type { AllowedSource } from '../../sources/index.js';
import type { Clock } from '../domain/clock.js';
import type { WorkerStore } from '../store/worker-store.js';
import { inTime, STORE_ANSWER_MS } from './in-time.js';
import { Rounds } from './rounds.js';

export interface WorkerPresenceOptions {
  workers: Pick<WorkerStore, 'present'>;
  /** This start of the process. */
  owner: string;
  /** What it may read. */
  sources: readonly AllowedSource[];
  clock: Clock;
  log: Logger;
}

const SAY_EVERY_MS = 10_000;

/** Says that this process works on jobs, so that others know which sources are read by nobody. */
export class WorkerPresence {
  readonly #rounds: Rounds;
  #isFirst = true;

  constructor(options: WorkerPresenceOptions) {
    const { workers, owner, sources, clock } = options;
    this.#rounds = new Rounds({
      ...options,
      round: () => inTime(clock, STORE_ANSWER_MS, workers.present(owner, sources)),
      everyMs: () => {
        const ms = this.#isFirst ? 0 : SAY_EVERY_MS;
        this.#isFirst = false;
        return ms;
      },
      failure: 'could not say that this process works on jobs',
    });
  }

  start(): void {
    this.#rounds.start();
  }

  /** Others see that it is gone within half a minute: a service that ends waits for nothing that is of so little use. */
  async stop(): Promise<void> {
    await this.#rounds.stop();
  }
}
