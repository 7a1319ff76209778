import type { JobsTable } from '../../database/index.js';
import { readSourceEncoding, type SourceEncoding } from '../../decoding/index.js';
import type { ErrorCode } from '../../errors/index.js';
import { type CsvDialect, type FileFormat, type ProcessingOptions, readOptions } from '../../ingest/index.js';
import type { Checkpoint } from '../../kafka/index.js';
import type { TraceContext } from '../../observability/tracing/index.js';
import type { JobSource } from '../../sources/index.js';
import type { JobState } from './job.js';
import type { StoredSink } from './job-sink.js';
import { isTerminal } from './job-state.js';

export interface JobError {
  code: ErrorCode;
  /** For the user: never row values. */
  message: string;
}

/** What is known of a new job before it exists. */
export interface NewJob {
  jobId: string;
  /** The key of its file in the store of files. */
  fileKey: string;
  modelId: string;
  modelVersion: number;
  /** What its names in Kafka begin with: KAFKA_TOPIC_PREFIX when it was created. */
  topicPrefix: string;
  filename: string;
  format: FileFormat;
  sizeBytes: number;
  /** The file that it reads where it lies; null: it was uploaded. */
  source: JobSource | null;
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
  /** The span that created it, for those that work on it; null: traces are off. */
  traceContext: TraceContext | null;
  /** The name of the API key that the job, or its feed, was created with; null: there was none. */
  owner: string | null;
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
  /** Why it waits, if that is not for its turn; of a job that is worked on or has ended it says nothing. */
  readonly waiting: JobError | null;
  readonly state: JobState;
  readonly revision: number;
  readonly publishedRevision: number;
  /** The fencing token of the last runner; 0: the job never had one. */
  readonly lease: number;
  /** Random, of the last claim; null: none was made. Two claims may have one number if the store was restored. */
  readonly leaseToken: string | null;
  /** Runner crashes since the last commit. */
  readonly crashes: number;
  /** System errors since the last commit, or the last resume. */
  readonly failures: number;
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
  /** Where its rows are loaded, by name. Only the store of sinks changes it. */
  readonly sinks: readonly StoredSink[];
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

/** How a member of StoredJob is kept: in one column of the row, or an error in two. */
interface Mapping<T, C extends keyof JobsTable> {
  columns: readonly C[];
  read(row: Readonly<Partial<JobsTable>>): T;
  write(value: T): Partial<JobsTable>;
}

/** A mapping with the value that a new job has. */
interface InitialMapping<T, C extends keyof JobsTable> extends Mapping<T, C> {
  readonly initial: T;
}

/** Members that differ from one new job to the next: `newRow` says them. */
type GivenMember = keyof NewJob | 'seq' | 'sinks' | 'phaseSince' | 'createdAt' | 'updatedAt';

/**
 * The row of a job, member by member. A member that is not here, or has no value for a new job, does not compile, nor
 * does a column that is neither here nor an InternalColumn.
 */
export const MAPPINGS = {
  jobId: plain('job_id'),
  // Only rows that were aborted may have none.
  fileKey: { ...plain<'file_key', string>('file_key') },
  seq: plain('seq'),
  idempotencyKey: plain('idempotency_key'),
  owner: plain('owner'),
  modelId: plain('model_id'),
  modelVersion: plain('model_version'),
  state: plain('state', 'PENDING'),
  revision: plain('revision', 1),
  publishedRevision: plain('published_revision', 0),
  lease: plain('lease', 0),
  leaseToken: plain('lease_token', null),
  crashes: plain('crashes', 0),
  failures: plain('failures', 0),
  attempt: plain('attempt', 1),
  topicPrefix: plain('topic_prefix'),
  filename: plain('filename'),
  format: plain('format'),
  sizeBytes: plain('size_bytes'),
  sha256: plain('sha256'),
  requestedOptions: nullableJson('requested_options'),
  metadata: json('metadata'),
  dialect: json('dialect'),
  options: { ...json<'options', ProcessingOptions>('options'), read: ({ options }) => readOptions(options ?? '') },
  sourceEncoding: {
    ...json<'source_encoding', SourceEncoding>('source_encoding'),
    read: ({ source_encoding: encoding }) => readSourceEncoding(encoding ?? ''),
  },
  fileColumns: nullableJson('file_columns'),
  checkpoint: nullableJson('checkpoint'),
  // Nothing was ever sent for a new job, so nothing is committed.
  checkpointVerified: flag('checkpoint_verified', true),
  bytesDone: plain('bytes_done', 0),
  pendingError: error('pending_error_code', 'pending_error_message'),
  error: error('error_code', 'error_message'),
  spooled: flag('spooled', true),
  sinks: json('sinks'),
  source: {
    columns: ['source', 'source_uri'],
    read: ({ source }) => (source === null || source === undefined ? null : (JSON.parse(source) as JobSource)),
    write: (source) => ({
      source: source === null ? null : JSON.stringify(source),
      source_uri: source === null ? null : source.uri,
    }),
  } satisfies Mapping<JobSource | null, 'source' | 'source_uri'>,
  traceContext: nullableJson('trace_context'),
  waiting: { ...nullableJson<'waiting', JobError>('waiting'), initial: null },
  waitingMs: plain('waiting_ms', 0),
  processingMs: plain('processing_ms', 0),
  phaseSince: plain('phase_since'),
  createdAt: plain('created_at'),
  startedAt: plain('started_at', null),
  updatedAt: plain('updated_at'),
  finishedAt: plain('finished_at', null),
} satisfies {
  [M in keyof StoredJob]: M extends GivenMember
    ? Mapping<StoredJob[M], keyof JobsTable>
    : InitialMapping<StoredJob[M], keyof JobsTable>;
};

/** Columns that only statements of the store know. */
type InternalColumn =
  | 'phase'
  | 'phase_owner'
  | 'touched_at'
  | 'file_gone'
  | 'lease_owner'
  | 'lease_until'
  | 'run_after'
  | 'job_version'
  | 'seen_ended'
  | 'topics_removed';
type MappedColumn = (typeof MAPPINGS)[keyof StoredJob]['columns'][number];
/** If the compiler wants a property here, it names a column that has no mapping. */
const _unmapped: Record<Exclude<keyof JobsTable, MappedColumn | InternalColumn>, never> = {};

/** The columns of all members but the file's header, which may be megabytes. */
export const SUMMARY_COLUMNS = names(MAPPINGS)
  .filter((name) => name !== 'fileColumns')
  .flatMap((name): readonly MappedColumn[] => MAPPINGS[name].columns);

/** What every new job has. */
export const INITIAL_MEMBERS = Object.fromEntries(
  Object.entries<Mapping<unknown, keyof JobsTable>>(MAPPINGS).flatMap(([name, mapping]) =>
    'initial' in mapping ? [[name, mapping.initial]] : [],
  ),
) as unknown as Omit<StoredJob, GivenMember>;

/** Reads a row of the store, which `writeMembers` wrote. */
export function fromRow(row: JobsTable): StoredJob {
  return { ...fromSummaryRow(row), fileColumns: MAPPINGS.fileColumns.read(row) };
}

/** As `fromRow`, of a row that was read by SUMMARY_COLUMNS. */
export function fromSummaryRow(row: Readonly<Partial<JobsTable>>): StoredJobSummary {
  const members = names(MAPPINGS).filter((name) => name !== 'fileColumns');
  return Object.fromEntries(members.map((name) => [name, MAPPINGS[name].read(row)])) as unknown as StoredJobSummary;
}

/** The columns of the members that are given. */
export function writeMembers(members: Partial<StoredJob>): Partial<JobsTable> {
  const columns: Partial<JobsTable> = {};
  for (const name of names(MAPPINGS)) {
    const { write } = MAPPINGS[name] as { write(value: unknown): Partial<JobsTable> };
    if (members[name] !== undefined) Object.assign(columns, write(members[name]));
  }
  return columns;
}

function names<T extends object>(members: T): (keyof T & keyof StoredJob)[] {
  return Object.keys(members) as (keyof T & keyof StoredJob)[];
}

/** As it is; with what a new job has, if that is always the same. */
function plain<C extends keyof JobsTable, T extends JobsTable[C]>(column: C): Mapping<T, C>;
function plain<C extends keyof JobsTable, T extends JobsTable[C]>(column: C, initial: NoInfer<T>): InitialMapping<T, C>;
function plain<C extends keyof JobsTable, T extends JobsTable[C]>(column: C, initial?: NoInfer<T>): Mapping<T, C> {
  return {
    columns: [column],
    read: (row) => row[column] as T,
    write: (value) => ({ [column]: value }),
    ...(initial === undefined ? {} : { initial }),
  };
}

/** As 0 or 1. */
function flag<C extends keyof JobsTable>(column: C, initial: boolean): InitialMapping<boolean, C> {
  return {
    initial,
    columns: [column],
    read: (row) => row[column] === 1,
    write: (value) => ({ [column]: Number(value) }),
  };
}

function json<C extends keyof JobsTable, T>(column: C): Mapping<T, C> {
  return {
    columns: [column],
    read: (row) => JSON.parse(row[column] as string) as T,
    write: (value) => ({ [column]: JSON.stringify(value) }),
  };
}

/** A column that is null if the member is. */
function nullableJson<C extends keyof JobsTable, T>(column: C): InitialMapping<T | null, C> {
  return {
    initial: null,
    columns: [column],
    read: (row) => (row[column] === null ? null : (JSON.parse(row[column] as string) as T)),
    write: (value) => ({ [column]: value === null ? null : JSON.stringify(value) }),
  };
}

function error<C extends keyof JobsTable, M extends keyof JobsTable>(
  code: C,
  message: M,
): InitialMapping<JobError | null, C | M> {
  return {
    initial: null,
    columns: [code, message],
    read: (row) =>
      row[code] === null ? null : { code: row[code] as ErrorCode, message: (row[message] ?? '') as string },
    write: (value) => ({ [code]: value?.code ?? null, [message]: value?.message ?? null }),
  };
}
