import type { Logger } from 'pino';
import type { Clock } from '../domain/clock.js';
import type { JobNotifier } from '../queue/job-notifier.js';
import type { LeaseStore } from '../store/lease-store.js';
import type { JobCoordinator } from './coordinator.js';
import { inTime, STORE_ANSWER_MS } from './in-time.js';
import { Rounds } from './rounds.js';

export interface LeaseKeeperOptions {
  leases: Pick<LeaseStore, 'renew' | 'releaseLapsed'>;
  coordinator: Pick<JobCoordinator, 'heldLeases' | 'leaseLost'>;
  notifier: Pick<JobNotifier, 'notify'>;
  /** This start of the process, as the owner of what it claims. */
  owner: string;
  clock: Clock;
  log: Logger;
}

/** A lease lasts for six times as long. */
const RENEW_EVERY_MS = 5_000;
/** After an outage of the store all leases may have lapsed: who has one renews it first. */
const OTHERS_RENEW_WITHIN_MS = 10_000;

/** Renews the leases of this process's jobs, and ends those that another one has let lapse. */
export class LeaseKeeper {
  readonly #rounds: Rounds;
  /** Since when the store has answered, by the monotonic clock; null: it does not. */
  #answersSince: number | null = null;

  constructor(private readonly options: LeaseKeeperOptions) {
    this.#rounds = new Rounds({
      ...options,
      round: () => this.#keep(),
      everyMs: () => RENEW_EVERY_MS,
      failure: 'could not renew the leases of jobs',
    });
  }

  start(): void {
    this.#rounds.start();
  }

  async stop(): Promise<void> {
    await this.#rounds.stop();
  }

  async #keep(): Promise<void> {
    try {
      await this.#renew();
      await this.#releaseLapsed();
    } catch (error) {
      // Jobs under way go on: they are ours until somebody else claims them.
      this.#answersSince = null;
      throw error;
    }
  }

  async #renew(): Promise<void> {
    const { leases, coordinator, owner, clock } = this.options;
    const held = coordinator.heldLeases;
    const renewed = await inTime(clock, STORE_ANSWER_MS, leases.renew(held, owner));
    for (const lease of held) if (!renewed.has(lease.jobId)) coordinator.leaseLost(lease);
  }

  async #releaseLapsed(): Promise<void> {
    const { leases, clock, notifier, log } = this.options;
    const now = clock.monotonic();
    this.#answersSince ??= now;
    if (now - this.#answersSince < OTHERS_RENEW_WITHIN_MS) return;
    for (const jobId of await inTime(clock, STORE_ANSWER_MS, leases.releaseLapsed())) {
      log.warn({ job_id: jobId }, 'the lease of a job has lapsed: its worker is gone');
      notifier.notify(jobId);
    }
  }
}
