import { SinkError, type SinkJob } from '../sink.js';
import { type Connection, quoted } from './connection.js';
import { insertErrorOf } from './errors.js';
import { readPosition } from './positions.js';
import { syncReplicas } from './replicas.js';
import { dataTable, enginesOf, REJECTED_ROWS, SINK_ERRORS } from './tables.js';
import { tokens } from './tokens.js';

/** The offset of a row that stands for none: it is beyond the end of any topic. */
const TOMBSTONE = '18446744073709551615';
/** ClickHouse's number. */
const VIOLATED_CONSTRAINT = '469';
/** Blocks that may arrive while the tokens of the next ones are taken. */
const MAX_ATTEMPTS = 100;

/**
 * Takes out what a load has written, and what may still arrive of it. A process whose lease is gone may have one insert under
 * way for each stream: that of the block behind the last one, since it asks for its lease between two blocks. Its token is
 * used up first, by a row that is deleted with the others; whenever the insert is carried out, ClickHouse knows the token.
 */
export async function removeLoad(connection: Connection, job: SinkJob): Promise<void> {
  const table = dataTable(job.modelId);
  const names = [table, REJECTED_ROWS, SINK_ERRORS];
  // A load begins with the tables: without them nothing was written, and nothing can be.
  const engines = await enginesOf(connection, names);
  if (engines.size < names.length) return;
  await syncReplicas(connection, engines);
  await closeData(connection, job, table);
  await closeRejected(connection, job);
  const params = { jobId: job.jobId, load: job.load };
  for (const name of names) {
    await connection.run(
      `DELETE FROM ${quoted(name)} WHERE ${name === table ? '_job' : 'job_id'} = {jobId:String} AND _load <= {load:UInt32}`,
      params,
      { lightweight_deletes_sync: 2, mutations_sync: 2 },
    );
  }
}

async function closeData(connection: Connection, job: SinkJob, table: string): Promise<void> {
  const key = `"_load":${job.load},"_block":0,"_offset":"${TOMBSTONE}"`;
  const row = `{"_job":"${job.jobId}","_row":0,${key}}`;
  const error = `{"job_id":"${job.jobId}","row_number":0,${key}}`;
  await close(
    () => nextStarts(connection, job),
    async (start) => {
      await insert(connection, `${quoted(table)} (_job, _load, _block, _row, _offset)`, row, tokens.data(job, start));
      const into = `${quoted(SINK_ERRORS)} (job_id, row_number, _load, _block, _offset)`;
      await insert(connection, into, error, tokens.errors(job, start));
    },
  );
}

async function closeRejected(connection: Connection, job: SinkJob): Promise<void> {
  const row = `{"job_id":"${job.jobId}","row_number":0,"_load":${job.load},"_block":0,"_offset":"${TOMBSTONE}"}`;
  const into = `${quoted(REJECTED_ROWS)} (job_id, row_number, _load, _block, _offset)`;
  await close(
    async () => [(await readPosition(connection, job)).dlq.next],
    (start) => insert(connection, into, row, tokens.rejected(job, start)),
  );
}

/**
 * Uses up the tokens of the blocks that begin at `starts`. If these are the same afterwards, no insert was faster, and the
 * tokens are gone; also if an earlier attempt took them and has deleted rows since.
 */
async function close(starts: () => Promise<number[]>, take: (start: number) => Promise<void>): Promise<void> {
  let before = await starts();
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    for (const start of before) await take(start);
    const now = await starts();
    if (now.join() === before.join()) return;
    before = now;
  }
  throw new SinkError('SINK_UNAVAILABLE', 'the rows of the job keep coming: another process is still loading it');
}

/**
 * Where the next block may begin: behind the last one that has rows, and behind each later one with errors. All rows of such
 * a one may have been rejected, and then an insert of the block behind it may be under way. There are fewer of them than
 * rows that may be rejected.
 */
async function nextStarts(connection: Connection, job: SinkJob): Promise<number[]> {
  const { next } = (await readPosition(connection, job)).data;
  const behind = await connection.rows<{ start: string }>(
    `SELECT DISTINCT _block AS start FROM ${quoted(SINK_ERRORS)}
    WHERE job_id = {jobId:String} AND _load = {load:UInt32} AND _block > {next:UInt64} ORDER BY start`,
    { jobId: job.jobId, load: job.load, next },
  );
  return [next, ...behind.map(({ start }) => Number(start))];
}

async function insert(connection: Connection, into: string, row: string, token: string): Promise<void> {
  try {
    await connection.insert(into, 'JSONEachRow', [Buffer.from(`${row}\n`)], token);
  } catch (error) {
    if ((error as { code?: string }).code !== VIOLATED_CONSTRAINT) throw insertErrorOf(error);
    throw new SinkError(
      'SINK_SCHEMA_CONFLICT',
      `rows are taken out with the help of one of defaults, which a CHECK constraint of ${into.split(' ', 1)[0]} refuses: ` +
        'drop the constraint (ALTER TABLE … DROP CONSTRAINT) until they are',
      { cause: error },
    );
  }
}
