import type { Logger } from 'pino';
import { type Clock, Rounds } from '../../jobs/index.js';
import type { FolderWatch, Sources } from '../../sources/index.js';
import { isIgnored, parseFilePattern } from '../domain/file-pattern.js';
import type { FeedStore } from '../store/feed-store.js';

export interface FolderWatchesOptions {
  feeds: Pick<FeedStore, 'local' | 'hurry'>;
  sources: Pick<Sources, 'requirePrefix' | 'watch'>;
  /** A feed is due. */
  wake: () => void;
  clock: Clock;
  log: Logger;
}

const CHECK_EVERY_MS = 5_000;
/** The system has few watches; the feeds beyond find their files by listing. */
const MAX_FOLDERS = 100;
/** Files that come together are one reason to look. */
const GATHER_MS = 500;

interface Watched {
  watch: FolderWatch;
  uri: string;
}

/**
 * Has feeds of local folders look as soon as a file appears, instead of after `every` seconds. What the system does not tell
 * of (files on network mounts, in folders below, those that are overwritten) is found by the next listing.
 */
export class FolderWatches {
  readonly #rounds: Rounds;
  /** By the feed's id. */
  readonly #watched = new Map<string, Watched>();
  /** Feeds that are about to look, and what calls that off. */
  readonly #gathering = new Map<string, () => void>();

  constructor(private readonly options: FolderWatchesOptions) {
    this.#rounds = new Rounds({
      ...options,
      round: () => this.#compare(),
      everyMs: () => CHECK_EVERY_MS,
      failure: 'watching the folders of feeds failed',
    });
  }

  start(): void {
    this.#rounds.start();
    this.#rounds.wake();
  }

  async stop(): Promise<void> {
    await this.#rounds.stop();
    for (const id of this.#watched.keys()) this.#forget(id);
  }

  /** Watches what feeds there are now, and folders that have come back. */
  async #compare(): Promise<void> {
    const feeds = new Map((await this.options.feeds.local(MAX_FOLDERS)).map(({ id, uri }) => [id, uri]));
    for (const [id, { watch, uri }] of this.#watched) {
      if (feeds.get(id) !== uri || !(await watch.isAlive())) this.#forget(id);
    }
    for (const [id, uri] of feeds) if (!this.#watched.has(id)) await this.#watch(id, uri);
  }

  async #watch(id: string, uri: string): Promise<void> {
    const { sources } = this.options;
    try {
      const { prefix } = parseFilePattern(uri, (text) => sources.requirePrefix(text).path);
      const watch = await sources.watch(prefix, (name) => {
        // It may be a marker.
        if (!isIgnored(name)) this.#gather(id);
      });
      this.#watched.set(id, { watch, uri });
      // A file may have come just before.
      this.#gather(id);
    } catch {
      // The feed's listing says what is wrong with its folder; it may be mended at any time.
    }
  }

  #gather(id: string): void {
    if (this.#gathering.has(id)) return;
    const { feeds, wake, clock, log } = this.options;
    const cancel = clock.schedule(GATHER_MS, () => {
      this.#gathering.delete(id);
      feeds.hurry(id).then(wake, (error: unknown) => {
        log.warn({ err: error, feed: id }, 'could not have a feed look at its folder; its next listing does');
      });
    });
    this.#gathering.set(id, cancel);
  }

  #forget(id: string): void {
    this.#watched.get(id)?.watch.close();
    this.#watched.delete(id);
    this.#gathering.get(id)?.();
    this.#gathering.delete(id);
  }
}
