import type { SinkJob } from '../sink-job.js';
import type { SinkReject, SinkRowErrorCode } from '../sink-reject.js';
import type { Client } from './connections.js';
import { storable } from './raw-row.js';

/** Rows of one statement, and what their texts may come to. */
const MAX_ROWS = 1_000;
const MAX_CHARACTERS = 4 * 1024 ** 2;

const INSERT = `
INSERT INTO sink_errors (job_id, load, row_number, record_offset, column_name, type, error, observed, message, raw_data,
  raw_truncated)
SELECT $1, $2, row_number, record_offset, column_name, type, error, observed, message, raw_data, raw_truncated
FROM json_to_recordset($3::json) AS reject (row_number bigint, record_offset bigint, column_name text, type text,
  error text, observed text, message text, raw_data text, raw_truncated boolean)`;

interface StoredReject {
  row_number: string;
  record_offset: string;
  column_name: string | null;
  type: string | null;
  error: SinkRowErrorCode;
  observed: string | null;
  message: string;
  raw_data: string;
  raw_truncated: boolean;
}

export async function writeRejects(client: Client, job: SinkJob, rejects: readonly SinkReject[]): Promise<void> {
  const rows = rejects.map((reject) => ({
    row_number: reject.rowNumber,
    record_offset: reject.offset,
    column_name: storable(reject.column),
    type: reject.type,
    error: reject.error,
    observed: storable(reject.observed),
    message: storable(reject.message),
    raw_data: storable(reject.raw),
    raw_truncated: reject.rawTruncated,
  }));
  for (const piece of pieces(rows, (row) => row.raw_data.length)) {
    await client.query(INSERT, [job.jobId, job.load, JSON.stringify(piece)]);
  }
}

/** Those of a load in `[from, to)`, by offset. `limit`: null for all. */
export async function readRejects(
  client: Client,
  { jobId, load }: SinkJob,
  { from, to = Number.MAX_SAFE_INTEGER }: { from: number; to?: number },
  limit: number | null = null,
): Promise<SinkReject[]> {
  const { rows } = await client.query<StoredReject>(
    `SELECT row_number, record_offset, column_name, type, error, observed, message, raw_data, raw_truncated
     FROM sink_errors WHERE job_id = $1 AND load = $2 AND record_offset >= $3 AND record_offset < $4
     ORDER BY record_offset LIMIT $5`,
    [jobId, load, from, to, limit],
  );
  return rows.map((row) => ({
    offset: Number(row.record_offset),
    rowNumber: Number(row.row_number),
    column: row.column_name,
    type: row.type,
    error: row.error,
    observed: row.observed,
    message: row.message,
    raw: row.raw_data,
    rawTruncated: row.raw_truncated,
  }));
}

/** Lists that fit into a statement each. `sizeOf`: characters of the texts that may be long. */
export function* pieces<T>(items: readonly T[], sizeOf: (item: T) => number): Generator<T[]> {
  let piece: T[] = [];
  let size = 0;
  for (const item of items) {
    piece.push(item);
    size += sizeOf(item);
    if (piece.length < MAX_ROWS && size < MAX_CHARACTERS) continue;
    yield piece;
    piece = [];
    size = 0;
  }
  if (piece.length > 0) yield piece;
}
