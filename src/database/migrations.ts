import { randomBytes } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { DEFAULT_MIGRATION_TABLE, type Migration, type MigrationProvider, Migrator } from 'kysely/migration';
import { ServiceError } from '../errors/index.js';
import { isPostgres } from './next-seq.js';
import type { Tables } from './tables.js';

/**
 * `bigint` where a value may pass 2^31: SQLite gives such a column INTEGER affinity, Postgres 64 bits.
 * A migration that was released is never changed; a new one is added behind it.
 */
const migrations: Record<string, Migration> = {
  '0001_models_and_jobs': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('models')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('seq', 'bigint', (column) => column.notNull().unique())
        .addColumn('version', 'integer', (column) => column.notNull())
        .addColumn('hidden', 'integer', (column) => column.notNull())
        .addColumn('created_at', 'text', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('model_versions')
        .addColumn('model_id', 'text', (column) => column.notNull().references('models.id'))
        .addColumn('version', 'integer', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('schema', 'text', (column) => column.notNull())
        .addColumn('columns', 'text', (column) => column.notNull())
        .addColumn('additional_columns', 'integer', (column) => column.notNull())
        .addColumn('created_at', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('model_versions_key', ['model_id', 'version'])
        .execute();
      await db.schema
        .createTable('jobs')
        .addColumn('job_id', 'text', (column) => column.primaryKey())
        .addColumn('seq', 'bigint', (column) => column.notNull().unique())
        .addColumn('idempotency_key', 'text', (column) => column.unique())
        .addColumn('model_id', 'text', (column) => column.notNull())
        .addColumn('model_version', 'integer', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .addColumn('published_revision', 'bigint', (column) => column.notNull())
        .addColumn('lease', 'bigint', (column) => column.notNull())
        .addColumn('crashes', 'integer', (column) => column.notNull())
        .addColumn('attempt', 'integer', (column) => column.notNull())
        .addColumn('filename', 'text', (column) => column.notNull())
        .addColumn('format', 'text', (column) => column.notNull())
        .addColumn('size_bytes', 'bigint', (column) => column.notNull())
        .addColumn('metadata', 'text', (column) => column.notNull())
        .addColumn('dialect', 'text', (column) => column.notNull())
        .addColumn('csv_reader', 'text', (column) => column.notNull())
        .addColumn('columns', 'text')
        .addColumn('checkpoint', 'text')
        .addColumn('settled', 'integer', (column) => column.notNull())
        .addColumn('bytes_done', 'bigint', (column) => column.notNull())
        .addColumn('verdict_code', 'text')
        .addColumn('verdict_message', 'text')
        .addColumn('error_code', 'text')
        .addColumn('error_message', 'text')
        .addColumn('spooled', 'integer', (column) => column.notNull())
        .addColumn('waiting_ms', 'bigint', (column) => column.notNull())
        .addColumn('processing_ms', 'bigint', (column) => column.notNull())
        .addColumn('phase_since', 'bigint', (column) => column.notNull())
        .addColumn('created_at', 'text', (column) => column.notNull())
        .addColumn('started_at', 'text')
        .addColumn('updated_at', 'text', (column) => column.notNull())
        .addColumn('finished_at', 'text')
        .addForeignKeyConstraint('jobs_model_version', ['model_id', 'model_version'], 'model_versions', [
          'model_id',
          'version',
        ])
        .execute();
      await db.schema.createIndex('jobs_by_state').on('jobs').columns(['state', 'seq']).execute();
      await db.schema.createIndex('jobs_by_model').on('jobs').columns(['model_id', 'seq']).execute();
    },
  },
  '0002_options': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .alterTable('jobs')
        .addColumn('options', 'text', (column) => column.notNull().defaultTo('{}'))
        .execute();
      await sql`UPDATE jobs SET options = '{"csvReader":"' || csv_reader || '"}'`.execute(db);
      await db.schema.alterTable('jobs').dropColumn('csv_reader').execute();
    },
  },
  '0003_wrapping': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .alterTable('jobs')
        .addColumn('wrapping', 'text', (column) => column.notNull().defaultTo('{}'))
        .execute();
    },
  },
  '0004_phase': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema.alterTable('jobs').addColumn('phase', 'text').execute();
      await db.schema.alterTable('jobs').addColumn('phase_owner', 'text').execute();
      await sql`CREATE INDEX jobs_by_phase ON jobs (phase, seq) WHERE phase IS NOT NULL`.execute(db);
    },
  },
  '0005_idempotency': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema.alterTable('jobs').addColumn('sha256', 'text').execute();
      await db.schema.alterTable('jobs').addColumn('requested_options', 'text').execute();
    },
  },
  '0006_job_indexes': {
    async up(db: Kysely<unknown>): Promise<void> {
      await sql`CREATE INDEX jobs_unpublished ON jobs (seq) WHERE revision > published_revision`.execute(db);
      await db.schema.createIndex('jobs_unsettled').on('jobs').columns(['state', 'settled', 'seq']).execute();
      await db.schema.createIndex('jobs_spooled').on('jobs').columns(['spooled', 'finished_at', 'seq']).execute();
      await db.schema.createIndex('jobs_by_model_state').on('jobs').columns(['model_id', 'state', 'seq']).execute();
    },
  },
  '0007_expiry': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('running_time')
        .addColumn('ms', 'bigint', (column) => column.notNull())
        .execute();
      await sql`INSERT INTO running_time (ms) VALUES (0)`.execute(db);
      await db.schema.alterTable('jobs').addColumn('seen_ended', 'bigint').execute();
      await sql`CREATE INDEX jobs_unseen ON jobs (seq)
        WHERE seen_ended IS NULL AND finished_at IS NOT NULL AND phase IS NULL`.execute(db);
      // `spooled` comes first, or SQLite prefers jobs_spooled, which also has the jobs that were seen too late.
      await sql`CREATE INDEX jobs_aging ON jobs (spooled, finished_at, seen_ended)
        WHERE seen_ended IS NOT NULL AND spooled = 0 AND phase IS NULL`.execute(db);
    },
  },
  '0008_topics_removed': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .alterTable('jobs')
        .addColumn('topics_removed', 'integer', (column) => column.notNull().defaultTo(0))
        .execute();
      await sql`CREATE INDEX jobs_with_topics ON jobs (seq) WHERE topics_removed = 0`.execute(db);
    },
  },
  '0009_unfinished': {
    async up(db: Kysely<unknown>): Promise<void> {
      await sql`CREATE INDEX jobs_unfinished ON jobs (state, phase_since, seq) WHERE finished_at IS NULL`.execute(db);
    },
  },
  '0010_topic_prefix': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .alterTable('jobs')
        // All names began with that before it could be chosen.
        .addColumn('topic_prefix', 'text', (column) => column.notNull().defaultTo('batch'))
        .execute();
    },
  },
  '0011_installation': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('installation')
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('claim_topic', 'text')
        .addColumn('claim_offset', 'bigint')
        .execute();
      await sql`INSERT INTO installation (id) VALUES (${randomBytes(8).toString('hex')})`.execute(db);
    },
  },
  '0012_spare_topics': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('spare_topics')
        .addColumn('job_id', 'text', (column) => column.primaryKey())
        .addColumn('topic_prefix', 'text', (column) => column.notNull())
        .addColumn('owner', 'text', (column) => column.notNull())
        .addColumn('created_at', 'text', (column) => column.notNull())
        .execute();
    },
  },
  '0013_rename': {
    /** The option `columns` is called `rename`, and columns of the jobs have names that say what they hold. */
    async up(
      db: Kysely<{ jobs: { job_id: string; options: string; requested_options: string | null } }>,
    ): Promise<void> {
      for (const [from, to] of RENAMED) await db.schema.alterTable('jobs').renameColumn(from, to).execute();
      await db.schema.dropIndex('jobs_unsettled').execute();
      await db.schema
        .createIndex('jobs_unreconciled')
        .on('jobs')
        .columns(['state', 'checkpoint_verified', 'seq'])
        .execute();
      const rows = await db.selectFrom('jobs').select(['job_id', 'options', 'requested_options']).execute();
      for (const { job_id, options, requested_options } of rows) {
        await db
          .updateTable('jobs')
          .set({
            options: withNames(options, { columns: 'rename', compression: 'topicCompression' }),
            requested_options: requested_options === null ? null : withNames(requested_options, { columns: 'rename' }),
          })
          .where('job_id', '=', job_id)
          .execute();
      }
    },
  },
  '0014_claims': {
    /** The table is the queue: who has a job, and from when on it may be claimed. */
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema.alterTable('jobs').addColumn('lease_owner', 'text').execute();
      await db.schema.alterTable('jobs').addColumn('run_after', 'bigint').execute();
      await sql`UPDATE jobs SET run_after = phase_since
        WHERE state IN ('PENDING', 'RUNNING', 'CANCELLING')
          OR (state = 'FAILED' AND checkpoint_verified = 0 AND error_code <> 'CHECKPOINT_LOST')`.execute(db);
      await db.schema.dropIndex('jobs_unfinished').execute();
      await db.schema.dropIndex('jobs_unreconciled').execute();
      await sql`CREATE INDEX jobs_claimable ON jobs (state, pending_error_code, run_after, seq)
        WHERE run_after IS NOT NULL AND lease_owner IS NULL AND phase IS NULL`.execute(db);
      await sql`CREATE INDEX jobs_leased ON jobs (lease_owner) WHERE lease_owner IS NOT NULL`.execute(db);
    },
  },
  '0015_order': {
    /** The order of rows that are written at the same time; SQLite writes one after the other. */
    async up(db: Kysely<unknown>): Promise<void> {
      if (!isPostgres(db)) return;
      for (const table of ['jobs', 'models']) {
        await sql`CREATE SEQUENCE ${sql.id(`${table}_order`)}`.execute(db);
        await sql`SELECT setval(${sql.lit(`${table}_order`)}, coalesce(max(seq), 0) + 1, false) FROM ${sql.table(table)}`.execute(
          db,
        );
      }
    },
  },
  '0016_leases': {
    /** Which process has what only one may have. */
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('leases')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('owner', 'text', (column) => column.notNull())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .execute();
    },
  },
  '0017_lease_tokens': {
    /** Two claims may carry one number after a failover or a restore; a worker that says nothing loses its lease. */
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema.alterTable('jobs').addColumn('lease_token', 'text').execute();
      await db.schema.alterTable('jobs').addColumn('lease_until', 'bigint').execute();
    },
  },
  '0018_uploads': {
    /** Files that come in, and which file a row of jobs has. */
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('uploads')
        .addColumn('file_key', 'text', (column) => column.primaryKey())
        .addColumn('owner', 'text', (column) => column.notNull())
        .addColumn('phase', 'text', (column) => column.notNull())
        .addColumn('touched_at', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema.alterTable('jobs').addColumn('file_key', 'text').execute();
      await db.schema.alterTable('jobs').addColumn('touched_at', 'bigint').execute();
      await db.schema
        .alterTable('jobs')
        .addColumn('file_gone', 'integer', (column) => column.notNull().defaultTo(0))
        .execute();
      // Until now files were named after their jobs.
      await sql`UPDATE jobs SET file_key = job_id, file_gone = 1 - spooled`.execute(db);
      await sql`CREATE UNIQUE INDEX jobs_file ON jobs (file_key)`.execute(db);
      await sql`CREATE INDEX jobs_file_left ON jobs (finished_at) WHERE spooled = 0 AND file_gone = 0`.execute(db);
    },
  },
  '0019_leader_epochs': {
    /** A leader that stood still sees that another one was there, even if that one is gone again. */
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .alterTable('leases')
        .addColumn('epoch', 'bigint', (column) => column.notNull().defaultTo(1))
        .execute();
    },
  },
  '0020_needed_migration': {
    /**
     * A rolling deploy leaves older processes on the newer schema for a while. A migration that they could not bear, since it
     * takes something away, comes a release later, and names here the newest migration that a process must know.
     */
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .alterTable('installation')
        .addColumn('needed_migration', 'text', (column) => column.notNull().defaultTo('0020_needed_migration'))
        .execute();
    },
  },
  '0021_fair_claims': {
    /**
     * PostgreSQL takes no order from an index behind a column that IS NULL, and sorted all jobs that waited. With
     * jobs_waiting the oldest job of each model is found without reading the others. A worker of an older release leaves
     * jobs alone that it does not understand.
     */
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .alterTable('jobs')
        .addColumn('job_version', 'integer', (column) => column.notNull().defaultTo(1))
        .execute();
      await db.schema.dropIndex('jobs_claimable').execute();
      await sql`CREATE INDEX jobs_due ON jobs (state, run_after, seq, model_id, job_version)
        WHERE pending_error_code IS NULL AND run_after IS NOT NULL AND lease_owner IS NULL AND phase IS NULL`.execute(
        db,
      );
      await sql`CREATE INDEX jobs_failing ON jobs (state, run_after, seq)
        WHERE pending_error_code IS NOT NULL AND run_after IS NOT NULL AND lease_owner IS NULL AND phase IS NULL`.execute(
        db,
      );
      await sql`CREATE INDEX jobs_waiting ON jobs (state, model_id, run_after, seq, job_version)
        WHERE pending_error_code IS NULL AND run_after IS NOT NULL AND lease_owner IS NULL AND phase IS NULL`.execute(
        db,
      );
    },
  },
  '0022_failures': {
    /** How often a job has met a system error in a row. */
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .alterTable('jobs')
        .addColumn('failures', 'integer', (column) => column.notNull().defaultTo(0))
        .execute();
    },
  },
  '0023_model_sinks': {
    /** null: jobs of the model that name no sinks have those of the service. */
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema.alterTable('model_versions').addColumn('sinks', 'text').execute();
    },
  },
  '0024_sinks': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .alterTable('jobs')
        .addColumn('sinks', 'text', (column) => column.notNull().defaultTo('[]'))
        .execute();
      await db.schema
        .createTable('sink_loads')
        .addColumn('job_id', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('sink_when', 'text', (column) => column.notNull())
        .addColumn('load', 'bigint', (column) => column.notNull())
        .addColumn('rows', 'bigint', (column) => column.notNull())
        .addColumn('rejected', 'bigint', (column) => column.notNull())
        .addColumn('table_name', 'text')
        .addColumn('error_code', 'text')
        .addColumn('error_message', 'text')
        .addColumn('failures', 'integer', (column) => column.notNull())
        .addColumn('lease', 'bigint', (column) => column.notNull())
        .addColumn('lease_token', 'text')
        .addColumn('lease_owner', 'text')
        .addColumn('lease_until', 'bigint')
        .addColumn('run_after', 'bigint')
        .addColumn('keeps_topics', 'integer', (column) => column.notNull())
        .addColumn('updated_at', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('sink_loads_key', ['job_id', 'name'])
        .execute();
      await sql`CREATE INDEX sink_loads_due ON sink_loads (name, run_after, job_id)
        WHERE run_after IS NOT NULL AND lease_owner IS NULL`.execute(db);
      await sql`CREATE INDEX sink_loads_waiting ON sink_loads (job_id)
        WHERE run_after IS NULL AND state = 'PENDING'`.execute(db);
      await sql`CREATE INDEX sink_loads_states ON sink_loads (name, state, updated_at)
        WHERE state NOT IN ('LOADED', 'REMOVED')`.execute(db);
      await sql`CREATE INDEX sink_loads_keeping ON sink_loads (job_id) WHERE keeps_topics = 1`.execute(db);
      await sql`CREATE INDEX sink_loads_leased ON sink_loads (lease_until) WHERE lease_owner IS NOT NULL`.execute(db);
      await db.schema
        .createTable('sink_rejects')
        .addColumn('job_id', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('load', 'bigint', (column) => column.notNull())
        .addColumn('record_offset', 'bigint', (column) => column.notNull())
        .addColumn('row_number', 'bigint', (column) => column.notNull())
        .addColumn('value', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('sink_rejects_key', ['job_id', 'name', 'load', 'record_offset'])
        .execute();
    },
  },
  '0025_sources': {
    async up(db: Kysely<unknown>): Promise<void> {
      // SQLite adds one column at a time.
      for (const column of ['source', 'source_uri', 'waiting']) {
        await db.schema.alterTable('jobs').addColumn(column, 'text').execute();
      }
      await db.schema
        .createTable('workers')
        .addColumn('owner', 'text', (column) => column.primaryKey())
        .addColumn('sources', 'text', (column) => column.notNull())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .execute();
    },
  },
  '0026_feeds': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('feeds')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('seq', 'bigint', (column) => column.notNull().unique())
        .addColumn('hidden', 'integer', (column) => column.notNull())
        .addColumn('definition', 'text', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('failures', 'integer', (column) => column.notNull())
        .addColumn('error_code', 'text')
        .addColumn('error_message', 'text')
        .addColumn('listed_to', 'text')
        .addColumn('looked_at', 'bigint')
        .addColumn('next_look_at', 'bigint', (column) => column.notNull())
        .addColumn('revision', 'bigint', (column) => column.notNull())
        .addColumn('run_after', 'bigint')
        .addColumn('lease_owner', 'text')
        .addColumn('lease_until', 'bigint', (column) => column.notNull())
        .addColumn('secret_hash', 'text')
        .addColumn('created_at', 'text', (column) => column.notNull())
        .addColumn('updated_at', 'text', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('feed_files')
        .addColumn('file_key', 'text', (column) => column.primaryKey())
        .addColumn('uri_key', 'text', (column) => column.notNull())
        .addColumn('feed_id', 'text', (column) => column.notNull())
        .addColumn('seq', 'bigint', (column) => column.notNull().unique())
        .addColumn('uri', 'text', (column) => column.notNull())
        .addColumn('version', 'text', (column) => column.notNull())
        .addColumn('size_bytes', 'bigint', (column) => column.notNull())
        .addColumn('modified_at', 'text', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('run_after', 'bigint', (column) => column.notNull())
        .addColumn('tries', 'integer', (column) => column.notNull())
        .addColumn('attempt', 'integer', (column) => column.notNull())
        .addColumn('job_id', 'text')
        .addColumn('error_code', 'text')
        .addColumn('error_message', 'text')
        .addColumn('after_state', 'text')
        .addColumn('after_due', 'bigint', (column) => column.notNull())
        .addColumn('after_message', 'text')
        .addColumn('seen_at', 'bigint', (column) => column.notNull())
        .addColumn('found_at', 'text', (column) => column.notNull())
        .addColumn('updated_at', 'text', (column) => column.notNull())
        .addColumn('finished_at', 'text')
        .execute();
      await sql`CREATE INDEX feeds_due ON feeds (run_after) WHERE run_after IS NOT NULL`.execute(db);
      await sql`CREATE INDEX feed_files_uri ON feed_files (uri_key)`.execute(db);
      await sql`CREATE INDEX feed_files_listed ON feed_files (feed_id, seq)`.execute(db);
      await sql`CREATE INDEX feed_files_states ON feed_files (feed_id, state, run_after, seq)`.execute(db);
      await sql`CREATE INDEX feed_files_found ON feed_files (feed_id, state, seq)`.execute(db);
      await sql`CREATE INDEX feed_files_after ON feed_files (feed_id, after_due) WHERE after_state = 'PENDING'`.execute(
        db,
      );
      await sql`CREATE INDEX feed_files_seen ON feed_files (feed_id, seen_at)`.execute(db);
      if (!isPostgres(db)) return;
      for (const table of ['feeds', 'feed_files']) await sql`CREATE SEQUENCE ${sql.id(`${table}_order`)}`.execute(db);
    },
  },
  '0027_api_keys': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('api_keys')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('seq', 'bigint', (column) => column.notNull().unique())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('hash', 'text', (column) => column.notNull())
        .addColumn('scope', 'text', (column) => column.notNull())
        .addColumn('models', 'text')
        .addColumn('created_at', 'text', (column) => column.notNull())
        .addColumn('created_by', 'text')
        .addColumn('expires_at', 'text')
        .addColumn('revoked_at', 'text')
        .execute();
      if (isPostgres(db)) await sql`CREATE SEQUENCE api_keys_order`.execute(db);
    },
  },
  '0028_trace_contexts': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema.alterTable('jobs').addColumn('trace_context', 'text').execute();
    },
  },
  '0029_needed_release': {
    /** The oldest release that knows `needed_migration`: older ones, which do not, say so. They change together. */
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .alterTable('installation')
        .addColumn('needed_release', 'text', (column) => column.notNull().defaultTo('0.2.0'))
        .execute();
    },
  },
  '0030_job_owners': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema.alterTable('jobs').addColumn('owner', 'text').execute();
    },
  },
};

const RENAMED = [
  ['columns', 'file_columns'],
  ['settled', 'checkpoint_verified'],
  ['verdict_code', 'pending_error_code'],
  ['verdict_message', 'pending_error_message'],
  ['wrapping', 'source_encoding'],
] as const;

/** Options as JSON under their new names, in their places: they are compared as text. */
function withNames(json: string, renamed: Readonly<Record<string, string>>): string {
  const options = Object.entries(JSON.parse(json) as Record<string, unknown>);
  return JSON.stringify(Object.fromEntries(options.map(([name, value]) => [renamed[name] ?? name, value])));
}

/** Advisory lock of the process that migrates a PostgreSQL. */
const MIGRATION_LOCK = 7_202_511_280;

const provider: MigrationProvider = { getMigrations: async () => migrations };

/** The tables are not as this process needs them; the message says what to do. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

/** `off`: the tables must be up to date already (MIGRATE). `as-is`: they stay as they are, whatever that is. */
export type MigrateMode = 'on' | 'off' | 'as-is';

/**
 * Brings the tables up to date; gives the names of the migrations that were run. Processes that start together wait for one
 * another. Tables that are newer stay as they are, if this process may work on them. Throws SchemaError if it may not, or
 * if they are older and the mode is `off`; what the failing migration threw; and STORE_UNAVAILABLE.
 */
export async function migrate(db: Kysely<Tables>, mode: MigrateMode = 'on'): Promise<string[]> {
  if (mode === 'as-is' || (await isNewer(db))) return [];
  if (mode === 'off') {
    const missing = (await new Migrator({ db, provider }).getMigrations()).filter(
      ({ executedAt }) => executedAt === undefined,
    );
    if (missing.length === 0) return [];
    throw new SchemaError(
      `The database lacks ${missing.length} migrations, and MIGRATE=off: run \`node dist/main.js migrate\` with the same settings first`,
    );
  }
  if (!isPostgres(db)) return migrateToLatest(db);
  return db.transaction().execute(async (transaction) => {
    await sql`SELECT pg_advisory_xact_lock(${sql.lit(MIGRATION_LOCK)})`.execute(transaction);
    return migrateToLatest(transaction);
  });
}

/** How the tables stand to what this release knows. */
export interface SchemaState {
  /** Migrations that were not run. */
  missing: string[];
  /** They have migrations of a newer release, which this one can do with. */
  isNewer: boolean;
}

/** Changes nothing. Throws SchemaError if this release may not work on the tables. */
export async function schemaState(db: Kysely<Tables>): Promise<SchemaState> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name }) => name === DEFAULT_MIGRATION_TABLE)) {
    return { missing: Object.keys(migrations), isNewer: false };
  }
  const run = await migrationsRun(db);
  return { missing: Object.keys(migrations).filter((name) => !run.includes(name)), isNewer: await isNewer(db) };
}

async function migrationsRun(db: Kysely<Tables>): Promise<string[]> {
  const run = await sql<{ name: string }>`SELECT name FROM ${sql.table(DEFAULT_MIGRATION_TABLE)}`.execute(db);
  return run.rows.map(({ name }) => name);
}

async function migrateToLatest(db: Kysely<Tables>): Promise<string[]> {
  const { error, results = [] } = await new Migrator({ db, provider }).migrateToLatest();
  if (error instanceof ServiceError) throw error;
  if (error !== undefined)
    throw new Error(`The database could not be migrated: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  return results.map(({ migrationName }) => migrationName);
}

/** Whether migrations were run on the tables that this process does not know. Throws SchemaError if it cannot do without. */
async function isNewer(db: Kysely<Tables>): Promise<boolean> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name }) => name === DEFAULT_MIGRATION_TABLE)) return false;
  if ((await migrationsRun(db)).every((name) => name in migrations)) return false;
  const { needed_migration: needed, needed_release: release } = await db
    .selectFrom('installation')
    .select(['needed_migration', 'needed_release'])
    .executeTakeFirstOrThrow();
  if (needed in migrations) return true;
  throw new SchemaError(
    `The database has the tables of a newer release, which releases before ${release} cannot use: start ${release} or a newer one, or restore a backup`,
  );
}
