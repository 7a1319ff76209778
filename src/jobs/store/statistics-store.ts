import { type Expression, type RawBuilder, sql } from 'kysely';
import { type Database, isPostgres, storeIsoTime, storeTime } from '../../database/index.js';
import type { SinkName } from '../../ingest/index.js';
import type { Clock } from '../domain/clock.js';
import type { JobState } from '../domain/job.js';
import type { SinkState } from '../domain/job-sink.js';
import { REMOVAL_PHASES } from './removal-store.js';

/** What all processes on one store have together. Ages are in seconds; 0 if there is none. */
export interface JobStatistics {
  jobs: { state: JobState; count: number }[];
  /** Jobs that a free worker would take now, and how long the first of them has waited. */
  queue: { jobs: number; oldestSeconds: number };
  /** Jobs at work that have not advanced for `stalledMs`: how many, and the first of them. */
  stalled: { jobs: number; some: string[] };
  /** Topics of jobs, each of which has two. */
  topics: number;
  /** Rows that are to go with their topics and files: jobs that were purged, and what never became one. */
  removals: number;
  /** Jobs of which the topic of job events does not have the newest revision. */
  unpublished: { jobs: number; oldestSeconds: number };
  /** Loads that have not ended. */
  loads: { sink: SinkName; state: SinkState; count: number; oldestSeconds: number }[];
  /** The files of jobs that are kept. */
  files: { count: number; bytes: number };
}

/** The share of rejected rows of a model, in its last rows and before. */
export interface RejectShare {
  modelId: string;
  rows: number;
  rejected: number;
  earlierRows: number;
  earlierRejected: number;
}

/** Job ids that a log line names at most. */
const SOME = 10;

/** Counts over all rows, for metrics: each reading scans an index or a table. */
export class StatisticsStore {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
  ) {}

  async read(stalledMs: number): Promise<JobStatistics> {
    return {
      jobs: await this.#jobs(),
      queue: await this.#queue(),
      stalled: await this.#stalled(stalledMs),
      topics: await this.#topics(),
      removals: await this.#removals(),
      unpublished: await this.#unpublished(),
      loads: await this.#loads(),
      files: await this.#files(),
    };
  }

  /**
   * The share of rejected rows of each model that had rows within `ms`: among its last `recent.rows` ones of the last
   * `recent.ms`, in whole jobs, and among those before.
   */
  async rejectShares(recent: { rows: number; ms: number }, ms: number): Promise<RejectShare[]> {
    const { db } = this;
    const member = (name: 'ok' | 'errors'): RawBuilder<number> =>
      isPostgres(db)
        ? sql<number>`CAST(CAST(checkpoint AS json) ->> ${sql.lit(name)} AS bigint)`
        : sql<number>`CAST(checkpoint ->> ${sql.lit(name)} AS integer)`;
    const { rows } = await sql<Record<keyof RejectShare, string>>`
      WITH ended AS (
        SELECT model_id, seq, finished_at, ${member('ok')} + ${member('errors')} AS decided, ${member('errors')} AS rejected
        FROM jobs
        WHERE phase IS NULL AND checkpoint IS NOT NULL AND finished_at >= ${storeIsoTime(db, this.clock.steady(), ms)}
      ), placed AS (
        SELECT model_id, decided, rejected,
          sum(decided) OVER (PARTITION BY model_id ORDER BY finished_at DESC, seq DESC) - decided < ${recent.rows}
            AND finished_at >= ${storeIsoTime(db, this.clock.steady(), recent.ms)} AS is_recent
        FROM ended
      )
      SELECT model_id AS "modelId",
        coalesce(sum(CASE WHEN is_recent THEN decided END), 0) AS rows,
        coalesce(sum(CASE WHEN is_recent THEN rejected END), 0) AS rejected,
        coalesce(sum(CASE WHEN is_recent THEN 0 ELSE decided END), 0) AS "earlierRows",
        coalesce(sum(CASE WHEN is_recent THEN 0 ELSE rejected END), 0) AS "earlierRejected"
      FROM placed GROUP BY model_id`.execute(db);
    return rows.map(({ modelId, ...counts }) => ({
      modelId,
      rows: Number(counts.rows),
      rejected: Number(counts.rejected),
      earlierRows: Number(counts.earlierRows),
      earlierRejected: Number(counts.earlierRejected),
    }));
  }

  async #jobs(): Promise<JobStatistics['jobs']> {
    const rows = await this.db
      .selectFrom('jobs')
      .select(['state', (eb) => eb.fn.countAll<number | string>().as('count')])
      .where('phase', 'is', null)
      .groupBy('state')
      .execute();
    return rows.map(({ state, count }) => ({ state: state as JobState, count: Number(count) }));
  }

  async #queue(): Promise<JobStatistics['queue']> {
    const row = await this.db
      .selectFrom('jobs')
      .select((eb) => [
        eb.fn.countAll<number | string>().as('count'),
        eb(this.#now, '-', eb.fn.min('run_after')).as('oldestMs'),
      ])
      .where('phase', 'is', null)
      .where('state', '=', 'PENDING')
      .where('lease_owner', 'is', null)
      .where('run_after', '<=', this.#now)
      .executeTakeFirstOrThrow();
    return { jobs: Number(row.count), oldestSeconds: Number(row.oldestMs ?? 0) / 1000 };
  }

  async #stalled(ms: number): Promise<JobStatistics['stalled']> {
    const rows = await this.db
      .selectFrom('jobs')
      .select(['job_id', sql<number | string>`count(*) OVER ()`.as('count')])
      .where('phase', 'is', null)
      .where('state', 'in', ['RUNNING', 'CANCELLING'])
      .where('updated_at', '<', storeIsoTime(this.db, this.clock.steady(), ms))
      .orderBy('updated_at')
      .limit(SOME)
      .execute();
    return { jobs: Number(rows[0]?.count ?? 0), some: rows.map((row) => row.job_id) };
  }

  async #unpublished(): Promise<JobStatistics['unpublished']> {
    const row = await this.db
      .selectFrom('jobs')
      .select((eb) => [eb.fn.countAll<number | string>().as('count'), eb.fn.min('updated_at').as('oldest')])
      .where('phase', 'is', null)
      .whereRef('revision', '>', 'published_revision')
      .executeTakeFirstOrThrow();
    return { jobs: Number(row.count), oldestSeconds: this.#secondsSince(row.oldest) };
  }

  async #loads(): Promise<JobStatistics['loads']> {
    const rows = await this.db
      .selectFrom('sink_loads')
      .innerJoin('jobs', 'jobs.job_id', 'sink_loads.job_id')
      .select((eb) => [
        'sink_loads.name',
        'sink_loads.state',
        eb.fn.countAll<number | string>().as('count'),
        eb.fn.min('jobs.finished_at').as('oldest'),
      ])
      .where('sink_loads.state', 'not in', ['LOADED', 'REMOVED'])
      .groupBy(['sink_loads.name', 'sink_loads.state'])
      .execute();
    return rows.map(({ name, state, count, oldest }) => ({
      sink: name as SinkName,
      state: state as SinkState,
      count: Number(count),
      oldestSeconds: this.#secondsSince(oldest),
    }));
  }

  async #files(): Promise<JobStatistics['files']> {
    const row = await this.db
      .selectFrom('jobs')
      .select((eb) => [
        eb.fn.countAll<number | string>().as('count'),
        eb.fn.sum<number | string | null>('size_bytes').as('bytes'),
      ])
      .where('spooled', '=', 1)
      .where('source', 'is', null)
      .executeTakeFirstOrThrow();
    return { count: Number(row.count), bytes: Number(row.bytes ?? 0) };
  }

  async #topics(): Promise<number> {
    const { count } = await this.db
      .selectFrom('jobs')
      .select((eb) => eb.fn.countAll<number | string>().as('count'))
      // Not as a parameter, or SQLite does not use the index of these rows.
      .where((eb) => eb('topics_removed', '=', eb.lit(0)))
      .executeTakeFirstOrThrow();
    return 2 * Number(count);
  }

  async #removals(): Promise<number> {
    const { count } = await this.db
      .selectFrom('jobs')
      .select((eb) => eb.fn.countAll<number | string>().as('count'))
      .where('phase', 'in', REMOVAL_PHASES)
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  /** By this process's clock: an age is read by people. */
  #secondsSince(time: string | null): number {
    return time === null ? 0 : Math.max(0, this.clock.now() - Date.parse(time)) / 1000;
  }

  get #now(): Expression<number> {
    return storeTime(this.db, this.clock.steady());
  }
}
