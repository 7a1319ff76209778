import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Database, openDatabase } from '../../../src/database/index.js';
import { DEFAULT_OPTIONS } from '../../../src/ingest/index.js';
import { InstallationStore } from '../../../src/jobs/store/installation-store.js';
import { JobStore } from '../../../src/jobs/store/job-store.js';
import { ManualClock } from '../support/manual-clock.js';
import { insertJob } from '../support/store-fixture.js';

const folder = mkdtempSync(join(tmpdir(), 'batch-older-store-'));
let db: Database;
let store: JobStore;

beforeAll(async () => {
  const older = new DatabaseSync(join(folder, 'batch.db'));
  older.exec(readFileSync(join(import.meta.dirname, '../../database/version-1.sql'), 'utf8'));
  older.close();
  db = await openDatabase(folder);
  store = new JobStore(db, new ManualClock());
});

afterAll(async () => {
  await db.destroy();
  rmSync(folder, { recursive: true });
});

describe('a store of version 1', () => {
  it('keeps its jobs, whose later options have their defaults', async () => {
    expect(await store.get('a1b2c3d4')).toMatchObject({
      modelId: 'orders',
      state: 'PENDING',
      dialect: { delimiter: ';', quote: '"', header: true },
      // A job goes on with the nulls that it began with.
      options: { ...DEFAULT_OPTIONS, csvReader: 'reference', quotedNulls: 'all', headerNames: 'strict' },
      sourceEncoding: { fileCompression: 'none', encoding: 'utf-8' },
      sha256: null,
      requestedOptions: null,
      topicPrefix: 'batch',
    });
  });

  it('has its own installation id, which has claimed nothing yet', async () => {
    const found = await new InstallationStore(db).get('batch.jobs');
    expect(found).toEqual({ id: expect.stringMatching(/^[0-9a-f]{16}$/) as string, claimOffset: null });
    await new InstallationStore(db).setClaim('batch.jobs', 7);
    expect(await new InstallationStore(db).get('batch.jobs')).toEqual({ ...found, claimOffset: 7 });
    expect(await new InstallationStore(db).get('other.jobs')).toEqual(found);
  });

  it('takes new jobs with other options', async () => {
    const options = { ...DEFAULT_OPTIONS, nullValues: { qty: ['NULL', '\\N'] } };
    expect(await insertJob(store, { options })).toMatchObject({ seq: 2, options });
  });
});

describe('a store whose jobs have the option columns', () => {
  it('has it as rename, in its place', async () => {
    const options = { ...DEFAULT_OPTIONS, rename: { 'Order ID': 'id' }, topicCompression: 'zstd' as const };
    const requestedOptions = { rename: options.rename, trim: true };
    const { jobId } = await insertJob(store, { options, requestedOptions });
    const plain = await insertJob(store, {});
    await db.destroy();
    const older = new DatabaseSync(join(folder, 'batch.db'));
    older.exec(`DELETE FROM kysely_migration WHERE name >= '0013_rename';
      DROP TABLE leases;
      ALTER TABLE installation DROP COLUMN needed_migration;
      ALTER TABLE installation DROP COLUMN needed_release;
      DROP TABLE uploads;
      DROP INDEX jobs_file;
      DROP INDEX jobs_file_left;
      ALTER TABLE jobs DROP COLUMN file_key;
      ALTER TABLE jobs DROP COLUMN file_gone;
      ALTER TABLE jobs DROP COLUMN touched_at;
      DROP INDEX jobs_due;
      DROP INDEX jobs_failing;
      DROP INDEX jobs_waiting;
      DROP INDEX jobs_leased;
      ALTER TABLE jobs DROP COLUMN lease_owner;
      ALTER TABLE jobs DROP COLUMN run_after;
      ALTER TABLE jobs DROP COLUMN lease_token;
      ALTER TABLE jobs DROP COLUMN lease_until;
      ALTER TABLE jobs DROP COLUMN failures;
      ALTER TABLE model_versions DROP COLUMN sinks;
      ALTER TABLE jobs DROP COLUMN sinks; DROP TABLE sink_loads; DROP TABLE sink_rejects;
      ALTER TABLE jobs DROP COLUMN source; ALTER TABLE jobs DROP COLUMN source_uri; ALTER TABLE jobs DROP COLUMN waiting;
      ALTER TABLE jobs DROP COLUMN trace_context; ALTER TABLE jobs DROP COLUMN owner; DROP TABLE workers; DROP TABLE feeds; DROP TABLE feed_files; DROP TABLE api_keys;
      ALTER TABLE jobs DROP COLUMN job_version;
      CREATE INDEX jobs_unfinished ON jobs (state, phase_since, seq) WHERE finished_at IS NULL;
      ALTER TABLE jobs RENAME COLUMN file_columns TO columns;
      ALTER TABLE jobs RENAME COLUMN checkpoint_verified TO settled;
      ALTER TABLE jobs RENAME COLUMN pending_error_code TO verdict_code;
      ALTER TABLE jobs RENAME COLUMN pending_error_message TO verdict_message;
      ALTER TABLE jobs RENAME COLUMN source_encoding TO wrapping;
      CREATE INDEX jobs_unsettled ON jobs (state, settled, seq);
      UPDATE jobs SET columns = '["Order ID"]',
        options = replace(replace(options, '"rename"', '"columns"'), '"topicCompression"', '"compression"'),
        requested_options = replace(requested_options, '"rename"', '"columns"') WHERE job_id = '${jobId}'`);
    older.close();
    db = await openDatabase(folder);
    store = new JobStore(db, new ManualClock());
    const record = await store.get(jobId);
    expect(record).toMatchObject({ options, requestedOptions, fileColumns: ['Order ID'] });
    expect(JSON.stringify(record?.requestedOptions)).toBe(JSON.stringify(requestedOptions));
    expect(await store.get(plain.jobId)).toEqual(plain);
    // The jobs that wait are claimed in their order.
    const claimed = [];
    for (let i = 0; i < 5; i++) claimed.push((await store.claim('run', 'me'))?.record.jobId);
    expect(claimed).toEqual(['a1b2c3d4', expect.any(String), jobId, plain.jobId, undefined]);
  });
});
