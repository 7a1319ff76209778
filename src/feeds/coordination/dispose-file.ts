import { catalogue, ServiceError } from '../../errors/index.js';
import { parseSourceUri, type Sources } from '../../sources/index.js';
import type { FeedDefinition } from '../domain/feed.js';
import { parseFilePattern } from '../domain/file-pattern.js';
import type { AfterFile, FeedFileStore } from '../store/feed-file-store.js';

export interface DisposeFileOptions {
  sources: Pick<Sources, 'dispose' | 'requirePrefix'>;
  files: Pick<FeedFileStore, 'disposed' | 'disposeLater'>;
}

const FIRST_DELAY_MS = 10_000;
const MAX_DELAY_MS = 600_000;

/**
 * Moves or deletes a file whose rows were delivered, once they are in all sinks of its job, and writes that to the history. It acts
 * only on the version that the job has read: another one was read by nobody, and stays. Throws STORE_UNAVAILABLE.
 */
export async function disposeOfFile(
  { sources, files }: DisposeFileOptions,
  feed: FeedDefinition,
  { file, job }: AfterFile,
): Promise<void> {
  const after = job?.state === 'PARTIAL_SUCCESS' ? feed.afterPartial : feed.after;
  if (job?.source == null) return files.disposed(file, 'KEPT', `Job ${file.jobId} was purged before`);
  if (after === 'keep') return files.disposed(file, 'KEPT', null);
  const waitsFor = job.sinks.find(({ state }) => state !== 'LOADED');
  if (waitsFor !== undefined) {
    const message = `The rows are not in ${waitsFor.name} yet (${waitsFor.state})`;
    return files.disposeLater(file, message, delayAfter(file.tries));
  }
  try {
    const target = after === 'move' && feed.moveTo !== null ? targetOf(sources, feed, feed.moveTo, file.uri) : null;
    await sources.dispose(job.source, file.fileKey, target);
    return await files.disposed(file, after === 'move' ? 'MOVED' : 'DELETED', null);
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code === 'STORE_UNAVAILABLE') throw error;
    const { code, message } = error;
    const mayPass = catalogue[code].retryable === true || code === 'SOURCE_FORBIDDEN';
    if (mayPass) return files.disposeLater(file, message, delayAfter(file.tries));
    return files.disposed(file, 'KEPT', message);
  }
}

/** Below `moveTo` as it was below the prefix that the feed lists. */
function targetOf(sources: DisposeFileOptions['sources'], feed: FeedDefinition, moveTo: string, uri: string): string {
  const pathOf = (prefix: string): string => sources.requirePrefix(prefix).path;
  const from = pathOf(parseFilePattern(feed.uri, pathOf).prefix);
  const folder = from.slice(0, from.lastIndexOf('/') + 1);
  const { path } = parseSourceUri(uri);
  if (path.startsWith(folder)) return pathOf(moveTo) + path.slice(folder.length);
  // A deleted feed of the same id has found it elsewhere.
  throw new ServiceError('SOURCE_UNSUPPORTED', `${uri} is not where the feed finds files by now`);
}

function delayAfter(tries: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** Math.min(tries, 10), MAX_DELAY_MS);
}
