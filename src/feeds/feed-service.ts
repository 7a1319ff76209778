import type { Page } from '../database/index.js';
import { ServiceError } from '../errors/index.js';
import type { ModelService } from '../models/index.js';
import type { Sources } from '../sources/index.js';
import type { FeedCoordinator } from './coordination/feed-coordinator.js';
import { type Feed, type FeedSummary, type StoredFeed, toSummary } from './domain/feed.js';
import { parseFeed } from './domain/feed-definition.js';
import { type FeedFile, toFeedFile } from './domain/feed-file.js';
import { parseFilePattern } from './domain/file-pattern.js';
import type { FeedFileStore, FileFilter } from './store/feed-file-store.js';
import type { FeedStore } from './store/feed-store.js';

export interface FeedServiceOptions {
  feeds: FeedStore;
  files: FeedFileStore;
  models: Pick<ModelService, 'require'>;
  sources: Sources;
  coordinator: Pick<FeedCoordinator, 'wake'>;
}

/** For the first page of a listing, when a feed is created. */
const FIRST_PAGE_MS = 15_000;

/** What users do with feeds. */
export class FeedService {
  constructor(private readonly options: FeedServiceOptions) {}

  /**
   * A new feed, which begins at once. Throws INVALID_REQUEST, INVALID_OPTION, MISSING_MODEL_ID, MODEL_NOT_FOUND, INVALID_SOURCE,
   * FEED_ALREADY_EXISTS, and what the first page of its listing does (see `Sources.list`).
   */
  async create(body: unknown): Promise<Feed> {
    const { feeds, models, sources, coordinator } = this.options;
    const { id, definition } = parseFeed(body);
    await models.require(definition.modelId);
    const { prefix } = parseFilePattern(definition.uri, (text) => sources.requirePrefix(text).path);
    await this.#list(prefix);
    const feed = await feeds.create(id, definition);
    coordinator.wake();
    return this.#view(feed);
  }

  async list(page: { limit: number; cursor?: string | undefined }): Promise<Page<FeedSummary>> {
    const { items, nextCursor } = await this.options.feeds.list(page);
    return { items: items.map(toSummary), nextCursor };
  }

  /** Throws FEED_NOT_FOUND. */
  async get(id: string): Promise<Feed> {
    return this.#view(await this.#require(id));
  }

  /** A page of the feed's files, those found last first. Throws FEED_NOT_FOUND. */
  async files(id: string, filter: FileFilter): Promise<Page<FeedFile>> {
    await this.#require(id);
    const { items, nextCursor } = await this.options.files.list(id, filter);
    return { items: items.map(toFeedFile), nextCursor };
  }

  /** Its history stays, and its jobs go on. Throws FEED_NOT_FOUND. */
  async delete(id: string): Promise<void> {
    if (!(await this.options.feeds.delete(id))) throw notFound(id);
    this.options.coordinator.wake();
  }

  /** Whether the files can be listed at all. */
  async #list(prefix: string): Promise<void> {
    const signal = AbortSignal.timeout(FIRST_PAGE_MS);
    try {
      for await (const _page of this.options.sources.list(prefix, { signal })) return;
    } catch (error) {
      if (error instanceof ServiceError || !signal.aborted) throw error;
      throw new ServiceError('SOURCE_UNAVAILABLE', `${prefix} could not be listed within ${FIRST_PAGE_MS} ms`, {
        cause: error,
      });
    }
  }

  async #view(feed: StoredFeed): Promise<Feed> {
    const { PENDING, IN_PROGRESS, COMPLETED, FAILED } = await this.options.files.counts(feed.id);
    const files = { pending: PENDING, in_progress: IN_PROGRESS, completed: COMPLETED, failed: FAILED };
    return { ...toSummary(feed), files };
  }

  async #require(id: string): Promise<StoredFeed> {
    const feed = await this.options.feeds.get(id);
    if (feed === undefined) throw notFound(id);
    return feed;
  }
}

function notFound(id: string): ServiceError {
  return new ServiceError('FEED_NOT_FOUND', `There is no feed '${id.length > 63 ? `${id.slice(0, 63)}…` : id}'`);
}
