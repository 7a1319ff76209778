import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, openDatabase } from '../../../src/database/index.js';
import { DEFAULT_OPTIONS } from '../../../src/ingest/index.js';
import { newJobId } from '../../../src/jobs/domain/job-id.js';
import type { NewJob, StoredJob } from '../../../src/jobs/domain/stored-job.js';
import type { JobStore } from '../../../src/jobs/store/job-store.js';
import { ModelStore } from '../../../src/models/model-store.js';

export interface StoreFixture {
  folder: string;
  db: Database;
  models: ModelStore;
  close(): Promise<void>;
}

/** SQLite's file with all tables and nothing in them: the migrations run once for all tests of a file. */
let emptyDatabase: Buffer | undefined;

async function openCopy(folder: string): Promise<Database> {
  const file = join(folder, 'batch.db');
  if (emptyDatabase === undefined) {
    await (await openDatabase(folder)).destroy();
    emptyDatabase = readFileSync(file);
  } else {
    writeFileSync(file, emptyDatabase);
  }
  return openDatabase(folder);
}

/** A real database, by default SQLite in the folder, with the model that `aJob` pins. */
export async function openStore(open: (folder: string) => Promise<Database> = openCopy): Promise<StoreFixture> {
  const folder = mkdtempSync(join(tmpdir(), 'batch-jobs-'));
  const db = await open(folder);
  const models = new ModelStore(db);
  await models.create('orders', {
    name: 'Orders',
    schema: { id: 'Int32' },
    compiled: { columns: [{ name: 'id', type: 'Int32', nullable: false, constraints: {} }], additionalColumns: true },
  });
  return {
    folder,
    db,
    models,
    async close() {
      await db.destroy();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A job that has come to be, PENDING. */
export async function insertJob(store: JobStore, job: Partial<NewJob> = {}): Promise<StoredJob> {
  const fresh = aJob(job);
  expect(await store.create(fresh, 'a process')).toEqual({ kind: 'created' });
  return (await store.activate(fresh.jobId, 'a process'))!;
}

export function aJob(job: Partial<NewJob> = {}): NewJob {
  const jobId = job.jobId ?? newJobId();
  return {
    jobId,
    fileKey: jobId,
    modelId: 'orders',
    modelVersion: 1,
    topicPrefix: 'batch',
    filename: 'orders.csv',
    format: 'csv',
    sizeBytes: 1000,
    sha256: 'a'.repeat(64),
    requestedOptions: {},
    metadata: {},
    dialect: { delimiter: ',', quote: '"', header: true },
    options: DEFAULT_OPTIONS,
    sourceEncoding: { fileCompression: 'none', encoding: 'utf-8' },
    idempotencyKey: null,
    owner: null,
    source: null,
    traceContext: null,
    ...job,
  };
}
