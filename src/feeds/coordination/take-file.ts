import { catalogue, type ErrorCode, ServiceError } from '../../errors/index.js';
import {
  isResumable,
  isTerminal,
  type JobCommands,
  type JobStore,
  type JobSubmission,
  openGivenSource,
} from '../../jobs/index.js';
import { listedVersion, parseSourceUri, type Sources } from '../../sources/index.js';
import type { FeedDefinition, FeedError } from '../domain/feed.js';
import { jobRequestOf } from '../domain/feed-definition.js';
import { jobKeyOf, type StoredFile } from '../domain/feed-file.js';
import type { FeedFileStore } from '../store/feed-file-store.js';
import { readSha256 } from './completeness.js';

export interface TakeFileOptions {
  sources: Sources;
  files: FeedFileStore;
  jobs: Pick<JobStore, 'get' | 'findByIdempotencyKey'>;
  submission: Pick<JobSubmission, 'accept'>;
  commands: Pick<JobCommands, 'resume'>;
}

/**
 * `begun`: the file has its job. `failed`: it cannot be taken as it is. `postponed`: it may be later. `blocked`: no file of the feed can
 * be taken now.
 */
export type Taken =
  | { readonly kind: 'begun'; readonly jobId: string }
  | { readonly kind: 'failed' | 'postponed' | 'blocked'; readonly error: FeedError };

/** After this number of attempts in a row that met what may pass, a file has failed. */
const MAX_TRIES = 10;
/** The same for files that may not be read, while the source can be listed. */
const MAX_REFUSALS = 3;
const FIRST_DELAY_MS = 30_000;
const MAX_DELAY_MS = 600_000;
/** What is not wrong with one file, but with all. */
const OF_ALL: readonly ErrorCode[] = [
  'MODEL_NOT_FOUND',
  'SOURCE_NOT_ALLOWED',
  'SINK_NOT_CONFIGURED',
  'KAFKA_UNAVAILABLE',
  'KAFKA_REJECTED',
  'KAFKA_UNSUPPORTED',
  'SERVICE_BUSY',
  'TOPIC_LIMIT',
  'INSUFFICIENT_STORAGE',
  'STORAGE_UNAVAILABLE',
];

/**
 * Gives a PENDING file its job, and writes that to the history, or what came of it. A process that is killed in between, or a second
 * one that does the same, finds the job by its Idempotency-Key. Throws STORE_UNAVAILABLE.
 */
export async function takeFile(options: TakeFileOptions, feed: FeedDefinition, found: StoredFile): Promise<Taken> {
  const { files } = options;
  const { file, taken } = await attempt(options, feed, found);
  if (taken.kind === 'begun') await files.begin(file, taken.jobId);
  else if (taken.kind === 'failed') await files.end([{ file, error: taken.error, isDisposed: false }]);
  else if (taken.kind === 'postponed') {
    if (file.tries + 1 < (taken.error.code === 'SOURCE_FORBIDDEN' ? MAX_REFUSALS : MAX_TRIES)) {
      await files.postpone(file, taken.error, Math.min(FIRST_DELAY_MS * 2 ** file.tries, MAX_DELAY_MS));
    } else {
      await files.end([{ file, error: taken.error, isDisposed: false }]);
      return { ...taken, kind: 'failed' };
    }
  }
  return taken;
}

async function attempt(
  options: TakeFileOptions,
  feed: FeedDefinition,
  found: StoredFile,
): Promise<{ file: StoredFile; taken: Taken }> {
  let file = found;
  try {
    const jobId = await resumed(options, file);
    if (jobId !== null) return { file, taken: { kind: 'begun', jobId } };
    if (file.jobId !== null) file = await options.files.beginAttempt(file);
    return { file, taken: { kind: 'begun', jobId: await created(options, feed, file) } };
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code === 'STORE_UNAVAILABLE') throw error;
    const { code, message } = error;
    // Credentials that have expired are those of all files, which a listing tells.
    const mayPass = catalogue[code].retryable === true || code === 'SOURCE_FORBIDDEN';
    const kind = OF_ALL.includes(code) ? 'blocked' : mayPass ? 'postponed' : 'failed';
    return { file, taken: { kind, error: { code, message } } };
  }
}

/** The job of an earlier attempt, if that is not lost: it goes on from its checkpoint. */
async function resumed({ jobs, commands }: TakeFileOptions, { jobId }: StoredFile): Promise<string | null> {
  const job = jobId === null ? undefined : await jobs.get(jobId);
  if (job === undefined) return null;
  const hasSucceeded = job.state === 'SUCCESS' || job.state === 'PARTIAL_SUCCESS';
  if (hasSucceeded || !isTerminal(job.state)) return job.jobId;
  if (!isResumable(job.state, job.error?.code ?? null)) return null;
  try {
    return (await commands.resume(job.jobId)).jobId;
  } catch (error) {
    const isOver = error instanceof ServiceError && ['JOB_STATE_CONFLICT', 'SPOOL_EXPIRED'].includes(error.code);
    if (!isOver) throw error;
    return null;
  }
}

async function created(options: TakeFileOptions, feed: FeedDefinition, file: StoredFile): Promise<string> {
  const { sources, jobs, submission } = options;
  const key = jobKeyOf(file);
  // The file may be another one by now, or be gone: its job has it all the same.
  const earlier = await jobs.findByIdempotencyKey(key);
  if (earlier !== undefined) return earlier.jobId;
  const isHashed = feed.complete !== null && 'marker' in feed.complete && feed.complete.marker === 'sha256';
  const sha256 = isHashed ? await readSha256(sources, file.uri) : null;
  const given = await openGivenSource(sources, file.uri);
  const { scheme } = parseSourceUri(file.uri);
  if (given.source === null || listedVersion(scheme, given.source.version) !== file.version) {
    throw new ServiceError('SOURCE_CHANGED', `${file.uri} was replaced before it was read`);
  }
  try {
    const by = { owner: feed.owner ?? null, parent: null };
    return (await submission.accept(given, jobRequestOf(feed, file.uri, sha256), key, by)).record.jobId;
  } catch (error) {
    // Another process was faster, for the feed as it was before, or its marker.
    const isOther = error instanceof ServiceError && error.code === 'IDEMPOTENCY_KEY_REUSED';
    const other = isOther ? await jobs.findByIdempotencyKey(key) : undefined;
    if (other === undefined) throw error;
    return other.jobId;
  }
}
