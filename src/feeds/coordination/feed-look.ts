import { ServiceError } from '../../errors/index.js';
import type { Clock } from '../../jobs/index.js';
import { parseSourceUri, type Sources } from '../../sources/index.js';
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

/** A listing stops after this time for the other work of its feed, and goes on behind the last file. */
const SLICE_MS = 3_000;

/**
 * Lists a feed's files, from where the last listing has stopped, and remembers those that it is to take. What is wrong with the
 * source is written to the feed. Throws FeedLeaseLost, what the store does, and the signal's reason.
 */
export async function lookForFiles(
  { sources, files, complete, clock }: FeedLookOptions,
  lease: FeedLease,
  signal: AbortSignal,
): Promise<void> {
  const { id, definition, listedTo: after } = lease.feed;
  const until = clock.monotonic() + SLICE_MS;
  if (after === null) complete.begin();
  try {
    const pattern = parseFilePattern(definition.uri, (prefix) => sources.requirePrefix(prefix).path);
    const { enters } = pattern;
    for await (const page of sources.list(pattern.prefix, { after: after ?? undefined, enters, signal })) {
      const own = page.filter(
        ({ uri }) => pattern.takes(parseSourceUri(uri).path) && !isMarker(uri, definition.complete),
      );
      const fresh = await files.unseen(id, definition.again, own);
      await files.add(id, await complete.among(fresh, definition.complete));
      const last = page.at(-1);
      if (last === undefined || clock.monotonic() < until) continue;
      await lease.write({ listedTo: parseSourceUri(last.uri).path });
      return;
    }
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code === 'STORE_UNAVAILABLE') throw error;
    const { code, message } = error;
    await lease.write({ listedTo: null, error: { code, message }, nextLookMs: definition.every * 1_000 });
    return;
  }
  const soonMs = complete.end();
  // A listing of more than one slice is not begun again for a few files.
  const soonest = after === null && soonMs !== null ? soonMs : Number.POSITIVE_INFINITY;
  const nextLookMs = Math.min(soonest, definition.every * 1_000);
  await lease.write({ listedTo: null, looked: true, error: null, nextLookMs });
}
