import { type Expression, type ExpressionBuilder, type RawBuilder, sql } from 'kysely';
import { type Database, isPostgres, storeTime, type Tables } from '../../database/index.js';
import type { Clock } from '../domain/clock.js';
import type { StoredJob } from '../domain/stored-job.js';

/** One claim of a job. */
export type LeaseId = Pick<StoredJob, 'lease' | 'leaseToken'>;

/** A job that a process has claimed. */
export type HeldLease = LeaseId & Pick<StoredJob, 'jobId'>;

/** A lease ends by itself so long after its last renewal. */
export const LEASE_MS = 30_000;

/** The leases of the jobs that processes have claimed. A job's last claim decides, and the store's clock. */
export class LeaseStore {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
  ) {}

  /** Whether nobody has claimed the job since, nor is about to: its lease is `owner`'s, lapsed or not. */
  async holds({ jobId, ...lease }: HeldLease, owner: string): Promise<boolean> {
    const row = await this.db
      .selectFrom('jobs')
      .select('job_id')
      .where('job_id', '=', jobId)
      .where(isLease(lease))
      .where('lease_owner', '=', owner)
      .executeTakeFirst();
    return row !== undefined;
  }

  /**
   * Has the leases of `owner` end LEASE_MS from now on. Gives the ids of the jobs whose lease it still has. If it has none,
   * this only finds out whether the store answers.
   */
  async renew(held: readonly HeldLease[], owner: string): Promise<Set<string>> {
    if (held.length === 0) {
      await sql`SELECT 1`.execute(this.db);
      return new Set();
    }
    const rows = held.map(
      ({ jobId, lease, leaseToken }) => sql`(${jobId}, CAST(${lease} AS bigint), CAST(${leaseToken} AS text))`,
    );
    const renewed = await sql<{ job_id: string }>`
      WITH held (job_id, lease, token) AS (VALUES ${sql.join(rows)}),
      ours AS MATERIALIZED (
        SELECT jobs.job_id FROM held JOIN jobs ON jobs.job_id = held.job_id
        WHERE jobs.lease = held.lease AND jobs.lease_token = held.token AND jobs.lease_owner = ${owner} ${inOrder(this.db)}
      )
      UPDATE jobs SET lease_until = ${this.#now} + ${sql.lit(LEASE_MS)} FROM ours
      WHERE jobs.job_id = ours.job_id
      RETURNING jobs.job_id`.execute(this.db);
    return new Set(renewed.rows.map((row) => row.job_id));
  }

  /**
   * Ends the leases that nobody has renewed in time: their jobs may be claimed at once. Gives the ids of these jobs. One
   * that is just being changed is left for the next time, and holds up no other.
   */
  async releaseLapsed(): Promise<string[]> {
    const rows = await this.db
      .updateTable('jobs')
      .set({ lease_owner: null, run_after: this.#now })
      .where('seq', 'in', ({ selectFrom }) =>
        selectFrom('jobs')
          .select('seq')
          .where('lease_owner', 'is not', null)
          .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<=', this.#now)]))
          .$if(isPostgres(this.db), (query) => query.forUpdate().skipLocked()),
      )
      .returning('job_id')
      .execute();
    return rows.map((row) => row.job_id);
  }

  get #now(): Expression<number> {
    return storeTime(this.db, this.clock.steady());
  }
}

/**
 * Ends a selection of jobs that are about to be written: PostgreSQL locks the rows by their ids, as every statement or
 * transaction over several rows does, or two could wait for each other. SQLite writes one after the other.
 */
export function inOrder(db: Database): RawBuilder<unknown> {
  return isPostgres(db) ? sql`ORDER BY jobs.job_id COLLATE "C" FOR UPDATE OF jobs` : sql``;
}

/** The row's last claim is this one. */
export function isLease({ lease, leaseToken }: LeaseId) {
  return (eb: ExpressionBuilder<Pick<Tables, 'jobs'>, 'jobs'>) =>
    eb.and([
      eb('lease', '=', lease),
      leaseToken === null ? eb('lease_token', 'is', null) : eb('lease_token', '=', leaseToken),
    ]);
}
