import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Access } from '../auth/index.js';
import type { Page } from '../database/index.js';
import { ServiceError } from '../errors/index.js';
import type { ModelService } from '../models/index.js';
import { parseSourceUri, type Sources, type SourceUri } from '../sources/index.js';
import type { FeedCoordinator } from './coordination/feed-coordinator.js';
import { urisOfEvents } from './domain/cloud-event.js';
import { type Feed, type FeedDefinition, type FeedSummary, type StoredFeed, toSummary } from './domain/feed.js';
import { parseFeed, parseRetry } from './domain/feed-definition.js';
import { type FeedFile, toFeedFile } from './domain/feed-file.js';
import { type FilePattern, parseFilePattern } from './domain/file-pattern.js';
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
   * FEED_ALREADY_EXISTS, FORBIDDEN, and what the first page of its listing does (see `Sources.list`).
   */
  async create(body: unknown, access: Access): Promise<Feed> {
    const { feeds, models, sources, coordinator } = this.options;
    const { id, definition, secret } = parseFeed(body);
    access.requireModel(definition.modelId);
    await models.require(definition.modelId);
    const pathOf = (prefix: string): string => sources.requirePrefix(prefix).path;
    const pattern = parseFilePattern(definition.uri, pathOf);
    requireElsewhere(definition, pattern, pathOf);
    if (definition.after !== 'keep' || definition.afterPartial !== 'keep') {
      const moves = definition.moveTo !== null;
      sources.requireDisposal(sources.requirePrefix(pattern.prefix), moves);
    }
    await this.#list(pattern.prefix);
    const feed = await feeds.create(
      id,
      { ...definition, owner: access.key?.name ?? null },
      secret === null ? null : hashOf(secret),
    );
    coordinator.wake();
    return this.#view(feed);
  }

  /** A page of feeds, newest first; without those that `access` is not for, so that it may have less than `limit`. */
  async list(page: { limit: number; cursor?: string | undefined }, access: Access): Promise<Page<FeedSummary>> {
    const { items, nextCursor } = await this.options.feeds.list(page);
    const seen = items.filter(({ definition }) => access.mayUse(definition.modelId));
    return { items: seen.map(toSummary), nextCursor };
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

  /** Neither lists nor takes files any more; the jobs that there are go on. Throws FEED_NOT_FOUND. */
  async pause(id: string): Promise<Feed> {
    return this.#changed(id, await this.options.feeds.setState(id, 'PAUSED'));
  }

  /** Goes on, with a listing at once; failures are counted anew. Throws FEED_NOT_FOUND. */
  async resume(id: string): Promise<Feed> {
    return this.#changed(id, await this.options.feeds.setState(id, 'ACTIVE'));
  }

  /**
   * Takes files that FAILED again: those of these ids, or all. A job that can be resumed is; others are created anew, for the version
   * that the file had. Throws FEED_NOT_FOUND, INVALID_REQUEST.
   */
  async retry(id: string, body: unknown): Promise<{ retried: number }> {
    const { feeds, files, coordinator } = this.options;
    const keys = parseRetry(body);
    await this.#require(id);
    const retried = await files.retry(id, keys);
    await feeds.wake(id);
    coordinator.wake();
    return { retried };
  }

  /**
   * Throws FEED_SECRET_WRONG unless `authorization`, the header, has the secret of the feed's notifications: a feed that has
   * none and one that is not there are refused alike, after the same time.
   */
  async requireSecret(id: string, authorization: string | undefined): Promise<void> {
    const [, secret = ''] = /^Bearer +(\S+) *$/i.exec(authorization ?? '') ?? [];
    const expected = (await this.options.feeds.get(id))?.secretHash ?? hashOf(randomUUID());
    if (timingSafeEqual(Buffer.from(hashOf(secret), 'hex'), Buffer.from(expected, 'hex'))) return;
    throw new ServiceError('FEED_SECRET_WRONG', 'There is no feed with this id and this secret');
  }

  /**
   * Takes CloudEvents as a hint that there may be new files: what they tell of is looked for in the source, as in every listing.
   * Throws FEED_NOT_FOUND, INVALID_REQUEST. The secret was asked for before.
   */
  async notify(id: string, body: unknown, isBinary: boolean): Promise<void> {
    const { feeds, sources, coordinator } = this.options;
    const { definition } = await this.#require(id);
    const uris = urisOfEvents(body, isBinary);
    const pattern = parseFilePattern(definition.uri, (prefix) => sources.requirePrefix(prefix).path);
    const isOwn = uris === null || uris.some((uri) => isInFeed(uri, sources.requirePrefix(pattern.prefix)));
    if (!isOwn) return;
    await feeds.hurry(id);
    coordinator.wake();
  }

  /** Its history stays, and its jobs go on. Throws FEED_NOT_FOUND. */
  async delete(id: string): Promise<void> {
    if (!(await this.options.feeds.delete(id))) throw feedNotFound(id);
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

  async #changed(id: string, feed: StoredFeed | undefined): Promise<Feed> {
    if (feed === undefined) throw feedNotFound(id);
    this.options.coordinator.wake();
    return this.#view(feed);
  }

  async #view(feed: StoredFeed): Promise<Feed> {
    const { PENDING, IN_PROGRESS, COMPLETED, FAILED } = await this.options.files.counts(feed.id);
    const files = { pending: PENDING, in_progress: IN_PROGRESS, completed: COMPLETED, failed: FAILED };
    return { ...toSummary(feed), files };
  }

  async #require(id: string): Promise<StoredFeed> {
    const feed = await this.options.feeds.get(id);
    if (feed === undefined) throw feedNotFound(id);
    return feed;
  }
}

/** What is moved is not to be found again. */
function requireElsewhere(
  { moveTo }: Pick<FeedDefinition, 'moveTo'>,
  pattern: FilePattern,
  pathOf: (prefix: string) => string,
): void {
  if (moveTo === null) return;
  const schemeOf = (uri: string): string => uri.slice(0, uri.indexOf(':')).toLowerCase();
  if (schemeOf(moveTo) !== schemeOf(pattern.prefix)) {
    throw new ServiceError('INVALID_REQUEST', 'move_to must be of the same kind as the source');
  }
  const path = pathOf(moveTo);
  const from = pathOf(pattern.prefix);
  if (path === from.slice(0, from.lastIndexOf('/') + 1)) {
    throw new ServiceError('INVALID_REQUEST', 'move_to must not be the folder that the files are in');
  }
  if (path.startsWith(pathOf(pattern.prefix)) && (pattern.isTree || pattern.takes(`${path}x`))) {
    throw new ServiceError('INVALID_REQUEST', 'move_to must not be where the feed finds files');
  }
}

/** Markers beside files count, too: they are why files may be taken by now. */
function isInFeed(text: string, prefix: SourceUri): boolean {
  try {
    // There are several spellings of one URI.
    const { scheme, authority, path } = parseSourceUri(text);
    return scheme === prefix.scheme && authority === prefix.authority && path.startsWith(prefix.path);
  } catch (error) {
    if (error instanceof ServiceError) return false;
    throw error;
  }
}

export function feedNotFound(id: string): ServiceError {
  return new ServiceError('FEED_NOT_FOUND', `There is no feed '${id.length > 63 ? `${id.slice(0, 63)}…` : id}'`);
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
