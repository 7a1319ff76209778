import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import type * as Databases from '../../src/database/index.js';
import type { Database } from '../../src/database/index.js';
import type * as Ingest from '../../src/ingest/index.js';
import type * as Clocks from '../../src/jobs/domain/clock.js';
import type * as JobStores from '../../src/jobs/store/job-store.js';
import type * as Models from '../../src/models/index.js';
import { startPostgres } from '../../test/kit/postgres.js';
import type { Bench } from '../bench.js';
import { built } from '../built.js';
import { atMost, type Row } from '../report.js';
import { median, quantile } from '../statistics.js';

const MODELS = 1_000;
/** The first claims keep their jobs, so that models have running ones. */
const KEPT = 12;
const CLAIMS = 200;
const AIM_MS = 5;

/** How the jobs that wait are spread over the models, oldest first: SQL, the number of a model from `i`, that of a job. */
const QUEUES = {
  'of 1,000 models in turn': sql`i % ${sql.lit(MODELS)}`,
  'of one model': sql`0`,
  'of one model, and behind it a job of each other one': sql`CASE WHEN i > 99000 THEN i % ${sql.lit(MODELS)} ELSE 0 END`,
};

/** A claim while 100,000 jobs wait, in each database. */
export async function measureClaims({ folder, report, scale }: Bench): Promise<void> {
  const { openDatabase, openPostgres } = await built<typeof Databases>('database/index.js');
  const postgres = await startPostgres();
  const rows: Row[] = [];
  const measure = async (name: string, open: () => Promise<Database>): Promise<void> => {
    for (const [queue, model] of Object.entries(QUEUES)) {
      const db = await open();
      await fill(db, scale.waitingJobs, model);
      const times = await claimTimes(db);
      await db.destroy();
      const figure = `p50 ${median(times).toFixed(2)} ms, p95 ${quantile(times, 0.95).toFixed(2)} ms`;
      rows.push({ what: `${name}, ${queue}`, figure, aim: atMost(median(times), AIM_MS, 'ms') });
    }
  };
  try {
    await measure('PostgreSQL', async () =>
      openPostgres({ url: await postgres.createDatabase(), onIdleError: () => undefined }),
    );
    await measure('SQLite', () => openDatabase(mkdtempSync(join(folder, 'claims-'))));
  } finally {
    await postgres.stop();
  }
  report.table(`A claim while ${scale.waitingJobs} jobs wait, ${CLAIMS} of each`, rows);
}

/** Jobs that wait, all alike but for their models. */
async function fill(db: Database, jobs: number, model: (typeof QUEUES)[keyof typeof QUEUES]): Promise<void> {
  const { JobStore } = await built<typeof JobStores>('jobs/store/job-store.js');
  const { systemClock } = await built<typeof Clocks>('jobs/domain/clock.js');
  const { ModelStore } = await built<typeof Models>('models/index.js');
  const { DEFAULT_OPTIONS } = await built<typeof Ingest>('ingest/index.js');
  const models = new ModelStore(db);
  for (let number = 0; number < MODELS; number++) {
    const compiled = { columns: [], additionalColumns: true };
    await models.create(`model_${number}`, { name: 'A model', schema: {}, compiled });
  }
  const store = new JobStore(db, systemClock);
  const job = {
    jobId: 'template',
    fileKey: 'template',
    modelId: 'model_0',
    modelVersion: 1,
    topicPrefix: 'batch',
    filename: 'orders.csv',
    format: 'csv',
    sizeBytes: 1_000,
    sha256: 'a'.repeat(64),
    requestedOptions: {},
    metadata: {},
    dialect: { delimiter: ',', quote: '"', header: true },
    options: DEFAULT_OPTIONS,
    sourceEncoding: { fileCompression: 'none', encoding: 'utf-8' },
    idempotencyKey: null,
    source: null,
    traceContext: null,
    owner: null,
  } as const;
  await store.create(job, 'bench');
  await store.activate(job.jobId, 'bench');
  const row = await db.selectFrom('jobs').selectAll().executeTakeFirstOrThrow();
  const columns = Object.keys(row).map((name) => {
    if (name === 'job_id' || name === 'file_key') return sql`'j' || i`;
    if (name === 'seq') return sql`seq + i`;
    if (name === 'run_after') return sql`run_after - ${sql.lit(jobs)} + i`;
    return name === 'model_id' ? sql`'model_' || (${model})` : sql.id(name);
  });
  await sql`
    WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < ${sql.lit(jobs)})
    INSERT INTO jobs (${sql.join(Object.keys(row).map((name) => sql.id(name)))})
    SELECT ${sql.join(columns)} FROM numbers CROSS JOIN jobs`.execute(db);
  await sql`ANALYZE`.execute(db);
}

/** In ms. */
async function claimTimes(db: Database): Promise<number[]> {
  const { JobStore } = await built<typeof JobStores>('jobs/store/job-store.js');
  const { systemClock } = await built<typeof Clocks>('jobs/domain/clock.js');
  const store = new JobStore(db, systemClock);
  const times: number[] = [];
  for (let claim = 0; claim < KEPT + CLAIMS; claim++) {
    const started = performance.now();
    const claimed = await store.claim('run', 'bench');
    const ms = performance.now() - started;
    if (claimed === undefined) throw new Error('No job was left to claim');
    if (claim < KEPT) continue;
    times.push(ms);
    const { jobId } = claimed.record;
    await store.change(
      jobId,
      { states: ['RUNNING'] },
      { state: 'SUCCESS', finishedAt: new Date().toISOString(), leaseOwner: null, runAfterMs: null },
    );
  }
  return times;
}
