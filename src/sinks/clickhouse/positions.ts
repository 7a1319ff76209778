import type { DataPosition, SinkJob, SinkReject, SinkRowErrorCode, StreamPosition } from '../sink.js';
import { type Connection, quoted } from './connection.js';
import { dataTable, REJECTED_ROWS, SINK_ERRORS } from './tables.js';

export interface Position {
  readonly data: DataPosition;
  readonly dlq: StreamPosition;
}

/**
 * Where a load goes on: behind the last block that has rows. A block that the sink has rejected as a whole leaves no row, and
 * is written once more, which its token makes harmless: so its errors do not count here, nor those of a block whose rows
 * did not arrive.
 */
export async function readPosition(connection: Connection, { jobId, load, modelId }: SinkJob): Promise<Position> {
  const params = { jobId, load };
  const [data] = await connection.rows<{ rows: string; next: string; last: string }>(
    `SELECT count() AS rows, max(_block) AS next, max(_row) AS last FROM ${quoted(dataTable(modelId))}
    WHERE _job = {jobId:String} AND _load = {load:UInt32}`,
    params,
  );
  const next = Number(data?.next ?? 0);
  const [errors] = await connection.rows<{ rejected: string; last: string }>(
    `SELECT count() AS rejected, max(row_number) AS last FROM ${quoted(SINK_ERRORS)}
    WHERE job_id = {jobId:String} AND _load = {load:UInt32} AND _block <= {next:UInt64}`,
    { ...params, next },
  );
  const [dlq] = await connection.rows<{ rows: string; next: string }>(
    `SELECT uniqExact(_offset) AS rows, max(_block) AS next FROM ${quoted(REJECTED_ROWS)}
    WHERE job_id = {jobId:String} AND _load = {load:UInt32}`,
    params,
  );
  return {
    data: {
      next,
      rows: Number(data?.rows ?? 0),
      rejected: Number(errors?.rejected ?? 0),
      lastRow: Math.max(Number(data?.last ?? 0), Number(errors?.last ?? 0)),
    },
    dlq: { next: Number(dlq?.next ?? 0), rows: Number(dlq?.rows ?? 0), rejected: 0 },
  };
}

interface ErrorRow {
  offset: string;
  row_number: string;
  column: string | null;
  type: string | null;
  error: string;
  observed: string | null;
  message: string;
  raw_data: string;
  raw_truncated: boolean;
}

/** How many rows of a load are in `sink_errors`. */
export async function countRejects(connection: Connection, { jobId, load }: SinkJob): Promise<number> {
  const [found] = await connection.rows<{ rows: string }>(
    `SELECT count() AS rows FROM ${quoted(SINK_ERRORS)} WHERE job_id = {jobId:String} AND _load = {load:UInt32}`,
    { jobId, load },
  );
  return Number(found?.rows ?? 0);
}

/** What was rejected of the blocks before `next`, behind the offset `after` and in their order. */
export async function readRejects(
  connection: Connection,
  { jobId, load }: SinkJob,
  { next, after, limit }: { next: number; after: number; limit: number },
): Promise<SinkReject[]> {
  const rows = await connection.rows<ErrorRow>(
    `SELECT _offset AS offset, row_number, column, type, error, observed, message, raw_data, raw_truncated
    FROM ${quoted(SINK_ERRORS)}
    WHERE job_id = {jobId:String} AND _load = {load:UInt32} AND _block <= {next:UInt64}
      AND _offset >= {from:UInt64}
    ORDER BY _offset LIMIT {limit:UInt32}`,
    { jobId, load, next, from: after + 1, limit },
  );
  return rows.map(({ offset, row_number: rowNumber, raw_data: raw, raw_truncated: rawTruncated, error, ...rest }) => ({
    offset: Number(offset),
    rowNumber: Number(rowNumber),
    error: error as SinkRowErrorCode,
    raw,
    rawTruncated,
    ...rest,
  }));
}
