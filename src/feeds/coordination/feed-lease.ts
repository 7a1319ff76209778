import type { Clock } from '../../jobs/index.js';
import { FEED_LEASE_MS, type FeedChanges, type FeedStore, type HeldFeed } from '../store/feed-store.js';

/** Another process works on the feed, or will. */
export class FeedLeaseLost extends Error {
  override readonly name = 'FeedLeaseLost';
}

/** The time for which this process alone works on a feed. Whatever is done after it was lost must do no harm if it is done twice. */
export class FeedLease {
  #renewedAt: number;

  constructor(
    private readonly parts: { feeds: FeedStore; clock: Clock; owner: string },
    private held: HeldFeed,
  ) {
    this.#renewedAt = parts.clock.monotonic();
  }

  get owner(): string {
    return this.parts.owner;
  }

  /** As it was the last time that it was read. */
  get feed(): HeldFeed {
    return this.held;
  }

  /** Writes changes, and goes on. Throws FeedLeaseLost. */
  async write(changes: FeedChanges): Promise<void> {
    const { feeds, clock, owner } = this.parts;
    const now = clock.monotonic();
    this.held = this.#require(await feeds.renew(this.held.id, owner, changes));
    this.#renewedAt = now;
  }

  /** Sees what users have asked for since, and goes on. Throws FeedLeaseLost. */
  async refresh(): Promise<void> {
    const { feeds, clock, owner } = this.parts;
    if (clock.monotonic() - this.#renewedAt > FEED_LEASE_MS / 3) return this.write({});
    this.held = this.#require(await feeds.look(this.held.id, owner));
  }

  /** Goes on, without a look at what has changed, for work that takes longer than the lease. Throws FeedLeaseLost. */
  async keep(): Promise<void> {
    const { feeds, clock, owner } = this.parts;
    const now = clock.monotonic();
    this.#require(await feeds.renew(this.held.id, owner));
    this.#renewedAt = now;
  }

  /** Has the source listed soon. Throws FeedLeaseLost. */
  async hurry(): Promise<void> {
    await this.parts.feeds.hurry(this.held.id);
    await this.refresh();
  }

  /** Forgets the feed, which is deleted. */
  async forget(): Promise<void> {
    await this.parts.feeds.forget(this.held.id, this.parts.owner);
  }

  /** `afterMs`: as `FeedStore.release`. */
  async release(afterMs: number | null): Promise<void> {
    const { feeds, owner } = this.parts;
    await feeds.release(this.held.id, owner, this.held.revision, afterMs);
  }

  #require(held: HeldFeed | undefined): HeldFeed {
    if (held !== undefined) return held;
    throw new FeedLeaseLost(`The lease of feed ${this.held.id} is lost`);
  }
}
