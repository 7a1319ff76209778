import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Clock, Rounds } from '../../jobs/index.js';
import { FEED_LEASE_MS, type FeedStore, type HeldFeed } from '../store/feed-store.js';
import { CompleteFiles } from './completeness.js';
import { FeedLease, FeedLeaseLost } from './feed-lease.js';
import { FeedRound, type FeedRoundOptions } from './feed-round.js';

export interface FeedCoordinatorOptions extends Omit<FeedRoundOptions, 'complete'> {
  feeds: FeedStore;
  /** No other process has the store. */
  isAlone: boolean;
  /** This start of the process. */
  owner: string;
  clock: Clock;
  log: Logger;
}

/** Feeds that this process works on at the same time. */
const MAX_FEEDS = 8;
const CHECK_EVERY_MS = 500;
/** A feed that has something to do so soon again is not given back in between. */
const KEPT_FOR_MS = 500;
/** Feeds of which it is remembered since when files are the same. */
const MAX_REMEMBERED = 1_000;
/** After a failure of the store. */
const RETRY_MS = 5_000;

/** Works on the feeds that are due, each under its lease: of several processes on one store, one works on a feed. */
export class FeedCoordinator {
  readonly #rounds: Rounds;
  readonly #running = new Map<string, Promise<void>>();
  /** What was seen of the files of a feed, by its id. */
  readonly #complete = new Map<string, CompleteFiles>();
  #areReleased = false;
  readonly #stop = new AbortController();

  constructor(private readonly options: FeedCoordinatorOptions) {
    this.#rounds = new Rounds({
      ...options,
      round: () => this.#begin(),
      everyMs: () => CHECK_EVERY_MS,
      failure: 'looking for feeds that are due failed',
    });
  }

  /** Works on feeds from now on, until `stop`. */
  start(): void {
    this.#rounds.start();
    this.#rounds.wake();
  }

  /** A feed is due. */
  wake(): void {
    this.#rounds.wake();
  }

  /** Resolves when no feed is worked on any more. Listings stop where they are, and go on from there. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#rounds.stop();
    await Promise.all(this.#running.values());
  }

  async #begin(): Promise<void> {
    const { feeds, owner, isAlone } = this.options;
    if (isAlone && !this.#areReleased) await feeds.releaseAll();
    this.#areReleased = true;
    while (this.#running.size < MAX_FEEDS && !this.#stop.signal.aborted) {
      const feed = await feeds.claim(owner, [...this.#running.keys()]);
      if (feed === undefined) return;
      const work = this.#work(feed).finally(() => {
        this.#running.delete(feed.id);
        this.#rounds.wake();
      });
      this.#running.set(feed.id, work);
    }
  }

  #completeOf(id: string): CompleteFiles {
    const known = this.#complete.get(id) ?? new CompleteFiles(this.options.sources, this.options.clock);
    // The one that was used last is the last.
    this.#complete.delete(id);
    this.#complete.set(id, known);
    for (const oldest of this.#complete.keys()) {
      if (this.#complete.size <= MAX_REMEMBERED) break;
      this.#complete.delete(oldest);
    }
    return known;
  }

  /** Never rejects: a feed that could not be worked on is claimed again. */
  async #work(feed: HeldFeed): Promise<void> {
    const { log } = this.options;
    const lost = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, lost.signal]);
    const lease = new FeedLease(this.options, feed);
    const beats = new Rounds({
      ...this.options,
      // One page of a listing, or one file, may take longer than the lease.
      round: () =>
        lease.keep().catch((error: unknown) => {
          if (!(error instanceof FeedLeaseLost)) throw error;
          lost.abort(error);
        }),
      everyMs: () => FEED_LEASE_MS / 3,
      failure: 'renewing the lease of a feed failed',
    });
    beats.start();
    const options = { ...this.options, complete: this.#completeOf(feed.id) };
    let afterMs: number | null = RETRY_MS;
    try {
      for (;;) {
        afterMs = await new FeedRound(options, lease, signal).run();
        // Other feeds may wait for the place.
        if (afterMs === null || afterMs > KEPT_FOR_MS || this.#running.size >= MAX_FEEDS || signal.aborted) break;
        await sleep(afterMs, undefined, { signal });
      }
    } catch (error) {
      if (error instanceof FeedLeaseLost || lost.signal.aborted) {
        return log.warn({ feed: feed.id }, 'lost the lease of a feed');
      }
      if (signal.aborted) afterMs = 0;
      else log.error({ err: error, feed: feed.id }, 'working on a feed failed, retrying');
    } finally {
      await beats.stop();
    }
    try {
      await lease.release(afterMs);
    } catch (error) {
      log.warn({ err: error, feed: feed.id }, 'could not give back a feed; its lease ends by itself');
    }
  }
}
