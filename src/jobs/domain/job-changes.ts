import type { Updateable } from 'kysely';
import type { JobsTable } from '../../database/index.js';
import { type Clock, isoTime } from './clock.js';
import type { NewJob, StoredJob } from './stored-job.js';

/** What may be written to a job after its creation. Absent members stay as they are. */
export type JobChanges = Partial<
  Pick<
    StoredJob,
    | 'state'
    | 'crashes'
    | 'attempt'
    | 'fileColumns'
    | 'checkpoint'
    | 'checkpointVerified'
    | 'bytesDone'
    | 'pendingError'
    | 'error'
    | 'spooled'
    | 'waitingMs'
    | 'processingMs'
    | 'phaseSince'
    | 'startedAt'
    | 'finishedAt'
  > & {
    /** Nobody works on the job any more. */
    leaseOwner: null;
    /** In how many ms the job may be claimed; null: it needs no runner. */
    runAfterMs: number | null;
  }
>;

/** The columns that the changes touch, as they are stored. `now`: by the store's clock, in ms since the epoch. */
export function changedColumns(changes: JobChanges, now: number): Updateable<JobsTable> {
  const columns: Updateable<JobsTable> = {
    state: changes.state,
    crashes: changes.crashes,
    attempt: changes.attempt,
    file_columns: json(changes.fileColumns),
    checkpoint: json(changes.checkpoint),
    checkpoint_verified: flag(changes.checkpointVerified),
    bytes_done: changes.bytesDone,
    spooled: flag(changes.spooled),
    waiting_ms: changes.waitingMs,
    processing_ms: changes.processingMs,
    phase_since: changes.phaseSince,
    started_at: changes.startedAt,
    finished_at: changes.finishedAt,
    lease_owner: changes.leaseOwner,
    run_after: typeof changes.runAfterMs === 'number' ? now + changes.runAfterMs : changes.runAfterMs,
  };
  if (changes.state !== undefined) columns.seen_ended = null;
  if (changes.pendingError !== undefined) {
    columns.pending_error_code = changes.pendingError?.code ?? null;
    columns.pending_error_message = changes.pendingError?.message ?? null;
  }
  if (changes.error !== undefined) {
    columns.error_code = changes.error?.code ?? null;
    columns.error_message = changes.error?.message ?? null;
  }
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
}

/** The row of a job that `owner` begins to create, without its place in the order. */
export function newRow(job: NewJob, owner: string, clock: Clock): Omit<JobsTable, 'seq'> {
  const createdAt = isoTime(clock.now());
  const now = clock.steady();
  return {
    job_id: job.jobId,
    idempotency_key: job.idempotencyKey,
    model_id: job.modelId,
    model_version: job.modelVersion,
    state: 'PENDING',
    revision: 1,
    published_revision: 0,
    phase: 'CREATING',
    phase_owner: owner,
    lease: 0,
    lease_owner: null,
    run_after: now,
    crashes: 0,
    attempt: 1,
    topic_prefix: job.topicPrefix,
    filename: job.filename,
    format: job.format,
    size_bytes: job.sizeBytes,
    sha256: job.sha256,
    requested_options: job.requestedOptions === null ? null : JSON.stringify(job.requestedOptions),
    metadata: JSON.stringify(job.metadata),
    dialect: JSON.stringify(job.dialect),
    options: JSON.stringify(job.options),
    source_encoding: JSON.stringify(job.sourceEncoding),
    file_columns: null,
    checkpoint: null,
    // Nothing was ever sent for it, so nothing is committed.
    checkpoint_verified: 1,
    bytes_done: 0,
    pending_error_code: null,
    pending_error_message: null,
    error_code: null,
    error_message: null,
    spooled: 1,
    waiting_ms: 0,
    processing_ms: 0,
    phase_since: now,
    created_at: createdAt,
    started_at: null,
    updated_at: createdAt,
    finished_at: null,
    seen_ended: null,
    topics_removed: 0,
  };
}

function json(value: unknown): string | null | undefined {
  if (value === undefined) return undefined;
  return value === null ? null : JSON.stringify(value);
}

function flag(value: boolean | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}
