import type {
  AddSinksData,
  CancelJobData,
  CreateBackupData,
  CreateFeedData,
  CreateKeyData,
  CreateModelData,
  DeleteFeedData,
  DeleteModelData,
  GetCurrentKeyData,
  GetDiagnosisData,
  GetFeedData,
  GetJobData,
  GetLivenessData,
  GetModelData,
  GetModelVersionData,
  GetReadinessData,
  ListFeedFilesData,
  ListFeedsData,
  ListJobsData,
  ListKeysData,
  ListModelsData,
  ListModelVersionsData,
  ListRejectedRowsData,
  ListSinksData,
  PauseFeedData,
  RemoveSinkRowsData,
  ResumeFeedData,
  ResumeJobData,
  RetryFeedFilesData,
  RetrySinkData,
  RevokeKeyData,
  UpdateModelData,
} from './api/types.gen.js';
import type { Answer } from './connection.js';
import { formOf } from './form-fields.js';
import { type InferUpload, inferForm } from './infer-upload.js';
import {
  formFields,
  type JobSettings,
  type JobUpload,
  type NewFile,
  sourceBody,
  type UploadProgress,
} from './job-upload.js';
import { feedBody, type NewFeed } from './new-feed.js';
import { eachOf, firstOf, nextCursor } from './pages.js';
import type { Platform } from './platform/platform.js';
import { randomKey } from './random-key.js';
import { type OnLeftOut, rejectedFile } from './rejected-file.js';
import { type BatchClientOptions, type CallOptions, type CallRules, type Operation, Transport } from './transport.js';
import type {
  Backup,
  Diagnosis,
  Feed,
  FeedFile,
  FeedFileState,
  FeedSummary,
  InferredSchema,
  Job,
  JobState,
  JobSummary,
  Key,
  KeyCreate,
  Liveness,
  Model,
  ModelCreate,
  ModelUpdate,
  NewKey,
  Readiness,
  RejectedRow,
  SinkName,
  SinkStatus,
} from './types.js';
import { openSource } from './upload-source.js';
import { type WaitOptions, waitUntilOver } from './wait.js';

/** Covers the upload of the sample, the wait for a free place, and the inference; the service limits each of them. */
const INFERENCE_TIMEOUT_MS = 120_000;
/** Covers what the service does before it answers: it looks at the file and reads its beginning. */
const SOURCE_TIMEOUT_MS = 150_000;
/** Timeout of one poll while waiting for a job: a service that takes longer to answer it hangs. */
const BACKUP_MS = 600_000;
const DIAGNOSIS_MS = 60_000;
const LOOK_TIMEOUT_MS = 10_000;
/** The slowest upload of a whole Parquet file, for which the timeout is extended. */
const SLOWEST_BYTES_PER_MS = 512;

export interface CreateJobOptions extends CallOptions {
  /** At most 255 characters. Default: a random UUID. A key never starts a second job. */
  idempotencyKey?: string | undefined;
  /** Called as bytes of the file are handed to the connection. Starts at 0 again if the upload is repeated. */
  onProgress?: ((progress: UploadProgress) => void) | undefined;
}

export interface ListOptions extends CallOptions {
  /** Entries fetched at a time, 1 to 1000. Default 100. */
  pageSize?: number | undefined;
}

export interface RejectedFileOptions extends ListOptions {
  /** Maximum number of rows, including those left out of the file. Default: all. */
  limit?: number | undefined;
  /** Called for each row that cannot be in the file, with the reason, worded to follow "row 5: ". */
  onLeftOut?: OnLeftOut | undefined;
}

export interface JobFilter {
  state?: JobState | undefined;
  modelId?: string | undefined;
  /** true: only jobs that `resumeJob` would take; false: only the others. */
  resumable?: boolean | undefined;
}

/**
 * A Batch service. Every method throws BatchApiError (the service answered with an error), BatchConnectionError
 * (there was no answer) or the signal's reason. Reads, `cancelJob`, and uploads that can be read twice are repeated for
 * up to `retry.maxOutageMs` after a lost response, a 503 or 429 with Retry-After, or a proxy's error because the service is
 * down. Other requests are not repeated. If the first connection is refused, only uploads and waits are repeated.
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

  /** A version of the model, even if the model is deleted. */
  async getModelVersion(id: string, version: number, options: CallOptions = {}): Promise<Model> {
    const operation = { url: '/models/{id}/versions/{version}', path: { id, version } } satisfies GetModelVersionData;
    const { data } = await this.#transport.request<Model>('GET', operation, options);
    return data;
  }

  /** Every version of the model, newest first, even if the model is deleted. */
  listModelVersions(id: string, options: ListOptions = {}): AsyncGenerator<Model, void, undefined> {
    return this.#list<Model>(
      options,
      (page) => ({ url: '/models/{id}/versions', path: { id }, query: page }) satisfies ListModelVersionsData,
    );
  }

  /** Creates the model's next version. Existing jobs keep the version that they started with. */
  async updateModel(id: string, model: ModelUpdate, options: CallOptions = {}): Promise<Model> {
    const operation = { url: '/models/{id}', path: { id }, body: model } satisfies UpdateModelData;
    const { data } = await this.#transport.request<Model>('PUT', operation, { ...options, repeatable: false });
    return data;
  }

  /** Deletes the model. Existing jobs keep the version that they started with. */
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
   * Uploads a file, or uses the one that another job keeps (`fromJob`) or one that the service reads where it lies
   * (`source`), and starts a job. Node.js sends any
   * kind of file with constant memory. A browser reads all of a stream into memory first, up to 1 GiB, but not a Blob.
   * `replayed`: the idempotency key was used before, and `job` is the job it started. Throws what reading the file
   * throws, and UploadSizeError if the size of a file or stream differs from the one announced.
   */
  async createJob(upload: JobUpload, options: CreateJobOptions = {}): Promise<{ job: Job; replayed: boolean }> {
    const headers = { 'idempotency-key': options.idempotencyKey ?? randomKey() };
    const { data: job, response } = await this.#send(upload, headers, options);
    return { job, replayed: response.headers.get('idempotency-replayed') === 'true' };
  }

  #send(upload: JobUpload, headers: Record<string, string>, options: CreateJobOptions) {
    if (upload.source !== undefined) {
      const operation = { url: '/jobs', headers, body: sourceBody(upload) };
      return this.#transport.request<Job>('POST', operation, { ...uploadRules(options), timeoutMs: SOURCE_TIMEOUT_MS });
    }
    if (upload.fromJob === undefined) return this.#sendFile(upload, headers, options);
    return this.#transport.postForm<Job>('/jobs', formOf(formFields(upload)), headers, uploadRules(options));
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
    const asked = { state: filter.state, model_id: filter.modelId, resumable: filter.resumable };
    return this.#list<JobSummary>(
      options,
      (page) => ({ url: '/jobs', query: { ...asked, ...page } }) satisfies ListJobsData,
    );
  }

  /** The rows in the job's DLQ topic, in the order of the file. For a running job: those committed so far. */
  listRejectedRows(id: string, options: ListOptions = {}): AsyncGenerator<RejectedRow, void, undefined> {
    return this.#list<RejectedRow>(
      options,
      (page) => ({ url: '/jobs/{id}/rejected', path: { id }, query: page }) satisfies ListRejectedRowsData,
    );
  }

  /**
   * The same rows as a file to correct and send again with the job's options. For CSV it has the header, dialect and
   * encoding of the job's file, and the rows as they were. For JSON and Parquet it is NDJSON: send it with
   * `format: 'ndjson'`.
   */
  async *rejectedFile(
    id: string,
    { limit = Number.POSITIVE_INFINITY, onLeftOut, ...options }: RejectedFileOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const job = await this.getJob(id, options);
    yield* rejectedFile(job, firstOf(this.listRejectedRows(id, options), limit), onLeftOut);
  }

  /** Cancels the job. The job returned is normally CANCELLED, or CANCELLING if it is still being stopped. */
  async cancelJob(id: string, options: CallOptions = {}): Promise<Job> {
    const operation = { url: '/jobs/{id}', path: { id } } satisfies CancelJobData;
    const { data } = await this.#transport.request<Job>('DELETE', operation, options);
    return data;
  }

  /**
   * Removes an ended job and its topics permanently, and returns the job as it was. `force`: even if its uploaded file
   * is still kept. The removal may finish after the response.
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

  /** The sinks that the service is configured with. */
  async listSinks(options: CallOptions = {}): Promise<SinkStatus[]> {
    const operation = { url: '/sinks' } satisfies ListSinksData;
    const { data } = await this.#transport.request<SinkStatus[]>('GET', operation, options);
    return data;
  }

  /** Loads the rows of a job into more sinks, or again into those that they were removed from. */
  async addSinks(id: string, sinks: readonly SinkName[], options: CallOptions = {}): Promise<Job> {
    const operation = { url: '/jobs/{id}/sinks', path: { id }, body: { sinks: [...sinks] } } satisfies AddSinksData;
    const { data } = await this.#transport.request<Job>('POST', operation, { ...options, repeatable: false });
    return data;
  }

  /** Creates a feed, which begins at once. */
  async createFeed(feed: NewFeed, options: CallOptions = {}): Promise<Feed> {
    const operation = { url: '/feeds', body: feedBody(feed) } satisfies CreateFeedData;
    const { data } = await this.#transport.request<Feed>('POST', operation, { ...options, repeatable: false });
    return data;
  }

  async getFeed(id: string, options: CallOptions = {}): Promise<Feed> {
    const operation = { url: '/feeds/{id}', path: { id } } satisfies GetFeedData;
    const { data } = await this.#transport.request<Feed>('GET', operation, options);
    return data;
  }

  /** Every feed, newest first; pages are fetched as they are needed. */
  listFeeds(options: ListOptions = {}): AsyncGenerator<FeedSummary, void, undefined> {
    return this.#list<FeedSummary>(options, (page) => ({ url: '/feeds', query: page }) satisfies ListFeedsData);
  }

  /** The files that a feed has found, the last ones first; pages are fetched as they are needed. */
  listFeedFiles(
    id: string,
    filter: { state?: FeedFileState | undefined } = {},
    options: ListOptions = {},
  ): AsyncGenerator<FeedFile, void, undefined> {
    return this.#list<FeedFile>(
      options,
      (page) =>
        ({
          url: '/feeds/{id}/files',
          path: { id },
          query: { state: filter.state, ...page },
        }) satisfies ListFeedFilesData,
    );
  }

  /** The feed neither lists its source nor takes files; jobs that it has started go on. */
  async pauseFeed(id: string, options: CallOptions = {}): Promise<Feed> {
    const operation = { url: '/feeds/{id}/pause', path: { id } } satisfies PauseFeedData;
    const { data } = await this.#transport.request<Feed>('POST', operation, { ...options, repeatable: false });
    return data;
  }

  /** The feed goes on, with a listing at once. */
  async resumeFeed(id: string, options: CallOptions = {}): Promise<Feed> {
    const operation = { url: '/feeds/{id}/resume', path: { id } } satisfies ResumeFeedData;
    const { data } = await this.#transport.request<Feed>('POST', operation, { ...options, repeatable: false });
    return data;
  }

  /** Has failed files taken again: those of these ids (`file_id`), or all. Returns how many there are. */
  async retryFeedFiles(id: string, files?: readonly string[], options: CallOptions = {}): Promise<number> {
    const body = files === undefined ? {} : { files: [...files] };
    const operation = { url: '/feeds/{id}/retry', path: { id }, body } satisfies RetryFeedFilesData;
    const { data } = await this.#transport.request<{ retried: number }>('POST', operation, {
      ...options,
      repeatable: false,
    });
    return data.retried;
  }

  /** Deletes a feed. Its jobs go on, and what it has taken is remembered for another feed of the same id. */
  async deleteFeed(id: string, options: CallOptions = {}): Promise<void> {
    const operation = { url: '/feeds/{id}', path: { id } } satisfies DeleteFeedData;
    await this.#transport.request('DELETE', operation, { ...options, repeatable: false });
  }

  /** Tries to load a job into a sink again, now: one that has FAILED or is RETRYING. */
  async retrySink(id: string, name: SinkName, options: CallOptions = {}): Promise<Job> {
    const operation = { url: '/jobs/{id}/sinks/{name}/retry', path: { id, name } } satisfies RetrySinkData;
    const { data } = await this.#transport.request<Job>('POST', operation, { ...options, repeatable: false });
    return data;
  }

  /** Takes the rows of a job out of a sink. The sink is REMOVING then, later REMOVED; `waitForJob` waits for that. */
  async removeSinkRows(id: string, name: SinkName, options: CallOptions = {}): Promise<Job> {
    const operation = { url: '/jobs/{id}/sinks/{name}/rows', path: { id, name } } satisfies RemoveSinkRowsData;
    const { data } = await this.#transport.request<Job>('DELETE', operation, options);
    return data;
  }

  /**
   * Waits until the job is SUCCESS, PARTIAL_SUCCESS, FAILED or CANCELLED and its rows are in its sinks, and returns it. Continues through a restart of
   * the service. Throws WaitTimeoutError after `timeoutMs`, and BatchConnectionError, or BatchApiError with status 5xx,
   * if the service is down for longer than `maxOutageMs`. In both cases the job continues, and can be waited for again.
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

  /** One request, without retries: the wait repeats it. */
  async #look(id: string, signal: AbortSignal | undefined): Promise<Job> {
    const timeoutMs = Math.min(LOOK_TIMEOUT_MS, this.#transport.timeoutMs);
    const operation = { url: '/jobs/{id}', path: { id } } satisfies GetJobData;
    const { data } = await this.#transport.request<Job>('GET', operation, { signal, repeatable: false, timeoutMs });
    return data;
  }

  /** Creates an API key. `key` is in this answer alone. */
  async createKey(key: KeyCreate, options: CallOptions = {}): Promise<NewKey> {
    const operation = { url: '/keys', body: key } satisfies CreateKeyData;
    const { data } = await this.#transport.request<NewKey>('POST', operation, { ...options, repeatable: false });
    return data;
  }

  /** Every API key, newest first; pages are fetched as they are needed. */
  listKeys(options: ListOptions = {}): AsyncGenerator<Key, void, undefined> {
    return this.#list<Key>(options, (page) => ({ url: '/keys', query: page }) satisfies ListKeysData);
  }

  /** The API key that this client has. */
  async getCurrentKey(options: CallOptions = {}): Promise<Key> {
    const operation = { url: '/keys/current' } satisfies GetCurrentKeyData;
    const { data } = await this.#transport.request<Key>('GET', operation, options);
    return data;
  }

  /** Revokes an API key: the next request with it is refused. */
  async revokeKey(id: string, options: CallOptions = {}): Promise<Key> {
    const operation = { url: '/keys/{id}', path: { id } } satisfies RevokeKeyData;
    const { data } = await this.#transport.request<Key>('DELETE', operation, options);
    return data;
  }

  /** Whether the process is alive. */
  async health(options: CallOptions = {}): Promise<Liveness> {
    const operation = { url: '/healthz' } satisfies GetLivenessData;
    const { data } = await this.#transport.request<Liveness>('GET', operation, options);
    return data;
  }

  /** What works and what does not. Does not throw if something does not work. */
  async readiness(options: CallOptions = {}): Promise<Readiness> {
    const operation = { url: '/readyz' } satisfies GetReadinessData;
    const accepts = ({ body }: Answer) => isReadiness(body);
    const { data } = await this.#transport.request<Readiness>('GET', operation, { ...options, accepts });
    return data;
  }

  /** Has the service write a backup of its SQLite, to a file on its machine. Throws BatchApiError BACKUP_BY_DATABASE. */
  async createBackup(options: CallOptions = {}): Promise<Backup> {
    const operation = { url: '/backups' } satisfies CreateBackupData;
    const { data } = await this.#transport.request<Backup>('POST', operation, {
      ...options,
      repeatable: false,
      timeoutMs: BACKUP_MS,
    });
    return data;
  }

  /** Has the service look at everything that it stands on, which takes up to 20 s. Does not throw for what is wrong. */
  async diagnosis(options: CallOptions = {}): Promise<Diagnosis> {
    const operation = { url: '/diagnostics' } satisfies GetDiagnosisData;
    const { data } = await this.#transport.request<Diagnosis>('GET', operation, {
      ...options,
      timeoutMs: DIAGNOSIS_MS,
    });
    return data;
  }
}

/** The rules for creating a job from an upload or a kept file. */
function uploadRules({ signal }: CallOptions): CallRules {
  return { signal, awaitService: true, timeoutMs: Number.POSITIVE_INFINITY, accepts: isJob };
}

function isJob({ response, body }: Answer): boolean {
  return response.ok && typeof body === 'object' && body !== null && 'job_id' in body;
}

function isReadiness(body: unknown): body is Readiness {
  return typeof body === 'object' && body !== null && 'status' in body && 'details' in body;
}
