import { type DataBlock, SinkOvertaken, type VisitRow } from '../sink.js';
import type { SinkJob } from '../sink-job.js';
import type { SinkReject } from '../sink-reject.js';
import { type Client, copyRows } from './connections.js';
import type { EncodedBlock } from './encoded-block.js';
import { isRefusal, withoutValues } from './errors.js';
import { isolate } from './isolate.js';
import { lockModel } from './model-lock.js';
import { lockPosition, movePosition } from './positions.js';
import { rawOf } from './raw-row.js';
import { readRejects, writeRejects } from './sink-errors.js';
import { TooManyRefused } from './too-many-refused.js';

export interface BlockWriting {
  job: SinkJob;
  hasLineage: boolean;
  /** A random name of the session that writes. */
  session: string;
  /** Rows of the block that may be rejected. */
  budget: number;
}

interface Counts {
  inserted: number;
  updated: number;
}

/** A block is sorted by its hashes, which takes more memory than servers give by default. */
const TEMPORARY_TABLE = `
SET LOCAL work_mem = '64MB';
CREATE TEMPORARY TABLE batch_rows (row_number bigint NOT NULL, content_hash bytea NOT NULL, data jsonb NOT NULL)
ON COMMIT DROP`;

/**
 * In the order of the hashes, so that two jobs which bring the same rows wait for each other and never in a circle. Of equal
 * rows the first one of the file wins.
 */
const UPSERT = `
WITH written AS (
  INSERT INTO ingested_data (content_hash, model_id, data, first_job_id, row_number)
  SELECT DISTINCT ON (content_hash) content_hash, $1, data, $2, row_number
  FROM batch_rows
  WHERE ($3::bytea IS NULL OR content_hash >= $3) AND ($4::bytea IS NULL OR content_hash < $4)
  ORDER BY content_hash, row_number
  ON CONFLICT (content_hash) /action/
  RETURNING xmax = 0 AS is_new
)
SELECT count(*) FILTER (WHERE is_new) AS inserted, count(*) FILTER (WHERE NOT is_new) AS updated FROM written`;
const SKIP = UPSERT.replace('/action/', 'DO NOTHING');
/** Rows that this job brought itself are duplicates inside it. */
const UPDATE = UPSERT.replace(
  '/action/',
  `DO UPDATE SET data = excluded.data, updated_at = now() WHERE ingested_data.first_job_id <> excluded.first_job_id`,
);

/**
 * Writes one block within the transaction, all of it but the rows that the database refuses. Until the position is locked
 * the transaction touches nothing that others see, so a process may stand still in its COPY without harm. Throws
 * SinkOvertaken if the load goes on elsewhere, TooManyRefused if more than `budget` rows are rejected.
 */
export async function writeBlock(
  client: Client,
  block: DataBlock,
  encoded: EncodedBlock,
  writing: BlockWriting,
): Promise<SinkReject[]> {
  const { job, hasLineage, session } = writing;
  /** By index of a row in the block. */
  const refusals = new Map<number, string>();
  const refuse = (index: number, message: string): void => {
    refusals.set(index, message);
    requireFewRejects();
  };
  const allRejects = (): SinkReject[] =>
    [...encoded.rejects.values(), ...describe(block, refusals)].sort((a, b) => a.offset - b.offset);
  const requireFewRejects = (): void => {
    if (encoded.rejects.size + refusals.size > writing.budget) throw new TooManyRefused(allRejects());
  };
  await client.query(TEMPORARY_TABLE);
  await isolate(
    client,
    block.count,
    (from, to) => copyRows(client, 'batch_rows', encoded.rows(from, to)),
    (index, error) => refuse(index, withoutValues(error)),
  );
  requireFewRejects();
  await lockModel(client, job.modelId, 'shared');
  const position = await lockPosition(client, job, 'data');
  // The answer to its COMMIT was lost.
  if (position.next === block.to && position.session === session) return readRejects(client, job, block);
  if (position.next !== block.from) throw new SinkOvertaken(`the load does not go on at ${block.from}`);

  const { inserted, updated } = await upsert(client, block, encoded, job, refusals, refuse);
  const rows = block.count - encoded.rejects.size - refusals.size;
  if (hasLineage && rows > 0) {
    await client.query(
      `INSERT INTO ingested_rows (job_id, row_number, content_hash)
       SELECT $1, row_number, content_hash FROM batch_rows ORDER BY row_number`,
      [job.jobId],
    );
  }
  const rejects = allRejects();
  await writeRejects(client, job, rejects);
  await movePosition(client, job, 'data', block.from, {
    to: block.to,
    lastRow: encoded.lastRow,
    rows,
    rejected: rejects.length,
    inserted,
    updated,
    duplicates: rows - inserted - updated,
    session,
  });
  return rejects;
}

async function upsert(
  client: Client,
  block: DataBlock,
  encoded: EncodedBlock,
  { modelId, jobId, onConflict }: SinkJob,
  refusals: ReadonlyMap<number, string>,
  refuse: (index: number, message: string) => void,
): Promise<Counts> {
  const counts: Counts = { inserted: 0, updated: 0 };
  const text = onConflict === 'update' ? UPDATE : SKIP;
  const run = async (from: Buffer | null, to: Buffer | null): Promise<void> => {
    const { rows } = await client.query<Record<keyof Counts, string>>(text, [modelId, jobId, from, to]);
    counts.inserted += Number(rows[0]?.inserted);
    counts.updated += Number(rows[0]?.updated);
  };
  const refusedHashes: Buffer[] = [];
  await client.query('SAVEPOINT batch_upsert');
  try {
    await run(null, null);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT batch_upsert');
    // Pieces are whole groups of equal rows, in the order of the hashes, too.
    const groups = groupRows(block, encoded, refusals);
    const attempt = (from: number, to: number): Promise<void> =>
      run(groups[from]?.hash ?? null, groups[to]?.hash ?? null);
    await isolate(client, groups.length, attempt, (index, refusal) => {
      const { hash, rows } = groups[index] as RowGroup;
      refusedHashes.push(hash);
      for (const row of rows) refuse(row, withoutValues(refusal));
    });
  }
  if (refusedHashes.length > 0) {
    await client.query('DELETE FROM batch_rows WHERE content_hash = ANY ($1::bytea[])', [refusedHashes]);
  }
  return counts;
}

/** Equal rows of a block. */
interface RowGroup {
  hash: Buffer;
  rows: number[];
}

function groupRows({ count }: DataBlock, encoded: EncodedBlock, refusals: ReadonlyMap<number, string>): RowGroup[] {
  const groups = new Map<string, RowGroup>();
  for (let index = 0; index < count; index++) {
    if (refusals.has(index) || encoded.rejects.has(index)) continue;
    const hash = encoded.hashOf(index);
    const key = hash.toString('latin1');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { hash, rows: [index] });
    else group.rows.push(index);
  }
  return [...groups.values()].sort((a, b) => Buffer.compare(a.hash, b.hash));
}

/** The rejects of the rows that were refused. */
function describe(block: DataBlock, refusals: ReadonlyMap<number, string>): SinkReject[] {
  if (refusals.size === 0) return [];
  const rejects: SinkReject[] = [];
  let next = 0;
  const visit: VisitRow = (bytes, start, end, rowNumber, offset) => {
    const message = refusals.get(next++);
    if (message === undefined) return;
    const none = { column: null, type: null, observed: null };
    rejects.push({ offset, rowNumber, ...none, error: 'REFUSED_BY_SINK', message, ...rawOf(bytes, start, end) });
  };
  for (const piece of block.pieces) piece.forEach(visit);
  return rejects;
}
