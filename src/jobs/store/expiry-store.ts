import { sql } from 'kysely';
import type { Database } from '../../database/index.js';
import { isoTime } from '../domain/clock.js';
import { needsTopics } from './sink-store.js';

/** What the database knows of the age of jobs. A write is durable when its promise resolves. */
export class ExpiryStore {
  constructor(private readonly db: Database) {}

  /** The service has run for `ms` more; how long that is by now in all, in ms. */
  async addRunningTime(ms: number): Promise<number> {
    const row = await this.db
      .updateTable('running_time')
      .set((eb) => ({ ms: eb('ms', '+', ms) }))
      .returning('ms')
      .executeTakeFirstOrThrow();
    return row.ms;
  }

  /** Notes of at most `limit` jobs that have ended, the oldest first, that they were first seen so at `runningTime`. */
  async markSeen(runningTime: number, limit: number): Promise<void> {
    await this.db
      .updateTable('jobs')
      .set({ seen_ended: runningTime })
      .where('seq', 'in', (eb) =>
        eb
          .selectFrom('jobs')
          .select('seq')
          .where('seen_ended', 'is', null)
          .where('finished_at', 'is not', null)
          .where('phase', 'is', null)
          .orderBy('seq')
          .limit(limit),
      )
      .execute();
  }

  /**
   * Ids of jobs that ended `before` (ms since the epoch), were first seen ended at `seenBy` (running time, in ms) or
   * earlier and keep no file; the earliest end first.
   */
  async expired(before: number, seenBy: number, failedSince: number, limit: number): Promise<string[]> {
    const rows = await this.db
      .selectFrom('jobs')
      .select('job_id')
      .where('finished_at', '<', isoTime(before))
      .where('seen_ended', '<=', seenBy)
      // As the index has it: SQLite uses it only for a query that repeats its conditions, without parameters.
      .where('seen_ended', 'is not', null)
      .where((eb) => eb('spooled', '=', eb.lit(0)))
      .where('phase', 'is', null)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('sink_loads')
              .select('sink_loads.job_id')
              .whereRef('sink_loads.job_id', '=', 'jobs.job_id')
              .where(needsTopics(isoTime(failedSince), 'sink_loads')),
          ),
        ),
      )
      .orderBy('finished_at')
      .limit(limit)
      .execute();
    return rows.map((row) => row.job_id);
  }

  /**
   * Jobs that ended `before` (ms since the epoch) for good, with all that they committed known, and that still have
   * topics: the oldest first, from behind `afterSeq` on.
   */
  async withTopics(before: number, afterSeq: number, limit: number): Promise<{ jobId: string; seq: number }[]> {
    const rows = await this.db
      .selectFrom('jobs')
      .select(['job_id', 'seq'])
      .where((eb) => eb('topics_removed', '=', eb.lit(0)))
      .where('seq', '>', afterSeq)
      .where('finished_at', '<', isoTime(before))
      // With a `+`, so that SQLite does not go through all jobs without a file instead of those with topics.
      .where(sql`+spooled`, '=', 0)
      .where('checkpoint_verified', '=', 1)
      .where('phase', 'is', null)
      .orderBy('seq')
      .limit(limit)
      .execute();
    return rows.map((row) => ({ jobId: row.job_id, seq: row.seq }));
  }

  /** Notes that the job's topics are deleted. */
  async markTopicsRemoved(jobId: string): Promise<void> {
    await this.db.updateTable('jobs').set({ topics_removed: 1 }).where('job_id', '=', jobId).execute();
  }
}
