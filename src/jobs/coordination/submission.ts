import { setTimeout as sleep } from 'node:timers/promises';
import { SINK_URLS, type SinksConfig } from '../../config/index.js';
import { type ErrorCode, ServiceError } from '../../errors/index.js';
import {
  differingOptions,
  FORMATS,
  inspectFile,
  type JobRequest,
  knownDialect,
  refuseInapplicable,
  refuseUnusableNormalize,
  refuseUnusableNullValues,
  requestedOptions,
  type SinkName,
} from '../../ingest/index.js';
import type { ModelRecord, ModelService } from '../../models/index.js';
import { type Column, nestedColumns } from '../../models/schema/index.js';
import type { TraceContext } from '../../observability/tracing/index.js';
import { parseSourceUri } from '../../sources/index.js';
import type { NewJob, StoredJob } from '../domain/stored-job.js';
import type { JobStore } from '../store/job-store.js';
import type { JobCreation } from './creation.js';
import type { GivenFile } from './given-file.js';
import type { JobTraces } from './job-traces.js';
import { KeyedMutex } from './keyed-mutex.js';

/** Who asks for a job. */
export interface Submitter {
  /** Name of the API key, which owns the job. */
  readonly owner: string | null;
  /** The span of the request. */
  readonly parent: TraceContext | null;
}

const NOBODY: Submitter = { owner: null, parent: null };

export interface JobSubmissionOptions {
  models: ModelService;
  store: JobStore;
  creation: JobCreation;
  traces: JobTraces;
  /** Prefix of the names of new jobs in Kafka. */
  topicPrefix: string;
  /** The sinks that are configured, and those of jobs that name none, if their model does not either. */
  sinks: Pick<SinksConfig, 'urls' | 'defaults'>;
}

/** How long an upload waits for the job of its Idempotency-Key, which another process creates, in ms. */
const PENDING_WAIT_MS = 5_000;
const PENDING_LOOK_MS = 100;
/** What leaves it open which version of a file is there. */
const UNSEEN: readonly ErrorCode[] = ['SOURCE_NOT_FOUND', 'SOURCE_FORBIDDEN', 'SOURCE_UNAVAILABLE'];

/** A job for a file, and whether it is an earlier one's. */
export interface Intake {
  record: StoredJob;
  replayed: boolean;
}

/** Turns a file into a job, once for each Idempotency-Key. */
export class JobSubmission {
  readonly #byKey = new KeyedMutex();

  constructor(private readonly options: JobSubmissionOptions) {}

  /**
   * The job for this file. With a key that was seen before: the earlier job.
   * Throws MODEL_NOT_FOUND, UNSUPPORTED_FILE_TYPE, INVALID_OPTION, IDEMPOTENCY_KEY_REUSED, and what `JobCreation.create` does;
   * then there is no job, no topic, and the upload is still the caller's.
   */
  async accept(upload: GivenFile, request: JobRequest, key: string | null, by: Submitter = NOBODY): Promise<Intake> {
    if (key === null) return this.#create(upload, request, null, by);
    // Two requests with one key: the second finds the first one's job.
    return this.#byKey.run(key, async () => {
      const earlier = await this.options.store.findByIdempotencyKey(key);
      return earlier === undefined
        ? this.#create(upload, request, key, by)
        : replay(earlier, isSameFile(earlier, upload), request);
    });
  }

  /**
   * As `accept`, for the file at a URI that `look` looks at. If nobody can see any more which version is there, a request that is
   * repeated because its answer was lost still gets its job: a file may be moved as soon as its job has ended. Throws what `look`
   * does, too.
   */
  async acceptSource(
    uri: string,
    look: () => Promise<GivenFile>,
    request: JobRequest,
    key: string | null,
    by: Submitter = NOBODY,
  ): Promise<Intake> {
    let file: GivenFile;
    try {
      file = await look();
    } catch (error) {
      if (key === null || !(error instanceof ServiceError) || !UNSEEN.includes(error.code)) throw error;
      // Behind a request with the same key that is creating the job.
      const earlier = await this.#byKey.run(key, () => this.options.store.findByIdempotencyKey(key));
      if (earlier === undefined) throw error;
      return replay(earlier, earlier.source?.uri === parseSourceUri(uri).href, request);
    }
    return this.accept(file, request, key, by);
  }

  async #create(
    upload: GivenFile,
    request: JobRequest,
    idempotencyKey: string | null,
    { owner, parent }: Submitter,
  ): Promise<Intake> {
    const { modelId, metadata } = request;
    const model = await this.options.models.require(modelId);
    const options = { ...request.options, sinks: this.#sinksOf(request, model) };
    const { version: modelVersion, columns } = model;
    const { format, encoding, text } = inspectFile(upload, request);
    refuseInapplicable(request.given, format);
    if (format === 'parquet' && upload.source?.ranges === false) {
      throw new ServiceError(
        'SOURCE_UNSUPPORTED',
        `${upload.source.uri} cannot be read in place: Parquet is read from its end, and its server gives no ranges of it`,
      );
    }
    const { hasDialect, hasNestedValues } = FORMATS[format];
    if (!hasNestedValues) refuseNested(columns);
    refuseUnusableNormalize(options.normalize, model);
    refuseUnusableNullValues(options.nullValues, model);
    if (hasDialect && !request.dialect.header) refuseUnordered(columns);
    const { filename, sizeBytes, sha256, fileCompression, source } = upload;
    const names = [...columns.map(({ name }) => name), ...Object.keys(options.rename)];
    const job = {
      modelId,
      modelVersion,
      topicPrefix: this.options.topicPrefix,
      filename,
      sizeBytes,
      sha256,
      source,
      requestedOptions: requestedOptions(request),
      metadata,
      dialect: hasDialect ? knownDialect(request.dialect, text, names) : null,
      options,
      sourceEncoding: { fileCompression, encoding },
      idempotencyKey,
      owner,
      format,
    };
    const span = this.options.traces.creating(job, parent);
    try {
      const intake = await this.#createOnce({ ...job, traceContext: span.context }, upload, request);
      span.set({ 'batch.job.id': intake.record.jobId, 'batch.job.replayed': intake.replayed });
      span.end();
      return intake;
    } catch (error) {
      span.end(error instanceof ServiceError ? error.code : 'INTERNAL_ERROR');
      throw error;
    }
  }

  async #createOnce(job: Omit<NewJob, 'jobId' | 'fileKey'>, upload: GivenFile, request: JobRequest): Promise<Intake> {
    for (const giveUpAt = performance.now() + PENDING_WAIT_MS; ; await sleep(PENDING_LOOK_MS)) {
      const { kind, record } = await this.options.creation.create(job, upload);
      if (kind === 'created') return { record, replayed: false };
      const earlier = replay(record, isSameFile(record, upload), request);
      if (kind === 'key_taken') return earlier;
      if (performance.now() >= giveUpAt)
        throw new ServiceError('SERVICE_BUSY', 'The job of this Idempotency-Key is still being created');
    }
  }

  /** Those that the request names, else those of the model, else those of the service. */
  #sinksOf({ given, options }: JobRequest, model: ModelRecord): SinkName[] {
    const { urls, defaults } = this.options.sinks;
    const isNamed = given.includes('sinks');
    const sinks = isNamed ? options.sinks : (model.sinks ?? defaults);
    const missing = sinks.find((name) => !urls.has(name));
    if (missing === undefined) return [...sinks];
    const who = isNamed ? '' : `, a sink of the model '${model.id}',`;
    throw new ServiceError(
      'SINK_NOT_CONFIGURED',
      `sinks: ${missing}${who} is not configured: set ${SINK_URLS[missing]} on the server`,
    );
  }
}

/** A field of CSV holds no arrays and objects. */
function refuseNested(columns: readonly Column[]): void {
  const [column] = nestedColumns(columns);
  if (column === undefined) return;
  throw new ServiceError(
    'INVALID_OPTION',
    `format: the file is CSV, but the model's column '${column.name}' is an ${column.type}; send JSON, NDJSON or Parquet, or name another model`,
  );
}

/**
 * JSON.parse puts members whose names are whole numbers first, in ascending order: beside others, the model's order is
 * not the one that its author wrote.
 */
function refuseUnordered(columns: readonly Column[]): void {
  const [first, ...others] = columns.filter(({ name }) => /^(0|[1-9]\d*)$/.test(name));
  if (first === undefined || others.length + 1 === columns.length) return;
  throw new ServiceError(
    'INVALID_OPTION',
    `header: a file without a header needs the model's column order, which JSON does not keep for numeric names such as '${first.name}'; send the file with a header, or rename the column`,
  );
}

function replay(earlier: StoredJob, isSame: boolean, request: JobRequest): Intake {
  const differences = [
    ...(earlier.modelId === request.modelId ? [] : ['another model']),
    ...(isSame ? [] : ['another file']),
    ...otherOptions(earlier, request),
  ];
  if (differences.length === 0) return { record: earlier, replayed: true };
  throw new ServiceError(
    'IDEMPOTENCY_KEY_REUSED',
    `The key was used for job '${earlier.jobId}' with ${differences.join(', ')}`,
  );
}

function isSameFile(earlier: StoredJob, { sizeBytes, sha256, source }: GivenFile): boolean {
  if (earlier.source?.uri !== source?.uri || earlier.source?.version !== source?.version) return false;
  return earlier.sizeBytes === sizeBytes && (earlier.sha256 === null || earlier.sha256 === sha256);
}

function otherOptions({ requestedOptions: earlier }: StoredJob, request: JobRequest): string[] {
  const names = earlier === null ? [] : differingOptions(earlier, requestedOptions(request));
  return names.length === 0 ? [] : [`other ${names.join(', ')}`];
}
