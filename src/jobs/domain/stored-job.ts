import type { JobsTable } from '../../database/index.js';
import { readSourceEncoding, type SourceEncoding } from '../../decoding/index.js';
import { catalogue, type ErrorCode } from '../../errors/index.js';
import {
  type CsvDialect,
  type FileFormat,
  type ProcessingOptions,
  readOptions,
  shownDialect,
  shownOptions,
} from '../../ingest/index.js';
import { type Checkpoint, jobNames } from '../../kafka/index.js';
import type { Job, JobState, JobSummary } from './job.js';
import { isTerminal } from './job-state.js';

export interface JobError {
  code: ErrorCode;
  /** For the user: never row values. */
  message: string;
}

/** What is known of a new job before it exists. */
export interface NewJob {
  jobId: string;
  modelId: string;
  modelVersion: number;
  /** What its names in Kafka begin with: KAFKA_TOPIC_PREFIX when it was created. */
  topicPrefix: string;
  filename: string;
  format: FileFormat;
  sizeBytes: number;
  /** SHA-256 of the file as uploaded, in hex; null if the job is older than the hash. */
  sha256: string | null;
  /** What was asked for other than the defaults, by the contract's names; null: the job is older than this. */
  requestedOptions: Readonly<Record<string, unknown>> | null;
  metadata: Record<string, string>;
  /** null if the format has none. */
  dialect: CsvDialect | null;
  options: ProcessingOptions;
  sourceEncoding: SourceEncoding;
  /** null: the upload brought none. */
  idempotencyKey: string | null;
}

/** A job as the store keeps it: what the Job shows, and what only the service knows. */
export interface StoredJob extends StoredJobSummary {
  /** The file's header. */
  readonly fileColumns: string[] | null;
}

/** A job as lists read it from the store: without its columns. Times are ISO 8601 in UTC. */
export interface StoredJobSummary extends Readonly<NewJob> {
  /** Order of creation. */
  readonly seq: number;
  readonly state: JobState;
  readonly revision: number;
  readonly publishedRevision: number;
  /** The fencing token of the last runner; 0: the job never had one. */
  readonly lease: number;
  /** Runner crashes since the last commit. */
  readonly crashes: number;
  readonly attempt: number;
  /** The newest checkpoint that was seen; null: no commit was. */
  readonly checkpoint: Checkpoint | null;
  /** The checkpoint is known to be all that is committed, not just the last that was heard of. */
  readonly checkpointVerified: boolean;
  readonly bytesDone: number;
  /** The job must end FAILED with this, once it is reconciled. */
  readonly pendingError: JobError | null;
  readonly error: JobError | null;
  /** The spooled file is still kept. */
  readonly spooled: boolean;
  readonly waitingMs: number;
  readonly processingMs: number;
  /** When the job began to wait (PENDING) or to be worked on, by `Clock.steady`. */
  readonly phaseSince: number;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly updatedAt: string;
  readonly finishedAt: string | null;
}

/** Whether the spooled file of a job may still be needed, at least for some time: until all of it is delivered. */
export function needsSpool({ state }: Pick<StoredJob, 'state'>): boolean {
  return state !== 'SUCCESS';
}

/** The time spent in each phase up to `now` (`Clock.steady`). A job that has ended spends none. */
export function timings(record: StoredJobSummary, now: number): { waitingMs: number; processingMs: number } {
  const { state, waitingMs, processingMs } = record;
  if (isTerminal(state)) return { waitingMs, processingMs };
  const spent = Math.max(0, now - record.phaseSince);
  return state === 'PENDING'
    ? { waitingMs: waitingMs + spent, processingMs }
    : { waitingMs, processingMs: processingMs + spent };
}

/** The job as users see it at `now` (`Clock.steady`: the timings of a job under way go on between its writes). */
export function toJob(record: StoredJob, now: number): Job {
  return { ...toJobSummary(record, now), file_columns: record.fileColumns };
}

/** As `toJob`, for lists. */
export function toJobSummary(record: StoredJobSummary, now: number): JobSummary {
  const ok = record.checkpoint?.ok ?? 0;
  const errors = record.checkpoint?.errors ?? 0;
  const { waitingMs, processingMs } = timings(record, now);
  const { data, dlq } = jobNames(record);
  return {
    job_id: record.jobId,
    model_id: record.modelId,
    model_version: record.modelVersion,
    state: record.state,
    revision: record.revision,
    filename: record.filename,
    format: record.format,
    file_compression: record.sourceEncoding.fileCompression,
    encoding: record.sourceEncoding.encoding,
    size_bytes: record.sizeBytes,
    sha256: record.sha256,
    metadata: record.metadata,
    dialect: record.dialect && shownDialect(record.dialect),
    options: shownOptions(record.options),
    totals: { rows: ok + errors, ok, errors },
    progress: { bytes_done: record.bytesDone, bytes_total: record.sizeBytes },
    timings: { waiting_ms: waitingMs, processing_ms: processingMs },
    topics: { data, dlq },
    end_offsets: endOffsets(record),
    error: record.error && { ...record.error, hint: hintFor(record, record.error) },
    attempt: record.attempt,
    created_at: record.createdAt,
    started_at: record.startedAt,
    updated_at: record.updatedAt,
    finished_at: record.finishedAt,
  };
}

/** The catalogue's hint, its requests with this job's ids. */
function hintFor({ jobId, modelId }: StoredJobSummary, { code }: JobError): string {
  return catalogue[code].hint.replaceAll('{id}', jobId).replaceAll('{model_id}', modelId);
}

function endOffsets({ state, checkpointVerified, checkpoint }: StoredJobSummary): Job['end_offsets'] {
  if (!isTerminal(state) || !checkpointVerified) return null;
  return { data: checkpoint?.dataEnd ?? 0, dlq: checkpoint?.dlqEnd ?? 0 };
}

/** Reads a row of the store; what it holds was written by `changedColumns` and `newRow`. */
export function fromRow(row: JobsTable): StoredJob {
  return {
    ...fromSummaryRow(row),
    fileColumns: row.file_columns === null ? null : (JSON.parse(row.file_columns) as string[]),
  };
}

/** As `fromRow`, of a row that was read without its columns. */
export function fromSummaryRow(
  row: Omit<JobsTable, 'file_columns' | 'lease_owner' | 'run_after' | 'seen_ended' | 'topics_removed'>,
): StoredJobSummary {
  return {
    jobId: row.job_id,
    seq: row.seq,
    idempotencyKey: row.idempotency_key,
    modelId: row.model_id,
    modelVersion: row.model_version,
    state: row.state as JobState,
    revision: row.revision,
    publishedRevision: row.published_revision,
    lease: row.lease,
    crashes: row.crashes,
    attempt: row.attempt,
    topicPrefix: row.topic_prefix,
    filename: row.filename,
    format: row.format as NewJob['format'],
    sizeBytes: row.size_bytes,
    sha256: row.sha256,
    requestedOptions:
      row.requested_options === null ? null : (JSON.parse(row.requested_options) as Record<string, unknown>),
    metadata: JSON.parse(row.metadata) as Record<string, string>,
    dialect: JSON.parse(row.dialect) as CsvDialect | null,
    options: readOptions(row.options),
    sourceEncoding: readSourceEncoding(row.source_encoding),
    checkpoint: row.checkpoint === null ? null : (JSON.parse(row.checkpoint) as Checkpoint),
    checkpointVerified: row.checkpoint_verified === 1,
    bytesDone: row.bytes_done,
    pendingError: jobError(row.pending_error_code, row.pending_error_message),
    error: jobError(row.error_code, row.error_message),
    spooled: row.spooled === 1,
    waitingMs: row.waiting_ms,
    processingMs: row.processing_ms,
    phaseSince: row.phase_since,
    createdAt: row.created_at,
    startedAt: row.started_at,
    updatedAt: row.updated_at,
    finishedAt: row.finished_at,
  };
}

function jobError(code: string | null, message: string | null): JobError | null {
  return code === null ? null : { code: code as ErrorCode, message: message ?? '' };
}
