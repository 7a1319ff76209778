import type { Logger } from 'pino';
import type { Clock } from '../domain/clock.js';
import { LEADER_LEASE_MS, type LeaderStore } from '../store/leader-store.js';
import { inTime, STORE_ANSWER_MS } from './in-time.js';
import { Rounds } from './rounds.js';

export interface LeadershipOptions {
  store: Pick<LeaderStore, 'acquire' | 'release'>;
  /** This start of the process. */
  owner: string;
  clock: Clock;
  log: Logger;
}

/** What has only one process at a time: it publishes job events, and removes what is to go. */
export interface Leader {
  /** Differs from one time that this process leads to the next; null: it does not lead. */
  readonly epoch: number | null;
}

/** A leader that others may replace. */
export interface ConfirmedLeader extends Leader {
  /** The epoch as the store has it by now. Rejects if the store does. */
  confirm(): Promise<number | null>;
}

/** Injects the ConfirmedLeader. */
export const LEADER = Symbol('Leader');
/** So that there is time for another attempt if one gets no answer for 5 s. */
const RENEW_EVERY_MS = 4_000;

/**
 * Whether this process leads those on one store. A leader that stood still may believe so for longer than it is true: what
 * it does must be fenced, or do no harm if it is done twice.
 */
export class Leadership implements ConfirmedLeader {
  readonly #rounds: Rounds;
  #epoch: number | null = null;
  /** When the lease ends at the earliest, by the monotonic clock. */
  #until = 0;

  constructor(private readonly options: LeadershipOptions) {
    this.#rounds = new Rounds({
      ...options,
      round: () => this.#acquire(),
      everyMs: () => RENEW_EVERY_MS,
      failure: 'could not find out which process leads',
    });
  }

  get epoch(): number | null {
    return this.options.clock.monotonic() < this.#until ? this.#epoch : null;
  }

  async confirm(): Promise<number | null> {
    await this.#acquire();
    return this.epoch;
  }

  /** Leads as soon as no other process does, until `stop`. */
  start(): void {
    this.#rounds.start();
    this.#rounds.wake();
  }

  async stop(): Promise<void> {
    await this.#rounds.stop();
    if (this.#epoch === null) return;
    this.#epoch = null;
    // If the store is away, the lease ends by itself.
    await this.options.store.release(this.options.owner).catch(() => undefined);
  }

  async #acquire(): Promise<void> {
    const { store, owner, clock, log } = this.options;
    const until = clock.monotonic() + LEADER_LEASE_MS;
    const epoch = (await inTime(clock, STORE_ANSWER_MS, store.acquire(owner))) ?? null;
    if (epoch !== this.#epoch) {
      if (epoch !== null) log.info({ epoch }, 'this process leads: it publishes job events and removes what is to go');
      else log.warn('this process does not lead any more');
    }
    this.#epoch = epoch;
    this.#until = until;
  }
}
