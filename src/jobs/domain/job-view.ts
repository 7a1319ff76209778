import { catalogue } from '../../errors/index.js';
import { ownEscape, shownDialect, shownOptions } from '../../ingest/index.js';
import { jobNames } from '../../kafka/index.js';
import type { Job, JobSummary, JobWarning } from './job.js';
import type { JobSink, StoredSink } from './job-sink.js';
import { isTerminal } from './job-state.js';
import { type JobError, type StoredJob, type StoredJobSummary, timings } from './stored-job.js';

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
    source: record.source && {
      uri: record.source.uri,
      version: record.source.version,
      ranges: record.source.ranges !== false,
    },
    owner: record.owner,
    waiting: isTerminal(record.state) ? null : record.waiting,
    sha256: record.sha256,
    metadata: record.metadata,
    dialect: record.dialect && shownDialect(record.dialect),
    options: shownOptions(record.options),
    sinks: record.sinks.map((sink) => toJobSink(record, sink)),
    totals: { rows: ok + errors, ok, errors },
    warnings: warningsOf(record),
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

function warningsOf({ checkpoint, dialect }: StoredJobSummary): JobWarning[] {
  const broken = checkpoint?.warnings?.BROKEN_QUOTES;
  if (broken === undefined) return [];
  const { count, firstRows } = broken;
  const what = count === 1 ? '1 record broke' : `${count} records broke`;
  const advice =
    dialect === null || ownEscape(dialect) === null
      ? 'if the file writes \\" for a quote, use escape=\\'
      : 'check quote and escape';
  const message = `${what} at a quote: the lines that follow may be parts of fields; ${advice}`;
  return [{ code: 'BROKEN_QUOTES', message, count, first_rows: [...firstRows] }];
}

/** The catalogue's hint, its requests with this job's ids; none for an error that only a newer release knows. */
function hintFor({ jobId, modelId }: StoredJobSummary, { code }: JobError): string {
  const known: Partial<typeof catalogue> = catalogue;
  return (known[code]?.hint ?? '').replaceAll('{id}', jobId).replaceAll('{model_id}', modelId);
}

function endOffsets({ state, checkpointVerified, checkpoint }: StoredJobSummary): Job['end_offsets'] {
  if (!isTerminal(state) || !checkpointVerified) return null;
  return { data: checkpoint?.dataEnd ?? 0, dlq: checkpoint?.dlqEnd ?? 0 };
}

function toJobSink(
  record: StoredJobSummary,
  { name, state, rows, rejected, table, error, updatedAt }: StoredSink,
): JobSink {
  const known: Partial<typeof catalogue> = catalogue;
  const hint = error && (known[error.code]?.hint ?? '').replaceAll('{id}', record.jobId).replaceAll('{name}', name);
  return {
    name,
    state,
    rows,
    rejected,
    lag: Math.max(0, (record.checkpoint?.ok ?? 0) - rows - rejected),
    table,
    error: error && { ...error, hint: hint ?? '' },
    updated_at: updatedAt,
  };
}
