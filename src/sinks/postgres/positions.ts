import { SinkError, SinkOvertaken } from '../sink.js';
import type { SinkJob } from '../sink-job.js';
import type { Client } from './connections.js';

/** `next` of a load that was taken out: no offset, so that no block begins there. */
export const CLOSED = -1;

export type Stream = 'data' | 'dlq';

/** A row of sink_positions. */
export interface Position {
  next: number;
  lastRow: number;
  rows: number;
  rejected: number;
  /** The session that wrote the last block. */
  session: string;
}

/** What a block adds to it. */
export interface PositionChange {
  to: number;
  lastRow: number;
  rows: number;
  rejected: number;
  inserted: number;
  updated: number;
  duplicates: number;
  session: string;
}

interface PositionRow {
  stream: Stream;
  next: string;
  last_row: string;
  rows: string;
  rejected: string;
  session: string;
}

interface JobRow {
  load: number;
  removed_load: number;
  is_new: boolean;
}

const COLUMNS = 'stream, next, last_row, rows, rejected, session';

/**
 * Finds out where a load goes on, and makes its positions if it is new. The row of the job knows which load was begun: a
 * load that was begun and has no positions has lost them. Throws SINK_STATE_LOST, or SinkOvertaken if the load was taken out
 * or a later one was begun.
 */
export async function openPositions(
  client: Client,
  job: SinkJob,
  hasLineage: boolean,
): Promise<Record<Stream, Position>> {
  const { jobId, modelId, modelVersion, load, filename, topics } = job;
  const { rows } = await client.query<JobRow>(
    `INSERT INTO ingestion_jobs
       (job_id, load, has_lineage, model_id, model_version, filename, data_topic, dlq_topic, state)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'LOADING')
     ON CONFLICT (job_id) DO UPDATE SET updated_at = now()
     RETURNING load, removed_load, xmax = 0 AS is_new`,
    [jobId, load, hasLineage, modelId, modelVersion, filename.replaceAll('\0', '\u{fffd}'), topics.data, topics.dlq],
  );
  const known = rows[0] as JobRow;
  if (known.removed_load >= load) throw new SinkOvertaken(`load ${load} was taken out`);
  if (known.load > load) throw new SinkOvertaken(`load ${known.load} was begun`);
  if (known.is_new) await requireNoRows(client, jobId);
  if (known.is_new || known.load < load) {
    await client.query(
      `INSERT INTO sink_positions (job_id, load, stream) VALUES ($1, $2, 'data'), ($1, $2, 'dlq') ON CONFLICT DO NOTHING`,
      [jobId, load],
    );
    await client.query(`UPDATE ingestion_jobs SET load = $2, has_lineage = $3, state = 'LOADING' WHERE job_id = $1`, [
      jobId,
      load,
      hasLineage,
    ]);
  } else if (!hasLineage) {
    await client.query('UPDATE ingestion_jobs SET has_lineage = false WHERE job_id = $1', [jobId]);
  }
  const positions = await client.query<PositionRow>(
    `SELECT ${COLUMNS} FROM sink_positions WHERE job_id = $1 AND load = $2`,
    [jobId, load],
  );
  const find = (stream: Stream): Position => {
    const row = positions.rows.find((each) => each.stream === stream);
    if (row === undefined) throw stateLost();
    return positionOf(row);
  };
  return { data: find('data'), dlq: find('dlq') };
}

async function requireNoRows(client: Client, jobId: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM ingested_rows WHERE job_id = $1 LIMIT 1', [jobId]);
  if (rowCount !== 0) throw stateLost();
}

/** The position of a stream, locked until the transaction ends: blocks of one load are written one after another. */
export async function lockPosition(client: Client, { jobId, load }: SinkJob, stream: Stream): Promise<Position> {
  const { rows } = await client.query<PositionRow>(
    `SELECT ${COLUMNS} FROM sink_positions WHERE job_id = $1 AND load = $2 AND stream = $3 FOR UPDATE`,
    [jobId, load, stream],
  );
  if (rows[0] !== undefined) return positionOf(rows[0]);
  const removed = await client.query(
    'SELECT FROM ingestion_jobs WHERE job_id = $1 AND (removed_load >= $2 OR load > $2)',
    [jobId, load],
  );
  if (removed.rowCount !== 0) throw new SinkOvertaken(`load ${load} was taken out`);
  throw stateLost();
}

/** Moves a position from `from` on. Throws SinkOvertaken if it is not there. */
export async function movePosition(
  client: Client,
  { jobId, load }: SinkJob,
  stream: Stream,
  from: number,
  change: PositionChange,
): Promise<void> {
  const { rowCount } = await client.query(
    `UPDATE sink_positions SET next = $5, last_row = $6, rows = rows + $7, rejected = rejected + $8,
       inserted = inserted + $9, updated = updated + $10, duplicates = duplicates + $11, session = $12, updated_at = now()
     WHERE job_id = $1 AND load = $2 AND stream = $3 AND next = $4`,
    [
      jobId,
      load,
      stream,
      from,
      change.to,
      change.lastRow,
      change.rows,
      change.rejected,
      change.inserted,
      change.updated,
      change.duplicates,
      change.session,
    ],
  );
  if (rowCount !== 1) throw new SinkOvertaken(`the load does not go on at ${from}`);
}

function positionOf(row: PositionRow): Position {
  return {
    next: Number(row.next),
    lastRow: Number(row.last_row),
    rows: Number(row.rows),
    rejected: Number(row.rejected),
    session: row.session,
  };
}

function stateLost(): SinkError {
  return new SinkError(
    'SINK_STATE_LOST',
    'sink_positions has no row for the load, though rows of the job were loaded: has somebody emptied the table, or ' +
      'restored an older one? Take the rows of the job out and load it again.',
  );
}
