import { SinkError, SinkOvertaken } from '../sink.js';
import type { SinkJob } from '../sink-job.js';
import type { Client, Connections } from './connections.js';
import { lockModel } from './model-lock.js';
import { CLOSED } from './positions.js';

/** Rows of one transaction, during which no block of the model is written. */
const BATCH_ROWS = 10_000;

/**
 * A batch is looked up by its hashes, however large the tables are. Left to itself the planner reads a table that was not
 * analyzed yet from end to end, for each hash at worst.
 */
const TEMPORARY_TABLE = `
SET LOCAL enable_seqscan = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
CREATE TEMPORARY TABLE batch_removed (content_hash bytea NOT NULL) ON COMMIT DROP`;

interface JobState {
  load: number;
  has_lineage: boolean;
}

/**
 * Takes out what loads of the job up to `job.load` have written, in short transactions; it may be interrupted and repeated.
 * The positions are closed first: a transaction that holds one is waited for, and one that comes later finds it closed, so
 * it is rolled back whatever it has written. The row of the job stays, and says which loads are gone.
 */
export async function removeJob(connections: Connections, job: SinkJob): Promise<void> {
  const isOurs = await connections.transaction((client) => closeLoads(client, job));
  if (!isOurs) return;
  while ((await connections.transaction((client) => removeRows(client, job))) > 0);
  for (const table of ['validation_errors', 'sink_errors']) {
    while ((await connections.transaction((client) => removeFrom(client, table, job))) > 0);
  }
  await connections.transaction((client) => forgetLoads(client, job));
}

/** false: the job has begun a later load, so these were taken out before. */
async function closeLoads(client: Client, job: SinkJob): Promise<boolean> {
  const { jobId, load, modelId, modelVersion, filename, topics } = job;
  const { rows } = await client.query<JobState>(
    `INSERT INTO ingestion_jobs
       (job_id, load, removed_load, model_id, model_version, filename, data_topic, dlq_topic, state)
     VALUES ($1, $2, $2, $3, $4, $5, $6, $7, 'REMOVING')
     ON CONFLICT (job_id) DO UPDATE SET
       removed_load = greatest(ingestion_jobs.removed_load, excluded.removed_load),
       state = CASE WHEN ingestion_jobs.load > excluded.load THEN ingestion_jobs.state ELSE 'REMOVING' END
     RETURNING load, has_lineage`,
    [jobId, load, modelId, modelVersion, filename.replaceAll('\0', '\u{fffd}'), topics.data, topics.dlq],
  );
  const known = rows[0] as JobState;
  if (known.load > load) return false;
  if (!known.has_lineage) throw notReversible();
  await client.query('UPDATE sink_positions SET next = $3 WHERE job_id = $1 AND load <= $2 AND next <> $3', [
    jobId,
    load,
    CLOSED,
  ]);
  return true;
}

/** Takes out some links of the job, and the rows that nobody else delivers; the number of links. */
async function removeRows(client: Client, job: SinkJob): Promise<number> {
  await lockModel(client, job.modelId, 'exclusive');
  await requireNoLaterLoad(client, job);
  await client.query(TEMPORARY_TABLE);
  const { rowCount } = await client.query(
    `WITH removed AS (
       DELETE FROM ingested_rows WHERE job_id = $1 AND row_number <= (
         SELECT max(row_number) FROM (
           SELECT row_number FROM ingested_rows WHERE job_id = $1 ORDER BY row_number LIMIT ${BATCH_ROWS}) AS first_rows)
       RETURNING content_hash
     )
     INSERT INTO batch_removed SELECT content_hash FROM removed`,
    [job.jobId],
  );
  if (rowCount === null || rowCount === 0) return 0;
  // Rows that came from a job whose links are not kept stay: it may be their only one.
  await client.query(
    `DELETE FROM ingested_data AS data USING (SELECT DISTINCT content_hash FROM batch_removed) AS removed
     WHERE data.content_hash = removed.content_hash AND data.first_job_id = $1
       AND NOT EXISTS (SELECT FROM ingested_rows AS link WHERE link.content_hash = removed.content_hash)`,
    [job.jobId],
  );
  await client.query(
    `UPDATE ingested_data AS data SET first_job_id = other.job_id, row_number = other.row_number
     FROM (
       SELECT DISTINCT ON (content_hash) content_hash, link.job_id, link.row_number
       FROM batch_removed JOIN ingested_rows AS link USING (content_hash)
       ORDER BY content_hash, link.job_id, link.row_number
     ) AS other
     WHERE data.content_hash = other.content_hash AND data.first_job_id = $1`,
    [job.jobId],
  );
  return rowCount;
}

async function removeFrom(client: Client, table: string, job: SinkJob): Promise<number> {
  await requireNoLaterLoad(client, job);
  const { rowCount } = await client.query(
    `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE job_id = $1 LIMIT ${BATCH_ROWS}))`,
    [job.jobId],
  );
  return rowCount ?? 0;
}

async function forgetLoads(client: Client, job: SinkJob): Promise<void> {
  await requireNoLaterLoad(client, job);
  await client.query('DELETE FROM sink_positions WHERE job_id = $1 AND load <= $2', [job.jobId, job.load]);
  await client.query(
    `UPDATE ingestion_jobs SET state = 'REMOVED', loaded = 0, inserted = 0, updated = 0, duplicates = 0, refused = 0,
       updated_at = now() WHERE job_id = $1`,
    [job.jobId],
  );
}

/** Whoever stood still meanwhile must not take out what a later load brings. */
async function requireNoLaterLoad(client: Client, { jobId, load }: SinkJob): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM ingestion_jobs WHERE job_id = $1 AND load <= $2 FOR SHARE', [
    jobId,
    load,
  ]);
  if (rowCount !== 1) throw new SinkOvertaken('a later load was begun');
}

export function notReversible(): SinkError {
  return new SinkError(
    'SINK_NOT_REVERSIBLE',
    'which rows the job delivered is not known: SINK_LINEAGE is off, or was when it was loaded',
  );
}
