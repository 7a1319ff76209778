/**
 * Every error a user can meet, and nothing else: code → HTTP status, title, hint.
 * Nobody invents a code at the throw site; the contract's table is checked against this one.
 */
interface Entry {
  /** HTTP status; null if the code appears only in `job.error`. */
  status: number | null;
  title: string;
  /**
   * What the user can do about it: one sentence. Requests are in backticks, `{id}` for a job's or model's id: the CLI
   * names its own commands in their place.
   */
  hint: string;
  /** The same request may succeed later without being changed. */
  retryable?: true;
  /** A job that failed with it cannot be resumed: going on could do harm, or would meet the same error again. */
  final?: true;
}

const entries = {
  FILE_TOO_LARGE: {
    status: 413,
    title: 'The file is too large',
    hint: 'Split the file, or raise MAX_UPLOAD_BYTES (a source: MAX_SOURCE_BYTES) on the server.',
  },
  UNSUPPORTED_FILE_TYPE: {
    status: 400,
    title: 'The file type is not supported',
    hint: 'Send Parquet, or CSV, JSON (an array of objects) or NDJSON text, and name its encoding if it is not UTF-8; pass format=… if the first bytes look like another format.',
  },
  MODEL_NOT_FOUND: {
    status: 404,
    title: 'There is no such model',
    hint: 'List the models with `GET /models`, or create one with `POST /models`.',
  },
  KAFKA_UNAVAILABLE: {
    status: 503,
    title: 'Kafka is unreachable',
    hint: 'Start the broker with `scripts/up.sh` or check KAFKA_BROKERS, then try again (a failed job: `POST /jobs/{id}/resume`).',
    retryable: true,
  },
  JOB_NOT_FOUND: {
    status: 404,
    title: 'There is no such job',
    hint: 'List the jobs with `GET /jobs`.',
  },
  INTERNAL_ERROR: {
    status: 500,
    title: 'Internal error',
    hint: 'Open an issue with the request_id; the log holds the details under this id.',
  },
  INVALID_JSON: {
    status: 400,
    title: 'The body is not valid JSON',
    hint: 'Send a JSON object with Content-Type: application/json.',
  },
  INVALID_MULTIPART: {
    status: 400,
    title: 'The body is not valid multipart/form-data',
    hint: 'Send one part named "file" as multipart/form-data, for example with curl -F file=@data.csv.',
  },
  MISSING_MODEL_ID: {
    status: 400,
    title: 'No model was named',
    hint: 'Pass model_id as a form field or as a query parameter.',
  },
  MISSING_FILE: {
    status: 400,
    title: 'No file was sent',
    hint: 'Send the file as the multipart part named "file", with a file name.',
  },
  READ_ERROR: {
    status: 400,
    title: 'The file is empty or cannot be decompressed',
    hint: 'Check how the file was exported and compressed.',
  },
  INVALID_SCHEMA: {
    status: 400,
    title: 'The schema is not valid',
    hint: 'Correct the schema at the place that the message names.',
  },
  INVALID_OPTION: {
    status: 400,
    title: 'An option is not valid',
    hint: 'Correct or remove the option that the message names.',
  },
  INVALID_REQUEST: {
    status: 400,
    title: 'The request is not valid',
    hint: 'Correct the field that the message names; /docs shows what is expected.',
  },
  MODEL_ALREADY_EXISTS: {
    status: 409,
    title: 'A model with this id exists',
    hint: 'Choose another id, or look at the existing one with `GET /models/{id}`.',
  },
  JOB_STATE_CONFLICT: {
    status: 409,
    title: 'The job is in a state that does not allow this',
    hint: 'Look at the job with `GET /jobs/{id}`.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: 409,
    title: 'The Idempotency-Key belongs to another upload',
    hint: 'Use a new Idempotency-Key for a different file, model or options.',
  },
  REJECTED_EXPIRED: {
    status: 410,
    title: 'The rejected rows are gone',
    hint: 'Ingest the file again as a new job.',
  },
  SPOOL_EXPIRED: {
    status: 410,
    title: 'The uploaded file is gone',
    hint: 'Ingest the file again as a new job.',
  },
  NOT_FOUND: { status: 404, title: 'There is no such path', hint: 'See /docs for the available paths.' },
  METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'This path does not accept this method',
    hint: 'See /docs for the methods of this path.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'The request has the wrong content type',
    hint: 'Send application/json, or multipart/form-data for a file.',
  },
  UPLOAD_TIMEOUT: {
    status: 408,
    title: 'The upload stalled',
    hint: 'Check the connection and upload again; the same Idempotency-Key is safe.',
    retryable: true,
  },
  UNAUTHENTICATED: {
    status: 401,
    title: 'The request needs an API key',
    hint: 'Send `Authorization: Bearer <key>`; an administrator creates keys with `POST /keys`.',
  },
  FORBIDDEN: {
    status: 403,
    title: 'The API key does not allow this',
    hint: 'See what the key is for with `GET /keys/current`; an administrator creates another one with `POST /keys`.',
  },
  KEY_NOT_FOUND: {
    status: 404,
    title: 'There is no such API key',
    hint: 'List the keys with `GET /keys`.',
  },
  FORBIDDEN_HOST: {
    status: 421,
    title: 'This Host is not accepted',
    hint: 'Use localhost, or add the name to ALLOWED_HOSTS on the server.',
  },
  CROSS_SITE_REQUEST: {
    status: 403,
    title: 'Requests from other sites are refused',
    hint: 'Call the API from its own pages or from a program that is not a browser.',
  },
  STORAGE_UNAVAILABLE: {
    status: 503,
    title: 'The storage of uploaded files is unavailable',
    hint: 'Check STORAGE_URL, S3_ENDPOINT, the credentials and the storage itself, then try again.',
    retryable: true,
  },
  STORE_UNAVAILABLE: {
    status: 503,
    title: 'The database is unavailable',
    hint: 'Check DATABASE_URL and the database server, then try again.',
    retryable: true,
  },
  BACKUP_BY_DATABASE: {
    status: 409,
    title: 'The database makes its own backups',
    hint: 'Use pg_dump, as docs/operations.md says.',
  },
  INSUFFICIENT_STORAGE: {
    status: 507,
    title: 'The server is short of disk space',
    hint: 'Free disk space under DATA_DIR, then upload again.',
    retryable: true,
  },
  SERVICE_BUSY: {
    status: 503,
    title: 'The service is overloaded',
    hint: 'Send the same request again in a few seconds.',
    retryable: true,
  },
  RATE_LIMITED: {
    status: 429,
    title: 'The client has made too many requests',
    hint: 'Send the same request again after the seconds in Retry-After, or raise the limit that the message names on the server.',
    retryable: true,
  },
  TOPIC_LIMIT: {
    status: 503,
    title: 'There are too many job topics',
    hint: 'Purge ended jobs with `DELETE /jobs/{id}?purge=true` (`GET /jobs` lists the oldest last), or raise MAX_JOB_TOPICS on the server if the brokers can hold more.',
    retryable: true,
  },
  HEADER_MISMATCH: {
    status: 400,
    title: "The file's columns cannot be used",
    hint: 'Correct the columns of the file or of the model, or rename them (rename), then send the file again.',
    final: true,
  },
  DIALECT_UNCLEAR: {
    status: 400,
    title: 'The file does not tell how it is written',
    hint: 'Say it with the options delimiter, quote, escape, skip_lines, header or encoding.',
  },
  ALL_ROWS_REJECTED: {
    status: null,
    title: 'No row satisfied the model',
    hint: 'Look at the rejected rows with `GET /jobs/{id}/rejected`: usually the delimiter, the encoding, a date format or the model does not fit the file.',
    final: true,
  },
  KAFKA_REJECTED: {
    status: 502,
    title: 'Kafka refuses an operation that the job needs',
    hint: "Check the broker's limits, policies and permissions (docs/operations.md lists the required ones), then send the file again, or resume a failed job with `POST /jobs/{id}/resume`.",
  },
  KAFKA_UNSUPPORTED: {
    status: 502,
    title: 'The brokers cannot write a job exactly once',
    hint: 'Change the brokers as docs/operations.md says (the required versions and settings), then send the file again, or resume a failed job with `POST /jobs/{id}/resume`.',
  },
  CHECKPOINT_LOST: {
    status: null,
    title: "The job's checkpoint and its topics no longer agree",
    hint: 'Start a new job with the same file while it is kept: `POST /jobs` with model_id={model_id} and from_job={id}. Resuming this one could lose or duplicate rows.',
    final: true,
  },
  RUNNER_CRASHED: {
    status: null,
    title: 'The runner crashed three times without progress',
    hint: 'Open an issue (the log names the signal and the position in the file); `POST /jobs/{id}/resume` tries again from there.',
  },
  INVALID_SOURCE: {
    status: 400,
    title: 'The source is not a valid URI',
    hint: 'Write it as file:///<path>, s3://<bucket>/<key>, gs://<bucket>/<name>, az://<account>/<container>/<name> or https://<host>/<path>, without credentials. A job reads one file; a feed reads a folder (/ at the end) or a pattern (with *).',
  },
  SOURCE_NOT_ALLOWED: {
    status: 403,
    title: 'The source may not be read',
    hint: 'Add its folder or prefix to SOURCES on the server and start it again, for example SOURCES=file:/data/in,s3://bucket/prefix. A failed job can then be resumed with `POST /jobs/{id}/resume`.',
  },
  SOURCE_NOT_FOUND: {
    status: 404,
    title: 'There is no such file',
    hint: 'Check the spelling of the URI. A failed job can be resumed with `POST /jobs/{id}/resume` once the same version of the file is back.',
  },
  SOURCE_FORBIDDEN: {
    status: 403,
    title: 'The source refuses to be read',
    hint: 'Check the credentials that the service uses (SOURCE_CONNECTIONS on the server) and what they may read. A failed job can then be resumed with `POST /jobs/{id}/resume`.',
  },
  SOURCE_CHANGED: {
    status: 409,
    title: 'The file is another one by now',
    hint: 'Send the request again to read the file as it is now. Rows that a job has committed are from the version that it was created for.',
    final: true,
  },
  SOURCE_UNSUPPORTED: {
    status: 400,
    title: 'The source cannot be read in place',
    hint: 'Correct what the message names, or upload the file.',
    final: true,
  },
  SOURCE_UNAVAILABLE: {
    status: 503,
    title: 'The source does not answer',
    hint: 'Check that the service can reach the source, and try again later. A failed job can be resumed with `POST /jobs/{id}/resume`.',
    retryable: true,
  },
  EXPECTATION_FAILED: {
    status: null,
    title: 'The file is not what was expected of it',
    hint: 'Compare the control totals (expect) with the file, then start a new job with whichever was wrong put right.',
    final: true,
  },
  BROKEN_RECORD: {
    status: null,
    title: 'A record breaks at a quote',
    hint: 'Say how the file writes quotes (quote, escape, delimiter) or correct it, then send it again; with on_broken=continue such records are rejected.',
    final: true,
  },
  SPOOL_UNREADABLE: {
    status: null,
    title: 'The stored file cannot be read',
    hint: 'Check the disk under DATA_DIR or the S3 bucket, the permissions and the limit of open files, then resume with `POST /jobs/{id}/resume`.',
  },
  FILE_CORRUPT: {
    status: 400,
    title: 'The file is damaged or cut off',
    hint: 'Export the file again, then send it again.',
    final: true,
  },
  FILE_TOO_COMPLEX: {
    status: 400,
    title: 'The file exceeds a decoding limit',
    hint: 'Write the file in smaller parts (Parquet: smaller row groups, for example row_group_size in pyarrow), or raise the limit that the message names on the server; resume a failed job with `POST /jobs/{id}/resume`.',
  },
  SINK_NOT_CONFIGURED: {
    status: 400,
    title: 'The sink is not configured',
    hint: 'Set the URL that the message names on the server; `GET /sinks` lists the sinks that there are.',
  },
  SINK_NOT_FOUND: {
    status: 404,
    title: 'The job is not loaded into this sink',
    hint: 'Look at the job (`GET /jobs/{id}`), or load it with `POST /jobs/{id}/sinks`.',
  },
  SINK_STATE_CONFLICT: {
    status: 409,
    title: 'The load is in another state',
    hint: 'Look at the job with `GET /jobs/{id}`.',
  },
  SINK_EXPIRED: {
    status: 410,
    title: "The job's topics no longer hold all of its rows",
    hint: 'Send the file again with `POST /jobs`.',
  },
  SINK_NOT_REVERSIBLE: {
    status: 409,
    title: "The job's rows cannot be told from others",
    hint: 'Set SINK_LINEAGE=on on the server for the jobs to come.',
  },
  SINK_UNAVAILABLE: {
    status: null,
    title: 'The sink does not answer',
    hint: 'Nothing needs to be done: the load goes on when the database answers.',
  },
  SINK_FORBIDDEN: {
    status: null,
    title: 'The sink refuses the credentials or a right',
    hint: "Correct the URL's user and password, or grant the right that the message names; the load goes on by itself.",
  },
  SINK_SCHEMA_CONFLICT: {
    status: null,
    title: 'The tables of the sink do not fit',
    hint: 'Run the statements that the message names, then `POST /jobs/{id}/sinks/{name}/retry`.',
  },
  SINK_STATE_LOST: {
    status: null,
    title: 'The sink has lost where the load stands',
    hint: "Take the job's rows out with `DELETE /jobs/{id}/sinks/{name}/rows`, then load them again with `POST /jobs/{id}/sinks`.",
  },
  SINK_TOO_MANY_ERRORS: {
    status: null,
    title: 'The sink has rejected too many rows',
    hint: 'Read them with `GET /jobs/{id}/rejected`; correct the model or the file, and send it again.',
  },
  SINK_CRASHED: {
    status: null,
    title: 'The process of the sink crashed',
    hint: 'Look at the log of the worker, then `POST /jobs/{id}/sinks/{name}/retry`.',
  },
  JOB_CANCELLED: {
    status: null,
    title: 'The job was cancelled',
    hint: 'Take the file again with `POST /feeds/{id}/retry`.',
  },
  FEED_NOT_FOUND: {
    status: 404,
    title: 'There is no such feed',
    hint: 'List the feeds with `GET /feeds`, or create one with `POST /feeds`.',
  },
  FEED_SECRET_WRONG: {
    status: 401,
    title: 'The secret of the feed is missing or wrong',
    hint: 'Send `Authorization: Bearer <secret>` with the secret that the feed was created with.',
  },
  FEED_ALREADY_EXISTS: {
    status: 409,
    title: 'The feed exists already',
    hint: 'Choose another id, or delete the feed with `DELETE /feeds/{id}` first; what it has taken is remembered.',
  },
  FEED_TOO_MANY_FAILURES: {
    status: null,
    title: 'Too many files of the feed have failed in a row',
    hint: 'See why with `GET /feeds/{id}/files?state=FAILED`, then `POST /feeds/{id}/resume`.',
  },
} satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof entries;
export const catalogue: Readonly<Record<ErrorCode, Entry>> = entries;
