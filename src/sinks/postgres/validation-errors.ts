import type { RejectedBlock } from '../sink.js';
import type { SinkJob } from '../sink-job.js';
import type { Client } from './connections.js';
import { lockPosition, movePosition } from './positions.js';
import { storable } from './raw-row.js';
import { pieces } from './sink-errors.js';

const INSERT = `
INSERT INTO validation_errors (job_id, row_number, error_index, line, byte_offset, column_name, type, error, observed,
  message, raw_data, raw_encoding, raw_truncated, rejected_at)
SELECT $1, row_number, error_index, line, byte_offset, column_name, type, error, observed, message, raw_data,
  raw_encoding, raw_truncated, rejected_at
FROM json_to_recordset($2::json) AS rejected (row_number bigint, error_index integer, line bigint, byte_offset bigint,
  column_name text, type text, error text, observed text, message text, raw_data text, raw_encoding text,
  raw_truncated boolean, rejected_at timestamptz)`;

/** Writes a block of rejected rows within the transaction, one row for each error. Throws SinkOvertaken as rows do. */
export async function writeValidationErrors(
  client: Client,
  job: SinkJob,
  block: RejectedBlock,
  session: string,
): Promise<void> {
  const position = await lockPosition(client, job, 'dlq');
  // The answer to its COMMIT was lost.
  if (position.next === block.to && position.session === session) return;
  const lastRow = block.rows.at(-1)?.row.row_number ?? position.lastRow;
  const change = { to: block.to, lastRow, rejected: 0, inserted: 0, updated: 0, duplicates: 0, session };
  await movePosition(client, job, 'dlq', block.from, { ...change, rows: block.rows.length });
  const errors = block.rows.flatMap(({ row }) =>
    row.errors.map((error, index) => ({
      row_number: row.row_number,
      error_index: index,
      line: row.line,
      byte_offset: row.byte_offset,
      column_name: storable(error.column),
      type: error.type,
      error: error.error,
      observed: storable(error.observed),
      message: storable(error.message),
      raw_data: storable(row.raw_data),
      raw_encoding: row.raw_encoding,
      raw_truncated: row.raw_truncated,
      rejected_at: row.timestamp,
    })),
  );
  for (const piece of pieces(errors, ({ raw_data }) => raw_data.length)) {
    await client.query(INSERT, [job.jobId, JSON.stringify(piece)]);
  }
}
