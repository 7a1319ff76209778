/** One step of the tables' history; a step that was released is never changed. */
export interface Migration {
  version: number;
  sql: string;
}

/** Names are looked up on the connection's search_path, so the tables are in the default schema of the URL. */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    sql: `
CREATE TABLE ingested_data (
  content_hash bytea PRIMARY KEY,
  model_id text NOT NULL,
  data jsonb NOT NULL,
  first_job_id text NOT NULL,
  row_number bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE ingested_rows (
  job_id text NOT NULL,
  row_number bigint NOT NULL,
  content_hash bytea NOT NULL,
  CONSTRAINT ingested_rows_pkey PRIMARY KEY (job_id, row_number)
);
CREATE INDEX ingested_rows_content_hash ON ingested_rows (content_hash);
CREATE TABLE validation_errors (
  job_id text NOT NULL,
  row_number bigint NOT NULL,
  error_index integer NOT NULL,
  line bigint,
  byte_offset bigint,
  column_name text,
  type text,
  error text NOT NULL,
  observed text,
  message text NOT NULL,
  raw_data text NOT NULL,
  raw_encoding text NOT NULL,
  raw_truncated boolean NOT NULL,
  rejected_at timestamptz NOT NULL,
  PRIMARY KEY (job_id, row_number, error_index)
);
CREATE TABLE sink_errors (
  job_id text NOT NULL,
  load integer NOT NULL,
  row_number bigint NOT NULL,
  record_offset bigint NOT NULL,
  column_name text,
  type text,
  error text NOT NULL,
  observed text,
  message text NOT NULL,
  raw_data text NOT NULL,
  raw_truncated boolean NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (job_id, load, record_offset)
);
CREATE TABLE ingestion_jobs (
  job_id text PRIMARY KEY,
  load integer NOT NULL,
  removed_load integer NOT NULL DEFAULT -1,
  has_lineage boolean NOT NULL DEFAULT true,
  model_id text NOT NULL,
  model_version integer NOT NULL,
  filename text NOT NULL,
  data_topic text NOT NULL,
  dlq_topic text NOT NULL,
  state text NOT NULL,
  rows_total bigint NOT NULL DEFAULT 0,
  rows_accepted bigint NOT NULL DEFAULT 0,
  rows_rejected bigint NOT NULL DEFAULT 0,
  loaded bigint NOT NULL DEFAULT 0,
  inserted bigint NOT NULL DEFAULT 0,
  updated bigint NOT NULL DEFAULT 0,
  duplicates bigint NOT NULL DEFAULT 0,
  refused bigint NOT NULL DEFAULT 0,
  created_at timestamptz,
  finished_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE sink_positions (
  job_id text NOT NULL,
  load integer NOT NULL,
  stream text NOT NULL,
  next bigint NOT NULL DEFAULT 0,
  last_row bigint NOT NULL DEFAULT 0,
  rows bigint NOT NULL DEFAULT 0,
  rejected bigint NOT NULL DEFAULT 0,
  inserted bigint NOT NULL DEFAULT 0,
  updated bigint NOT NULL DEFAULT 0,
  duplicates bigint NOT NULL DEFAULT 0,
  session text NOT NULL DEFAULT '',
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (job_id, load, stream)
);`,
  },
];

export const MIGRATIONS_TABLE = `
CREATE TABLE IF NOT EXISTS sink_migrations (
  version integer PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now()
);`;
