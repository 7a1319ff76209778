import { createHash } from 'node:crypto';
import { catalogue, type ErrorCode } from '../../errors/index.js';
import type { ListedFile } from '../../sources/index.js';
import type { FeedError } from './feed.js';

export const FILE_STATES = ['PENDING', 'IN_PROGRESS', 'COMPLETED', 'FAILED'] as const;
/** PENDING: it is to be taken. IN_PROGRESS: it has a job. The others: how that ended. */
export type FileState = (typeof FILE_STATES)[number];

/** PENDING: it is to be moved or deleted. KEPT: it was not, or cannot be. */
export type AfterState = 'PENDING' | 'MOVED' | 'DELETED' | 'KEPT';

/** One version of a file that a feed has found. Times are ISO 8601 in UTC. */
export interface StoredFile {
  readonly fileKey: string;
  readonly feedId: string;
  readonly uri: string;
  /** As listings show it. */
  readonly version: string;
  readonly sizeBytes: number;
  readonly modifiedAt: string;
  readonly state: FileState;
  /** Attempts to take it that failed for a reason that may pass. */
  readonly tries: number;
  /** 1 + the number of retries. */
  readonly attempt: number;
  /** That of the last attempt; null: it has none yet. */
  readonly jobId: string | null;
  readonly error: FeedError | null;
  /** What has become of the file itself; null: nothing was to. */
  readonly after: AfterState | null;
  /** Why it was kept, or is not moved or deleted yet. */
  readonly afterMessage: string | null;
  readonly foundAt: string;
  readonly updatedAt: string;
  readonly finishedAt: string | null;
}

/** The same as users see it (openapi: FeedFile). */
export interface FeedFile {
  file_id: string;
  uri: string;
  version: string;
  size_bytes: number;
  modified_at: string;
  state: FileState;
  attempt: number;
  job_id: string | null;
  error: { code: ErrorCode; message: string; hint: string } | null;
  after: AfterState | null;
  after_message: string | null;
  found_at: string;
  updated_at: string;
  finished_at: string | null;
}

/** What a file is recognized by: the same for the same version under the same URI, in whatever listing. 128 bits as text. */
export function fileKeyOf(feedId: string, { uri, version }: Pick<ListedFile, 'uri' | 'version'>): string {
  return hashOf(feedId, uri, version);
}

/** The same for all versions of a file. */
export function uriKeyOf(feedId: string, uri: string): string {
  return hashOf(feedId, uri);
}

/** The Idempotency-Key of the file's job: whoever takes it, and however often, there is one job for an attempt. */
export function jobKeyOf({ fileKey, attempt }: Pick<StoredFile, 'fileKey' | 'attempt'>): string {
  return `feed:${fileKey}:${attempt}`;
}

export function toFeedFile({ error, ...file }: StoredFile): FeedFile {
  return {
    file_id: file.fileKey,
    uri: file.uri,
    version: file.version,
    size_bytes: file.sizeBytes,
    modified_at: file.modifiedAt,
    state: file.state,
    attempt: file.attempt,
    job_id: file.jobId,
    error: error && { ...error, hint: hintOf(error, file) },
    after: file.after,
    after_message: file.afterMessage,
    found_at: file.foundAt,
    updated_at: file.updatedAt,
    finished_at: file.finishedAt,
  };
}

function hintOf({ code }: FeedError, { feedId, jobId }: Pick<StoredFile, 'feedId' | 'jobId'>): string {
  const retry = `POST /feeds/${feedId}/retry`;
  const hint = catalogue[code].hint
    .replaceAll('POST /jobs/{id}/resume', retry)
    .replace(/([Aa]) failed job can (then )?be resumed/, '$1 failed file can $2be taken again')
    .replaceAll('/feeds/{id}', `/feeds/${feedId}`);
  // It may have no job.
  return jobId === null ? hint : hint.replaceAll('/jobs/{id}', `/jobs/${jobId}`);
}

function hashOf(...texts: string[]): string {
  return createHash('sha256').update(texts.join('\0')).digest('base64url').slice(0, 22);
}
