/**
 * The tables as they are stored. TEXT and INTEGER only, so that one migration set serves SQLite and Postgres:
 * JSON is TEXT, times are ISO 8601 TEXT in UTC, truth values are 0 and 1.
 */
export interface Tables {
  models: ModelsTable;
  model_versions: ModelVersionsTable;
  jobs: JobsTable;
  running_time: RunningTimeTable;
  installation: InstallationTable;
  spare_topics: SpareTopicsTable;
  leases: LeasesTable;
  workers: WorkersTable;
  uploads: UploadsTable;
  sink_loads: SinkLoadsTable;
  sink_rejects: SinkRejectsTable;
  feeds: FeedsTable;
  feed_files: FeedFilesTable;
  api_keys: ApiKeysTable;
}

/** Keys that requests are made with. */
export interface ApiKeysTable {
  /** The part of the key that is not secret. */
  id: string;
  /** Order of creation; the key of the pages of a list. */
  seq: number;
  /** Who uses it; several keys may have one name. */
  name: string;
  /** SHA-256 of the whole key, in hex. */
  hash: string;
  /** read, write, admin. */
  scope: string;
  /** JSON: string[], the only models that it is for; null: all. */
  models: string | null;
  created_at: string;
  /** The name of the key that it was created with; null: on the server itself. */
  created_by: string | null;
  /** null: never. */
  expires_at: string | null;
  /** null: it can be used. */
  revoked_at: string | null;
}

/** Sources that files are taken from as they arrive. */
export interface FeedsTable {
  id: string;
  /** Order of creation; the key of the pages of a list. */
  seq: number;
  /** 1: deleted for its users; what it has taken is remembered, and the files that are under way are followed to their end. */
  hidden: number;
  /** JSON: FeedDefinition. */
  definition: string;
  /** ACTIVE, PAUSED. */
  state: string;
  /** Files in a row that have failed. */
  failures: number;
  /** Why it is paused, or what was wrong the last time; null: nothing. */
  error_code: string | null;
  error_message: string | null;
  /** The path behind which the listing that is under way goes on; null: none is. */
  listed_to: string | null;
  /** By the store's clock, as all times here, in milliseconds since the epoch: when the last whole listing ended. */
  looked_at: number | null;
  /** When the next listing begins, or goes on. */
  next_look_at: number;
  /** Raised by whatever users ask of it, which a round that is under way does not know of yet. */
  revision: number;
  /** When it is to be worked on next; null: there is nothing to do. */
  run_after: number | null;
  /** The start of a process that works on it, until then. */
  lease_owner: string | null;
  lease_until: number;
  /** SHA-256 of the secret of its notifications, in hex; null: it takes none. */
  secret_hash: string | null;
  created_at: string;
  updated_at: string;
}

/** The versions of files that feeds have found, and what became of them. */
export interface FeedFilesTable {
  /** A hash of the feed, the URI and the version: each is there once. */
  file_key: string;
  /** A hash of the feed and the URI. */
  uri_key: string;
  feed_id: string;
  /** The order in which they were found; the key of the pages of a list. */
  seq: number;
  uri: string;
  /** As listings show it. */
  version: string;
  size_bytes: number;
  modified_at: string;
  /** PENDING, IN_PROGRESS, COMPLETED, FAILED. */
  state: string;
  /** PENDING: when it is taken at the earliest, in milliseconds since the epoch by the store's clock. */
  run_after: number;
  /** PENDING: attempts to take it that failed for a reason that may pass. */
  tries: number;
  /** 1 + the number of retries; each has its job. */
  attempt: number;
  job_id: string | null;
  error_code: string | null;
  error_message: string | null;
  /** What is to become of the file itself: PENDING, then MOVED, DELETED, KEPT; null: nothing. */
  after_state: string | null;
  /** PENDING: when that is seen to, in milliseconds since the epoch by the store's clock. */
  after_due: number;
  /** Why it was kept, or is not moved or deleted yet; null: for no reason. */
  after_message: string | null;
  /** When a listing has shown it last, to the day, in milliseconds since the epoch by the store's clock. */
  seen_at: number;
  found_at: string;
  updated_at: string;
  finished_at: string | null;
}

/** How far the rows of a job are in a sink. What users see of it is copied to the job's row in the same transaction. */
export interface SinkLoadsTable {
  job_id: string;
  /** The sink. */
  name: string;
  /** PENDING, LOADING, LOADED, RETRYING, FAILED, REMOVING, REMOVED. */
  state: string;
  /** success, streaming. */
  sink_when: string;
  /** The generation; raised whenever the job's rows were taken out. */
  load: number;
  rows: number;
  rejected: number;
  /** As the sink names it; null: not known yet. */
  table_name: string | null;
  error_code: string | null;
  error_message: string | null;
  /** Errors in a row. */
  failures: number;
  /** Number and random token of the last claim. */
  lease: number;
  lease_token: string | null;
  /** The start of a process that has the lease; null: nobody does. */
  lease_owner: string | null;
  /** Milliseconds since the epoch by the store's clock. */
  lease_until: number | null;
  /** Milliseconds since the epoch by the store's clock: from then on it may be claimed. null: it waits for its job, or is done. */
  run_after: number | null;
  /** 1: the topics of the job are kept for it beyond their retention. */
  keeps_topics: number;
  updated_at: string;
}

/** Rows that a sink has rejected, as the API shows them. */
export interface SinkRejectsTable {
  job_id: string;
  name: string;
  load: number;
  /** The offset of the record in the topic of accepted rows. */
  record_offset: number;
  row_number: number;
  /** JSON: RejectedRow. */
  value: string;
}

/** Files that come in, and that no row of jobs has yet. */
export interface UploadsTable {
  file_key: string;
  /** The start of a process that receives the file. */
  owner: string;
  /** UPLOADING; ABORTED: its owner has given no sign of life, and the file is to be removed. */
  phase: string;
  /** Milliseconds since the epoch, by the store's clock: the last sign of life, or when the row was aborted. */
  touched_at: number;
}

/** What one process has, and nobody else. */
export interface LeasesTable {
  name: string;
  /** A start of a process. */
  owner: string;
  /** Milliseconds since the epoch, by the clock of the database. */
  expires_at: number;
  /** Grows whenever another owner has it. */
  epoch: number;
}

export interface ModelsTable {
  id: string;
  /** Order of creation; the key of the pages of a list. */
  seq: number;
  /** The newest version; versions count from 1 and are never deleted. */
  version: number;
  /** 1: deleted for its users; jobs that pinned a version still find it. */
  hidden: number;
  created_at: string;
}

export interface ModelVersionsTable {
  model_id: string;
  version: number;
  name: string;
  /** JSON: the schema as its author spelled it. */
  schema: string;
  /** JSON: Column[]. */
  columns: string;
  additional_columns: number;
  /** JSON: the sinks of jobs that name none; null: those of the service. */
  sinks: string | null;
  created_at: string;
}

export interface JobsTable {
  job_id: string;
  /** Order of creation; the key of the pages of a list. */
  seq: number;
  idempotency_key: string | null;
  model_id: string;
  model_version: number;
  state: string;
  revision: number;
  /** The highest revision that the topic of the jobs is known to hold. */
  published_revision: number;
  /** null: the row is a job. CREATING, ABORTED, PURGING: it is not yet, never became, or is no longer one. */
  phase: string | null;
  /** CREATING: the start of a process that creates the job. */
  phase_owner: string | null;
  /** CREATING: when its owner last touched it, in milliseconds since the epoch by the store's clock. */
  touched_at: number | null;
  /** The key of its file in the store of files; null: the row was aborted, and another one has the file. */
  file_key: string | null;
  /** 1: the file is known to be removed. */
  file_gone: number;
  /** The fencing token of the last runner. */
  lease: number;
  /** Random, of the last claim: the number alone may be given out twice after a failover or a restore. null: none yet. */
  lease_token: string | null;
  /** The start of a process that has the lease; null: nobody works on the job. */
  lease_owner: string | null;
  /** Milliseconds since the epoch by the store's clock: from then on others may take the lease. null: none was ever given. */
  lease_until: number | null;
  /**
   * Milliseconds since the epoch by the store's clock: from then on the job may be claimed; who has waited longest comes
   * first. null: it needs no runner.
   */
  run_after: number | null;
  /** The oldest version of workers that understand the job, see JOB_VERSION. */
  job_version: number;
  /** Runner crashes since the last commit. */
  crashes: number;
  /** System errors since the last commit, or the last resume. */
  failures: number;
  attempt: number;
  /** What the names of its topics, its group and its transactional id begin with. */
  topic_prefix: string;
  filename: string;
  format: string;
  size_bytes: number;
  /** In hex; null: of a job that is older than the column. */
  sha256: string | null;
  /** JSON: Record<string, unknown>, what was asked for other than the defaults; null: of an older job. */
  requested_options: string | null;
  /** JSON: Record<string, string>. */
  metadata: string;
  /** JSON: Dialect, or null. */
  dialect: string;
  /** JSON: ProcessingOptions; what is absent has its default. */
  options: string;
  /** JSON: SourceEncoding; what is absent has its default. */
  source_encoding: string;
  /** JSON: string[], the file's header. */
  file_columns: string | null;
  /** JSON: Checkpoint, the newest one that was seen. */
  checkpoint: string | null;
  /** 1: the checkpoint is known to be all that is committed. */
  checkpoint_verified: number;
  bytes_done: number;
  pending_error_code: string | null;
  pending_error_message: string | null;
  error_code: string | null;
  error_message: string | null;
  /** 1: the spooled file is still kept. */
  spooled: number;
  waiting_ms: number;
  processing_ms: number;
  /** Milliseconds since the epoch: when the job began to wait or to be worked on. */
  phase_since: number;
  created_at: string;
  started_at: string | null;
  updated_at: string;
  finished_at: string | null;
  /** The running time at which the job was first seen ended; null: it was not yet, in its current state. */
  seen_ended: number | null;
  /** 1: its topics were deleted before the row. */
  topics_removed: number;
  /** JSON: StoredSink[], a copy of what sink_loads has. */
  sinks: string;
  /** JSON: JobSource, the file that the job reads where it lies; null: it was uploaded. */
  source: string | null;
  /** Its URI; workers claim only jobs whose source they may read. */
  source_uri: string | null;
  /** JSON: JobError, why the job waits, if it is not for its turn. */
  waiting: string | null;
  /** JSON: TraceContext of the span that created the job; null: it was created without traces. */
  trace_context: string | null;
  /** The name of the API key that it was created with, or its feed; null: there was none. */
  owner: string | null;
}

/** One row. */
export interface RunningTimeTable {
  /** Milliseconds for which the service has run on this store, all its starts together. */
  ms: number;
}

/** The processes that work on jobs. */
export interface WorkersTable {
  /** A start of a process. */
  owner: string;
  /** JSON: AllowedSource[], what it may read. */
  sources: string;
  /** Milliseconds since the epoch by the store's clock: who has not renewed it by then is gone. */
  expires_at: number;
}

/** One row. */
export interface InstallationTable {
  /** Random, created with the store: identifies who claims a topic prefix. */
  id: string;
  /** The topic that has its last claim of a prefix, and the claim's offset there; null: it has claimed none. */
  claim_topic: string | null;
  claim_offset: number | null;
  /** A process that does not know this migration cannot work on the tables. */
  needed_migration: string;
  /** The oldest release that knows it, for people. */
  needed_release: string;
}

/** Topics that are made, or about to be, for jobs to come. */
export interface SpareTopicsTable {
  /** Id of the job that will have them. */
  job_id: string;
  /** The names of the topics begin with it. */
  topic_prefix: string;
  /** The start of a process that makes them, and alone may use them. */
  owner: string;
  created_at: string;
}
