import { randomUUID } from 'node:crypto';
import { type InferUpload, inferForm } from './infer-upload.js';
import { type JobUpload, sendFromJob, sendUpload, type UploadProgress } from './job-upload.js';
import { eachOf, firstOf, nextCursor } from './pages.js';
import { type OnLeftOut, rejectedFile } from './rejected-file.js';
import { type BatchClientOptions, type CallOptions, Transport } from './transport.js';
import type {
  InferredSchema,
  Job,
  JobState,
  JobSummary,
  Liveness,
  Model,
  ModelCreate,
  ModelUpdate,
  Readiness,
  RejectedRow,
} from './types.js';
import { openSource } from './upload-source.js';
import { type WaitOptions, waitUntilOver } from './wait.js';

/** For the upload of the sample, a wait for others, and the work: each of them is bounded by the service. */
const INFERENCE_TIMEOUT_MS = 120_000;
/** For a look at a job that is waited for: a service that does not answer so small a question hangs. */
const LOOK_TIMEOUT_MS = 10_000;
/** On top, for the upload of a Parquet file, which is whole: no slower than so much a millisecond. */
const SLOWEST_BYTES_PER_MS = 512;

export interface CreateJobOptions extends CallOptions {
  /** At most 255 characters; default a random UUID. The same key never starts a second job. */
  idempotencyKey?: string | undefined;
  /** Told the file's bytes as they are handed to the connection; starts again at 0 when an attempt is repeated. */
  onProgress?: ((progress: UploadProgress) => void) | undefined;
}

export interface ListOptions extends CallOptions {
  /** Entries fetched at a time, 1 to 1000. Default 100. */
  pageSize?: number | undefined;
}

export interface RejectedFileOptions extends ListOptions {
  /** At most so many rows, those that are left out among them. Default: all. */
  limit?: number | undefined;
  /** Told each row that no file can hold, and why, in words that go on after "row 5: ". */
  onLeftOut?: OnLeftOut | undefined;
}

export interface JobFilter {
  state?: JobState | undefined;
  modelId?: string | undefined;
}

/**
 * A Batch service. Every method throws BatchApiError (the service said no), BatchConnectionError (it did not answer)
 * or the signal's reason. Reads, `cancelJob` and uploads of what can be read twice are repeated after a lost answer, a
 * 503 with Retry-After, and the answer of a proxy whose service is away, for `retry.maxOutageMs`; nothing else is.
 * Uploads and waits also outlast a service that refuses the very first connection; other requests do not.
 */
export class BatchClient {
  private readonly transport: Transport;

  constructor(options: BatchClientOptions) {
    this.transport = new Transport(options);
  }

  get baseUrl(): string {
    return this.transport.baseUrl;
  }

  async createModel(model: ModelCreate, options: CallOptions = {}): Promise<Model> {
    const { data } = await this.transport.call(
      (signal) => this.transport.http.POST('/models', { body: model, signal }),
      { ...options, repeatable: false },
    );
    return data;
  }

  async getModel(id: string, options: CallOptions = {}): Promise<Model> {
    const params = { path: { id } };
    const { data } = await this.transport.call(
      (signal) => this.transport.http.GET('/models/{id}', { params, signal }),
      options,
    );
    return data;
  }

  /** As it was in this version, which jobs may be pinned to; of a deleted model too. */
  async getModelVersion(id: string, version: number, options: CallOptions = {}): Promise<Model> {
    const params = { path: { id, version } };
    const { data } = await this.transport.call(
      (signal) => this.transport.http.GET('/models/{id}/versions/{version}', { params, signal }),
      options,
    );
    return data;
  }

  /** Every version that the model had, newest first; of a deleted model too. */
  listModelVersions(id: string, options: ListOptions = {}): AsyncGenerator<Model, void, undefined> {
    return eachOf(async (cursor) => {
      const params = { path: { id }, query: { limit: options.pageSize, cursor } };
      const { data, response } = await this.transport.call(
        (signal) => this.transport.http.GET('/models/{id}/versions', { params, signal }),
        options,
      );
      return { items: data, next: nextCursor(response.headers.get('link')) };
    });
  }

  /** The model's next version; jobs that exist keep the one they started with. */
  async updateModel(id: string, model: ModelUpdate, options: CallOptions = {}): Promise<Model> {
    const params = { path: { id } };
    const { data } = await this.transport.call(
      (signal) => this.transport.http.PUT('/models/{id}', { params, body: model, signal }),
      { ...options, repeatable: false },
    );
    return data;
  }

  /** Hides the model; jobs that pinned a version of it keep that. */
  async deleteModel(id: string, options: CallOptions = {}): Promise<void> {
    const params = { path: { id } };
    await this.transport.call(
      async (signal) => {
        const { response, error } = await this.transport.http.DELETE('/models/{id}', { params, signal });
        return { data: response.ok ? null : undefined, error, response };
      },
      { ...options, repeatable: false },
    );
  }

  /**
   * A schema proposed for a file by its first rows; nothing is stored. Throws the system's error where the file cannot
   * be read.
   */
  async inferModel(upload: InferUpload, options: CallOptions = {}): Promise<InferredSchema> {
    const form = await inferForm(upload);
    const uploadMs = (form.get('file') as File).size / SLOWEST_BYTES_PER_MS;
    // The contract's form says what goes into it; the serializer sends the one that was made.
    const send = { body: { file: '' }, bodySerializer: () => form };
    const { data } = await this.transport.call(
      (signal) => this.transport.http.POST('/models/infer', { ...send, signal }),
      { ...options, timeoutMs: INFERENCE_TIMEOUT_MS + Math.ceil(uploadMs) },
    );
    return data;
  }

  /** Every model, newest first; pages are fetched as they are needed. */
  listModels(options: ListOptions = {}): AsyncGenerator<Model, void, undefined> {
    return eachOf(async (cursor) => {
      const params = { query: { limit: options.pageSize, cursor } };
      const { data, response } = await this.transport.call(
        (signal) => this.transport.http.GET('/models', { params, signal }),
        options,
      );
      return { items: data, next: nextCursor(response.headers.get('link')) };
    });
  }

  /**
   * Uploads a file with constant memory, or takes the one that another job keeps (`fromJob`), and starts a job. `replayed`: the idempotency key was seen before, and this
   * is the job that exists. Throws the system's error where the file cannot be read, UploadSizeError where it
   * changes meanwhile.
   */
  async createJob(upload: JobUpload, options: CreateJobOptions = {}): Promise<{ job: Job; replayed: boolean }> {
    const headers = { ...this.transport.headers, 'idempotency-key': options.idempotencyKey ?? randomUUID() };
    if (upload.fromJob !== undefined) {
      const { data, response } = await this.transport.call(
        (signal) => sendFromJob(`${this.baseUrl}/jobs`, headers, upload, signal),
        { signal: options.signal, awaitService: true, timeoutMs: Number.POSITIVE_INFINITY },
      );
      return { job: data, replayed: response.headers.get('idempotency-replayed') === 'true' };
    }
    const source = await openSource(upload.file, { filename: upload.filename, size: upload.sizeBytes });
    const { data, response } = await this.transport.call(
      (signal) =>
        sendUpload(`${this.baseUrl}/jobs`, headers, upload, source, { signal, onProgress: options.onProgress }),
      {
        signal: options.signal,
        repeatable: source.replayable,
        awaitService: true,
        timeoutMs: Number.POSITIVE_INFINITY,
      },
    );
    return { job: data, replayed: response.headers.get('idempotency-replayed') === 'true' };
  }

  async getJob(id: string, options: CallOptions = {}): Promise<Job> {
    const params = { path: { id } };
    const { data } = await this.transport.call(
      (signal) => this.transport.http.GET('/jobs/{id}', { params, signal }),
      options,
    );
    return data;
  }

  /** Every job, newest first, without its columns; pages are fetched as they are needed. */
  listJobs(filter: JobFilter = {}, options: ListOptions = {}): AsyncGenerator<JobSummary, void, undefined> {
    return eachOf(async (cursor) => {
      const params = { query: { state: filter.state, model_id: filter.modelId, limit: options.pageSize, cursor } };
      const { data, response } = await this.transport.call(
        (signal) => this.transport.http.GET('/jobs', { params, signal }),
        options,
      );
      return { items: data, next: nextCursor(response.headers.get('link')) };
    });
  }

  /** The rows in the job's DLQ topic, in the file's order; of a running job those that are committed so far. */
  listRejectedRows(id: string, options: ListOptions = {}): AsyncGenerator<RejectedRow, void, undefined> {
    return eachOf(async (cursor) => {
      const params = { path: { id }, query: { limit: options.pageSize, cursor } };
      const { data, response } = await this.transport.call<RejectedRow[]>(async (signal) => {
        const { data, ...rest } = await this.transport.http.GET('/jobs/{id}/rejected', { params, signal });
        // Text would be NDJSON, which nobody asked for.
        return { data: typeof data === 'string' ? undefined : data, ...rest };
      }, options);
      return { items: data, next: nextCursor(response.headers.get('link')) };
    });
  }

  /**
   * The same rows as a file to correct and to send again with the job's own options: CSV with the header, dialect and
   * encoding of the job's file and the rows as they were; NDJSON in place of JSON and Parquet (`format: 'ndjson'`).
   */
  async *rejectedFile(
    id: string,
    { limit = Number.POSITIVE_INFINITY, onLeftOut, ...options }: RejectedFileOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const job = await this.getJob(id, options);
    yield* rejectedFile(job, firstOf(this.listRejectedRows(id, options), limit), onLeftOut);
  }

  /** Normally CANCELLED already when it returns; CANCELLING where the job is still being stopped. */
  async cancelJob(id: string, options: CallOptions = {}): Promise<Job> {
    const params = { path: { id } };
    const { data } = await this.transport.call(
      (signal) => this.transport.http.DELETE('/jobs/{id}', { params, signal }),
      options,
    );
    return data;
  }

  /**
   * Removes an ended job with its topics, for good; the job as it was. `force`: also while its uploaded file is kept.
   * What is left is removed behind the answer.
   */
  async purgeJob(id: string, options: CallOptions & { force?: boolean | undefined } = {}): Promise<Job> {
    const params = { path: { id }, query: { purge: true, force: options.force } };
    const { data } = await this.transport.call(
      (signal) => this.transport.http.DELETE('/jobs/{id}', { params, signal }),
      { ...options, repeatable: false },
    );
    return data;
  }

  /** Continues a CANCELLED job, or a FAILED one whose error can pass, from its last committed row. */
  async resumeJob(id: string, options: CallOptions = {}): Promise<Job> {
    const params = { path: { id } };
    const { data } = await this.transport.call(
      (signal) => this.transport.http.POST('/jobs/{id}/resume', { params, signal }),
      { ...options, repeatable: false },
    );
    return data;
  }

  /**
   * The job once it is SUCCESS, PARTIAL_SUCCESS, FAILED or CANCELLED. Outlives a restart of the service. Throws
   * WaitTimeoutError after `timeoutMs`; the BatchConnectionError, or the BatchApiError of status 5xx, of a service that
   * was away for longer than `maxOutageMs`. The job goes on in either case, and can be waited for again.
   */
  waitForJob(id: string, options: WaitOptions = {}): Promise<Job> {
    const { maxOutageMs = this.transport.retry.maxOutageMs, ...others } = options;
    return waitUntilOver(id, (signal) => this.#look(id, signal), maxOutageMs, others);
  }

  /** Once: the wait itself is what repeats it. */
  async #look(id: string, signal: AbortSignal | undefined): Promise<Job> {
    const params = { path: { id } };
    const timeoutMs = Math.min(LOOK_TIMEOUT_MS, this.transport.timeoutMs);
    const { data } = await this.transport.call(
      (limit) => this.transport.http.GET('/jobs/{id}', { params, signal: limit }),
      { signal, repeatable: false, timeoutMs },
    );
    return data;
  }

  /** Whether the process is alive. */
  async health(options: CallOptions = {}): Promise<Liveness> {
    const { data } = await this.transport.call((signal) => this.transport.http.GET('/healthz', { signal }), options);
    return data;
  }

  /** What works and what does not; does not throw when something does not. */
  async readiness(options: CallOptions = {}): Promise<Readiness> {
    const { data } = await this.transport.call<Readiness>(async (signal) => {
      const { data, error, response } = await this.transport.http.GET('/readyz', { signal });
      return { data: data ?? (isReadiness(error) ? error : undefined), error, response };
    }, options);
    return data;
  }
}

export function createBatchClient(options: BatchClientOptions): BatchClient {
  return new BatchClient(options);
}

function isReadiness(body: unknown): body is Readiness {
  return typeof body === 'object' && body !== null && 'status' in body && 'details' in body;
}
