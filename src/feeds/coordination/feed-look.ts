import { type ErrorCode, ServiceError } from '../../errors/index.js';
import type { Clock } from '../../jobs/index.js';
import { parseSourceUri, type Sources } from '../../sources/index.js';
import type { StoredFeed } from '../domain/feed.js';
import { parseFilePattern } from '../domain/file-pattern.js';
import type { FeedFileStore } from '../store/feed-file-store.js';
import { type CompleteFiles, isMarker } from './completeness.js';
import type { FeedLease } from './feed-lease.js';

export interface FeedLookOptions {
  sources: Sources;
  files: FeedFileStore;
  /** What is known of this feed's files. */
  complete: CompleteFiles;
  clock: Clock;
}

/**
 * A listing stops after this time for the other work of its feed, and goes on behind the last file; or after the time until its
 * first page, if that is longer: a large folder is read anew each time.
 */
const SLICE_MS = 3_000;
/** Time in ms until a source that could not be listed is asked again, if listings are rarer. */
const RETRY_MS = 60_000;
/** A listing that stands still for this time in ms begins anew: what it has shown is to be remembered for as long as it is there. */
const STALE_MS = 86_400_000;
/** What is wrong with a source of which a listing tells. */
const UNLISTED: readonly ErrorCode[] = [
  'SOURCE_NOT_FOUND',
  'SOURCE_FORBIDDEN',
  'SOURCE_UNAVAILABLE',
  'SOURCE_UNSUPPORTED',
  'INVALID_SOURCE',
];

/** Whether the source could not be listed the last time: until it can, it is not asked for single files, which would fail. */
export function isUnlisted({ error }: Pick<StoredFeed, 'error'>): boolean {
  return error !== null && UNLISTED.includes(error.code);
}

/**
 * Lists a feed's files, from where the last listing has stopped, and remembers those that it is to take. What is wrong with the
 * source is written to the feed. Throws FeedLeaseLost, what the store does, and the signal's reason.
 */
export async function lookForFiles(
  { sources, files, complete, clock }: FeedLookOptions,
  lease: FeedLease,
  signal: AbortSignal,
): Promise<void> {
  const { id, definition, listedTo, untilLookMs, revision } = lease.feed;
  const after = untilLookMs < -STALE_MS ? null : listedTo;
  const began = clock.monotonic();
  let until: number | null = null;
  if (after === null) complete.begin(revision);
  let reached = after;
  try {
    const pattern = parseFilePattern(definition.uri, (prefix) => sources.requirePrefix(prefix).path);
    const { enters } = pattern;
    for await (const page of sources.list(pattern.prefix, { after: after ?? undefined, enters, signal })) {
      const now = clock.monotonic();
      until ??= now + Math.max(SLICE_MS, now - began);
      const own = page.filter(
        ({ uri }) => pattern.takes(parseSourceUri(uri).path) && !isMarker(uri, definition.complete),
      );
      const fresh = await files.unseen(id, definition.again, own);
      await files.add(id, await complete.among(fresh, definition.complete), lease.owner);
      const last = page.at(-1);
      if (last === undefined) continue;
      reached = parseSourceUri(last.uri).path;
      if (clock.monotonic() < until) continue;
      await lease.write({ listedTo: reached });
      return;
    }
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code === 'STORE_UNAVAILABLE') throw error;
    const { code, message } = error;
    // It goes on where it was, or it might never end; but not again and again at a place behind which it cannot come.
    const goesOn = code === 'SOURCE_UNAVAILABLE' && reached !== after;
    const nextLookMs = Math.min(definition.every * 1_000, RETRY_MS);
    await lease.write({ listedTo: goesOn ? reached : null, error: { code, message }, nextLookMs });
    return;
  }
  const soonMs = complete.end();
  // A listing of more than one slice is not begun again for a few files.
  const soonest = after === null && soonMs !== null ? soonMs : Number.POSITIVE_INFINITY;
  const nextLookMs = Math.min(soonest, definition.every * 1_000);
  await lease.write({ listedTo: null, looked: true, error: null, nextLookMs, since: complete.revision });
}
