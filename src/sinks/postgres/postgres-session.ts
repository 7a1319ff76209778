import { randomUUID } from 'node:crypto';
import type { BlockResult, DataBlock, RejectedBlock, SinkSession } from '../sink.js';
import { SinkOvertaken } from '../sink.js';
import type { JobSummary, SinkJob } from '../sink-job.js';
import type { SinkReject } from '../sink-reject.js';
import type { Client, Connections } from './connections.js';
import { BlockEncoder } from './encoded-block.js';
import type { Position, Stream } from './positions.js';
import { readRejects } from './sink-errors.js';
import { TooManyRefused } from './too-many-refused.js';
import { writeValidationErrors } from './validation-errors.js';
import { writeBlock } from './write-block.js';

/** One load of a job into PostgreSQL. Holds no connection between two calls. */
export class PostgresSession implements SinkSession {
  readonly table = 'ingested_data';
  /** Tells a block of this session, whose answer was lost, from one that another has written. */
  readonly #id = randomUUID();
  readonly #encoder: BlockEncoder;
  #rejected: number;

  constructor(
    private readonly connections: Connections,
    private readonly job: SinkJob,
    private readonly hasLineage: boolean,
    readonly position: Readonly<Record<Stream, Position>>,
  ) {
    this.#encoder = new BlockEncoder(job);
    this.#rejected = position.data.rejected;
  }

  readRejects(after: number, limit: number): Promise<SinkReject[]> {
    return this.connections.transaction((client) => readRejects(client, this.job, { from: after + 1 }, limit));
  }

  /** Rows are encoded while they are sent: the server works longer than that, and JSON is large. */
  async prepare(): Promise<void> {}

  async writeRows(block: DataBlock): Promise<BlockResult> {
    const { job, hasLineage } = this;
    const budget = job.maxErrors - this.#rejected;
    const encoded = this.#encoder.begin(block, budget);
    const writing = { job, hasLineage, session: this.#id, budget };
    const rejects = await this.connections
      .transaction((client) => writeBlock(client, block, encoded, writing))
      .catch((error: unknown) => {
        if (error instanceof TooManyRefused) return error;
        throw error;
      });
    if (rejects instanceof TooManyRefused) return { rows: 0, rejects: rejects.rejects };
    this.#rejected += rejects.length;
    return { rows: block.count - rejects.length, rejects };
  }

  writeRejected(block: RejectedBlock): Promise<void> {
    return this.connections.transaction((client) => writeValidationErrors(client, this.job, block, this.#id));
  }

  writeSummary(summary: JobSummary): Promise<void> {
    return this.connections.transaction((client) => storeSummary(client, this.job, summary));
  }

  async close(): Promise<void> {}
}

async function storeSummary(client: Client, { jobId, load }: SinkJob, summary: JobSummary): Promise<void> {
  const { state, rows, ok, errors, createdAt, finishedAt } = summary;
  const { rowCount } = await client.query(
    `UPDATE ingestion_jobs AS job SET state = $3, rows_total = $4, rows_accepted = $5, rows_rejected = $6,
       created_at = $7, finished_at = $8, loaded = position.rows, inserted = position.inserted,
       updated = position.updated, duplicates = position.duplicates, refused = position.rejected, updated_at = now()
     FROM sink_positions AS position
     WHERE job.job_id = $1 AND job.load = $2 AND job.removed_load < $2
       AND position.job_id = $1 AND position.load = $2 AND position.stream = 'data'`,
    [jobId, load, state, rows, ok, errors, createdAt, finishedAt],
  );
  if (rowCount !== 1) throw new SinkOvertaken(`load ${load} was taken out`);
}
