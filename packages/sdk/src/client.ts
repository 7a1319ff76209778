import type {
  CancelJobData,
  CreateModelData,
  DeleteModelData,
  GetJobData,
  GetLivenessData,
  GetModelData,
  GetModelVersionData,
  GetReadinessData,
  ListJobsData,
  ListModelsData,
  ListModelVersionsData,
  ListRejectedRowsData,
  ResumeJobData,
  UpdateModelData,
} from './api/types.gen.js';
import type { Answer } from './connection.js';
import { formOf } from './form-fields.js';
import { type InferUpload, inferForm } from './infer-upload.js';
import { formFields, type JobSettings, type JobUpload, type NewFile, type UploadProgress } from './job-upload.js';
import { eachOf, firstOf, nextCursor } from './pages.js';
import type { Platform } from './platform/platform.js';
import { randomKey } from './random-key.js';
import { type OnLeftOut, rejectedFile } from './rejected-file.js';
import { type BatchClientOptions, type CallOptions, type CallRules, type Operation, Transport } from './transport.js';
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
  /** Maximum number of rows, including those that are left out. Default: all. */
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
  readonly #transport: Transport;

  constructor(
    options: BatchClientOptions,
    private readonly platform: Platform,
  ) {
    this.#transport = new Transport(options);
  }

  get baseUrl(): string {
    return this.#transport.baseUrl;
  }

  async createModel(model: ModelCreate, options: CallOptions = {}): Promise<Model> {
    const operation = { url: '/models', body: model } satisfies CreateModelData;
    const { data } = await this.#transport.request<Model>('POST', operation, { ...options, repeatable: false });
    return data;
  }

  async getModel(id: string, options: CallOptions = {}): Promise<Model> {
    const operation = { url: '/models/{id}', path: { id } } satisfies GetModelData;
    const { data } = await this.#transport.request<Model>('GET', operation, options);
    return data;
  }

  /** As it was in this version, which jobs may be pinned to; of a deleted model too. */
  async getModelVersion(id: string, version: number, options: CallOptions = {}): Promise<Model> {
    const operation = { url: '/models/{id}/versions/{version}', path: { id, version } } satisfies GetModelVersionData;
    const { data } = await this.#transport.request<Model>('GET', operation, options);
    return data;
  }

  /** Every version that the model had, newest first; of a deleted model too. */
  listModelVersions(id: string, options: ListOptions = {}): AsyncGenerator<Model, void, undefined> {
    return this.#list<Model>(
      options,
      (page) => ({ url: '/models/{id}/versions', path: { id }, query: page }) satisfies ListModelVersionsData,
    );
  }

  /** The model's next version; jobs that exist keep the one they started with. */
  async updateModel(id: string, model: ModelUpdate, options: CallOptions = {}): Promise<Model> {
    const operation = { url: '/models/{id}', path: { id }, body: model } satisfies UpdateModelData;
    const { data } = await this.#transport.request<Model>('PUT', operation, { ...options, repeatable: false });
    return data;
  }

  /** Hides the model; jobs that pinned a version of it keep that. */
  async deleteModel(id: string, options: CallOptions = {}): Promise<void> {
    const operation = { url: '/models/{id}', path: { id } } satisfies DeleteModelData;
    await this.#transport.request('DELETE', operation, { ...options, repeatable: false });
  }

  /**
   * Infers a schema from the first rows of a file; nothing is stored. Throws the system's error if the file cannot
   * be read.
   */
  async inferModel(upload: InferUpload, options: CallOptions = {}): Promise<InferredSchema> {
    const source = await openSource(upload.file, {}, this.platform.openPath);
    const { form, bytes } = await inferForm(upload, source);
    const timeoutMs = INFERENCE_TIMEOUT_MS + Math.ceil(bytes / SLOWEST_BYTES_PER_MS);
    const { data } = await this.#transport.postForm<InferredSchema>(
      '/models/infer',
      form,
      {},
      { ...options, timeoutMs },
    );
    return data;
  }

  /** Every model, newest first; pages are fetched as they are needed. */
  listModels(options: ListOptions = {}): AsyncGenerator<Model, void, undefined> {
    return this.#list<Model>(options, (page) => ({ url: '/models', query: page }) satisfies ListModelsData);
  }

  /**
   * Uploads a file, or takes the one that another job keeps (`fromJob`), and starts a job. Node.js sends whatever it is
   * with constant memory; a browser collects a stream first, up to 1 GiB, and does not hold a Blob. `replayed`: the
   * idempotency key was seen before, and this is the job that exists. Throws what reading the file throws, and
   * UploadSizeError if a file or stream has another size than announced.
   */
  async createJob(upload: JobUpload, options: CreateJobOptions = {}): Promise<{ job: Job; replayed: boolean }> {
    const headers = { 'idempotency-key': options.idempotencyKey ?? randomKey() };
    const { data: job, response } = await (upload.fromJob === undefined
      ? this.#sendFile(upload, headers, options)
      : this.#transport.postForm<Job>('/jobs', formOf(formFields(upload)), headers, uploadRules(options)));
    return { job, replayed: response.headers.get('idempotency-replayed') === 'true' };
  }

  async #sendFile(upload: JobSettings & NewFile, headers: Record<string, string>, options: CreateJobOptions) {
    const { file, filename, sizeBytes: size } = upload;
    const source = await openSource(file, { filename, size }, this.platform.openPath);
    const form = {
      baseUrl: this.baseUrl,
      path: '/jobs',
      headers: { ...this.#transport.headers, ...headers },
      fields: formFields(upload),
      source,
      onProgress: options.onProgress,
    };
    return this.#transport.call<Job>((signal) => this.platform.sendForm({ ...form, signal }), {
      ...uploadRules(options),
      repeatable: source.replayable,
    });
  }

  async getJob(id: string, options: CallOptions = {}): Promise<Job> {
    const operation = { url: '/jobs/{id}', path: { id } } satisfies GetJobData;
    const { data } = await this.#transport.request<Job>('GET', operation, options);
    return data;
  }

  /** Every job, newest first, without its columns; pages are fetched as they are needed. */
  listJobs(filter: JobFilter = {}, options: ListOptions = {}): AsyncGenerator<JobSummary, void, undefined> {
    const asked = { state: filter.state, model_id: filter.modelId };
    return this.#list<JobSummary>(
      options,
      (page) => ({ url: '/jobs', query: { ...asked, ...page } }) satisfies ListJobsData,
    );
  }

  /** The rows in the job's DLQ topic, in the file's order; of a running job those that are committed so far. */
  listRejectedRows(id: string, options: ListOptions = {}): AsyncGenerator<RejectedRow, void, undefined> {
    return this.#list<RejectedRow>(
      options,
      (page) => ({ url: '/jobs/{id}/rejected', path: { id }, query: page }) satisfies ListRejectedRowsData,
    );
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

  /** Normally CANCELLED already when it returns; CANCELLING if the job is still being stopped. */
  async cancelJob(id: string, options: CallOptions = {}): Promise<Job> {
    const operation = { url: '/jobs/{id}', path: { id } } satisfies CancelJobData;
    const { data } = await this.#transport.request<Job>('DELETE', operation, options);
    return data;
  }

  /**
   * Removes an ended job with its topics, for good; the job as it was. `force`: also while its uploaded file is kept.
   * What is left is removed behind the answer.
   */
  async purgeJob(id: string, options: CallOptions & { force?: boolean | undefined } = {}): Promise<Job> {
    const operation = {
      url: '/jobs/{id}',
      path: { id },
      query: { purge: true, force: options.force },
    } satisfies CancelJobData;
    const { data } = await this.#transport.request<Job>('DELETE', operation, { ...options, repeatable: false });
    return data;
  }

  /** Resumes a CANCELLED job, or a FAILED one whose error is not final, from its last committed row. */
  async resumeJob(id: string, options: CallOptions = {}): Promise<Job> {
    const operation = { url: '/jobs/{id}/resume', path: { id } } satisfies ResumeJobData;
    const { data } = await this.#transport.request<Job>('POST', operation, { ...options, repeatable: false });
    return data;
  }

  /**
   * The job once it is SUCCESS, PARTIAL_SUCCESS, FAILED or CANCELLED. Outlives a restart of the service. Throws
   * WaitTimeoutError after `timeoutMs`; the BatchConnectionError, or the BatchApiError of status 5xx, of a service that
   * was away for longer than `maxOutageMs`. The job goes on in either case, and can be waited for again.
   */
  waitForJob(id: string, options: WaitOptions = {}): Promise<Job> {
    const { maxOutageMs = this.#transport.retry.maxOutageMs, ...others } = options;
    return waitUntilOver(id, (signal) => this.#look(id, signal), maxOutageMs, others);
  }

  #list<T>(
    options: ListOptions,
    operation: (page: { limit: number | undefined; cursor: string | undefined }) => Operation,
  ): AsyncGenerator<T, void, undefined> {
    return eachOf(async (cursor) => {
      const page = operation({ limit: options.pageSize, cursor });
      const { data, response } = await this.#transport.request<T[]>('GET', page, options);
      return { items: data, next: nextCursor(response.headers.get('link')) };
    });
  }

  /** Once: the wait itself is what repeats it. */
  async #look(id: string, signal: AbortSignal | undefined): Promise<Job> {
    const timeoutMs = Math.min(LOOK_TIMEOUT_MS, this.#transport.timeoutMs);
    const operation = { url: '/jobs/{id}', path: { id } } satisfies GetJobData;
    const { data } = await this.#transport.request<Job>('GET', operation, { signal, repeatable: false, timeoutMs });
    return data;
  }

  /** Whether the process is alive. */
  async health(options: CallOptions = {}): Promise<Liveness> {
    const operation = { url: '/healthz' } satisfies GetLivenessData;
    const { data } = await this.#transport.request<Liveness>('GET', operation, options);
    return data;
  }

  /** What works and what does not; does not throw when something does not. */
  async readiness(options: CallOptions = {}): Promise<Readiness> {
    const operation = { url: '/readyz' } satisfies GetReadinessData;
    const accepts = ({ body }: Answer) => isReadiness(body);
    const { data } = await this.#transport.request<Readiness>('GET', operation, { ...options, accepts });
    return data;
  }
}

/** For sending a file, or naming one that the service has. */
function uploadRules({ signal }: CallOptions): CallRules {
  return { signal, awaitService: true, timeoutMs: Number.POSITIVE_INFINITY, accepts: isJob };
}

function isJob({ response, body }: Answer): boolean {
  return response.ok && typeof body === 'object' && body !== null && 'job_id' in body;
}

function isReadiness(body: unknown): body is Readiness {
  return typeof body === 'object' && body !== null && 'status' in body && 'details' in body;
}
