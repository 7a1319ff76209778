import type { Database } from '../../database/index.js';

/** A row that is to be removed with all that belongs to it. */
export interface Removal {
  jobId: string;
  /** null: it has no file. */
  fileKey: string | null;
  /** Order of creation. */
  seq: number;
  /** ABORTED: the job never came to be. PURGING: its time is over. */
  phase: RemovalPhase;
  topicPrefix: string;
  /** Topics of its names are not its own any more. */
  topicsRemoved: boolean;
}

type RemovalPhase = 'ABORTED' | 'PURGING';
export const REMOVAL_PHASES: readonly RemovalPhase[] = ['ABORTED', 'PURGING'];

/** The rows of the database that are on their way out. A write is durable when its promise resolves. */
export class RemovalStore {
  constructor(private readonly db: Database) {}

  /** The oldest first, from behind `afterSeq` on. */
  async list(afterSeq: number, limit: number): Promise<Removal[]> {
    const rows = await this.db
      .selectFrom('jobs')
      .select(['job_id', 'file_key', 'seq', 'phase', 'topic_prefix', 'topics_removed'])
      .where('phase', 'in', REMOVAL_PHASES)
      .where('seq', '>', afterSeq)
      .orderBy('seq')
      .limit(limit)
      .execute();
    return rows.map((row) => ({
      jobId: row.job_id,
      fileKey: row.file_key,
      seq: row.seq,
      phase: row.phase as RemovalPhase,
      topicPrefix: row.topic_prefix,
      topicsRemoved: row.topics_removed === 1,
    }));
  }

  /** Deletes the row, when nothing else is left. */
  async delete(jobId: string): Promise<void> {
    await this.db.transaction().execute(async (transaction) => {
      const { numDeletedRows } = await transaction
        .deleteFrom('jobs')
        .where('job_id', '=', jobId)
        .where('phase', 'in', REMOVAL_PHASES)
        .executeTakeFirst();
      if (numDeletedRows === 0n) return;
      for (const table of ['sink_loads', 'sink_rejects'] as const) {
        await transaction.deleteFrom(table).where('job_id', '=', jobId).execute();
      }
    });
  }

  /** Whether the rows that have topics, jobs or not, are `count` or more. */
  async areThere(count: number): Promise<boolean> {
    const rows = await this.db
      .selectFrom('jobs')
      .select('seq')
      // Not as a parameter, or SQLite does not use the index of these rows.
      .where((eb) => eb('topics_removed', '=', eb.lit(0)))
      .orderBy('seq')
      .limit(1)
      .offset(count - 1)
      .execute();
    return rows.length > 0;
  }

  /** Whether the row is there and on its way out. */
  async has(jobId: string): Promise<boolean> {
    const rows = await this.db
      .selectFrom('jobs')
      .select('job_id')
      .where('job_id', '=', jobId)
      .where('phase', 'in', REMOVAL_PHASES)
      .execute();
    return rows.length > 0;
  }
}
