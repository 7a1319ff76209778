import { SinkError, type SinkJob } from '../sink.js';
import { type Connection, quoted } from './connection.js';
import { sinkErrorOf } from './errors.js';
import { readPosition } from './positions.js';
import { dataTable, REJECTED_ROWS, SINK_ERRORS } from './tables.js';
import { tokens } from './tokens.js';

/** The offset of a row that stands for none: it is beyond the end of any topic. */
const TOMBSTONE = '18446744073709551615';
/** Blocks that may arrive while the tokens of the next ones are taken. */
const MAX_ATTEMPTS = 100;

/**
 * Takes out what a load has written, and what may still arrive of it. A process whose lease is gone may have one insert under
 * way for each stream: that of the block behind the last one, since it asks for its lease between two blocks. Its token is
 * used up first, by a row that is deleted with the others; whenever the insert is carried out, ClickHouse knows the token.
 */
export async function removeLoad(connection: Connection, job: SinkJob): Promise<void> {
  const table = dataTable(job.modelId);
  const missing = await missingTables(connection, [table, REJECTED_ROWS, SINK_ERRORS]);
  // A load begins with the tables: without them nothing was written, and nothing can be.
  if (missing.has(REJECTED_ROWS) || missing.has(SINK_ERRORS) || missing.has(table)) return;
  await closeData(connection, job, table);
  await closeRejected(connection, job);
  const params = { jobId: job.jobId, load: job.load };
  for (const [name, column] of [
    [table, '_job'],
    [REJECTED_ROWS, 'job_id'],
    [SINK_ERRORS, 'job_id'],
  ] as const) {
    await connection.run(
      `DELETE FROM ${quoted(name)} WHERE ${column} = {jobId:String} AND _load <= {load:UInt32}`,
      params,
      { lightweight_deletes_sync: 2, mutations_sync: 2 },
    );
  }
}

async function closeData(connection: Connection, job: SinkJob, table: string): Promise<void> {
  let before = -1;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const { next } = (await readPosition(connection, job)).data;
    // The token was used, and what it brought is gone: an earlier attempt closed the load before it deleted anything.
    if (next === before) return;
    before = next;
    const row = `{"_job":"${job.jobId}","_load":${job.load},"_block":${next},"_row":0,"_offset":"${TOMBSTONE}"}`;
    const into = `${quoted(table)} (_job, _load, _block, _row, _offset)`;
    await insert(connection, into, row, tokens.data(job, next));
    if (!(await isClosed(connection, table, '_job', job, next))) continue; // its insert came first: behind that one
    const columns = '(job_id, row_number, error, message, raw_data, raw_truncated, _load, _block, _offset)';
    const error = `{"job_id":"${job.jobId}","row_number":0,"_load":${job.load},"_block":${next},"_offset":"${TOMBSTONE}"}`;
    await insert(connection, `${quoted(SINK_ERRORS)} ${columns}`, error, tokens.errors(job, next));
    return;
  }
  throw new SinkError('SINK_UNAVAILABLE', 'the rows of the job keep coming: another process is still loading it');
}

async function closeRejected(connection: Connection, job: SinkJob): Promise<void> {
  let before = -1;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const { next } = (await readPosition(connection, job)).dlq;
    if (next === before) return;
    before = next;
    const row = `{"job_id":"${job.jobId}","row_number":0,"_load":${job.load},"_block":${next},"_offset":"${TOMBSTONE}"}`;
    const into = `${quoted(REJECTED_ROWS)} (job_id, row_number, _load, _block, _offset)`;
    await insert(connection, into, row, tokens.rejected(job, next));
    if (await isClosed(connection, REJECTED_ROWS, 'job_id', job, next)) return;
  }
  throw new SinkError(
    'SINK_UNAVAILABLE',
    'the rejected rows of the job keep coming: another process is still loading it',
  );
}

/** Whether the tombstone of the block that begins at `next` is there. */
async function isClosed(
  connection: Connection,
  table: string,
  column: string,
  { jobId, load }: SinkJob,
  next: number,
): Promise<boolean> {
  const rows = await connection.rows(
    `SELECT 1 FROM ${quoted(table)} WHERE ${column} = {jobId:String} AND _load = {load:UInt32} AND _block = {next:UInt64}
    AND _offset = ${TOMBSTONE} LIMIT 1`,
    { jobId, load, next },
  );
  return rows.length > 0;
}

async function insert(connection: Connection, into: string, row: string, token: string): Promise<void> {
  try {
    await connection.insert(into, 'JSONEachRow', [Buffer.from(`${row}\n`)], token);
  } catch (error) {
    throw sinkErrorOf(error);
  }
}

async function missingTables(connection: Connection, names: readonly string[]): Promise<Set<string>> {
  const found = await connection.rows<{ name: string }>(
    'SELECT name FROM system.tables WHERE database = currentDatabase() AND name IN {names:Array(String)}',
    { names },
  );
  const there = new Set(found.map(({ name }) => name));
  return new Set(names.filter((name) => !there.has(name)));
}
