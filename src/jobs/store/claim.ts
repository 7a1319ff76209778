import { randomUUID } from 'node:crypto';
import { type Expression, type RawBuilder, sql } from 'kysely';
import { type Database, isPostgres, storeTime } from '../../database/index.js';
import type { Assignment } from '../../runner/index.js';
import { type AllowedSource, hrefsUnder } from '../../sources/index.js';
import { type Clock, isoTime } from '../domain/clock.js';
import type { JobState } from '../domain/job.js';
import { JOB_VERSION } from '../domain/job-version.js';
import { fromRow, type StoredJob } from '../domain/stored-job.js';
import { LEASE_MS } from './lease-store.js';

/** `reconcile`: to find out what is committed. */
export type Intent = Assignment['intent'];

/** A job and its new lease. */
export interface Claim {
  record: StoredJob;
  /** The job was PENDING. */
  begun: boolean;
}

/** Jobs that may need a runner: in this state, with an error that waits to be reported (they are few) or without. */
export interface Claimable {
  state: JobState;
  pendingError: boolean;
}

const WAITING: Claimable = { state: 'PENDING', pendingError: false };

/** As `decideIntent` says. A user waits for a cancel, and for the end of a job; nobody for what is known of a FAILED one. */
export const CLAIM_ORDER: Readonly<Record<Intent, readonly Claimable[]>> = {
  run: [{ state: 'RUNNING', pendingError: false }, WAITING],
  reconcile: [
    { state: 'CANCELLING', pendingError: false },
    { state: 'CANCELLING', pendingError: true },
    { state: 'RUNNING', pendingError: true },
    { state: 'PENDING', pendingError: true },
    { state: 'FAILED', pendingError: false },
  ],
};

/** The oldest jobs are read first, up to this number: one of them costs less than one of each model. */
const FRONT = 300;
/** Others may be about to take the first ones. */
const CANDIDATES = 8;

/**
 * Takes the job that is next: of those without an owner that are due, one in the first state of CLAIM_ORDER that has any.
 * Among those of one state who has waited longest comes first, but of PENDING ones the model with the fewest running jobs
 * does. One that was PENDING is RUNNING from now on, under a new revision. To run, it takes only jobs whose file was uploaded
 * or is under one of `sources`. undefined: none needs a runner.
 */
export async function claimNext(
  db: Database,
  clock: Clock,
  intent: Intent,
  owner: string,
  sources: readonly AllowedSource[] = [],
): Promise<Claim | undefined> {
  const steady = clock.steady();
  const now = storeTime(db, steady);
  const row = await db
    .with(
      (cte) => cte('next').materialized(),
      () => next(intent, now, isPostgres(db), intent === 'run' ? readable(sources) : sql`true`),
    )
    .updateTable('jobs')
    .set(({ eb, ref, fn, val }) => {
      const whenPending = <T>(then: Expression<T>, otherwise: Expression<T>) =>
        eb.case().when('state', '=', 'PENDING').then(then).else(otherwise).end();
      const waited = eb
        .case()
        .when('phase_since', '<', steady)
        .then(eb(val(steady), '-', ref('phase_since')))
        .else(0)
        .end();
      return {
        lease: eb('lease', '+', 1),
        // From now on its checkpoints may be of this version.
        job_version: JOB_VERSION,
        lease_token: randomUUID(),
        lease_owner: owner,
        lease_until: eb(now, '+', LEASE_MS),
        state: whenPending(val<string>('RUNNING'), ref('state')),
        waiting: null,
        revision: whenPending(eb('revision', '+', 1), ref('revision')),
        updated_at: whenPending(val(isoTime(clock.now())), ref('updated_at')),
        waiting_ms: whenPending(eb('waiting_ms', '+', waited), ref('waiting_ms')),
        phase_since: whenPending(val(steady), ref('phase_since')),
        started_at: whenPending(
          fn.coalesce('started_at', val(isoTime(clock.now()))),
          ref('started_at').$castTo<string>(),
        ),
        // What a runner commits from now on is known when it has reported.
        ...(intent === 'run' ? { checkpoint_verified: 0 } : {}),
      };
    })
    .where('job_id', '=', (eb) => eb.selectFrom('next').select('next.job_id'))
    .where('lease_owner', 'is', null)
    .returningAll()
    .returning((eb) => eb.selectFrom('next').select('next.state').as('claimed_as'))
    .executeTakeFirst();
  return row && { record: fromRow(row), begun: row.claimed_as === 'PENDING' };
}

/** One row at most: the job that is next, and its state. PostgreSQL locks it, and passes over those that others lock. */
function next(
  intent: Intent,
  now: Expression<number>,
  locks: boolean,
  can: RawBuilder<boolean>,
): RawBuilder<{ job_id: string; state: JobState }> {
  const lock = locks ? sql`FOR UPDATE OF jobs SKIP LOCKED` : sql``;
  const oldest = (claimable: Claimable): RawBuilder<number> =>
    sql`(SELECT seq FROM jobs WHERE ${due(claimable, now)} AND ${can}
    ORDER BY run_after, seq LIMIT 1 ${lock})`;
  const first = (candidates: 'idle' | 'fair'): RawBuilder<number> => sql`(
    SELECT jobs.seq FROM ${sql.id(candidates)} AS candidate CROSS JOIN jobs
    WHERE jobs.seq = candidate.seq AND ${due(WAITING, now)} AND ${can}
    ORDER BY candidate.running, candidate.run_after, candidate.seq LIMIT 1 ${lock})`;
  const choices = CLAIM_ORDER[intent].flatMap((claimable) =>
    // Others may be about to take all candidates: then the oldest that is left.
    claimable === WAITING ? [first('idle'), first('fair'), oldest(WAITING)] : [oldest(claimable)],
  );
  return sql`(
    ${intent === 'run' ? candidates(now, can) : sql``}
    SELECT job_id, state FROM jobs WHERE seq = coalesce(${sql.join(choices)}))`;
}

/**
 * `idle`: jobs of models that have none running, and `fair`: the oldest job of each model, those with the fewest running
 * first. A database does not work out what nobody asks for: `fair` only if no job of `front` is in `idle`. It reads
 * little more than the indexes jobs_due and jobs_waiting; SQLite takes the tables of a CROSS JOIN in their order.
 */
function candidates(now: Expression<number>, can: RawBuilder<boolean>): RawBuilder<unknown> {
  // SQLite would rather look through all that are due: the sign keeps it to the index jobs_waiting.
  const isDueByModel = sql`${waits(WAITING)} AND +jobs.run_after <= ${now} AND ${can}`;
  const nextModel = (after: RawBuilder<unknown>): RawBuilder<number> => sql`(
    SELECT seq FROM jobs WHERE ${isDueByModel} ${after} ORDER BY jobs.model_id, jobs.run_after, jobs.seq LIMIT 1)`;
  return sql`
    WITH RECURSIVE
    busy AS MATERIALIZED (
      SELECT model_id, count(*) AS running FROM jobs WHERE lease_owner IS NOT NULL AND state = 'RUNNING' GROUP BY model_id
    ),
    front AS MATERIALIZED (
      SELECT seq, model_id, run_after FROM jobs WHERE ${due(WAITING, now)} AND ${can}
      ORDER BY run_after, seq LIMIT ${sql.lit(FRONT)}
    ),
    idle AS MATERIALIZED (
      SELECT seq, run_after, 0 AS running FROM front WHERE model_id NOT IN (SELECT model_id FROM busy)
      ORDER BY run_after, seq LIMIT ${sql.lit(CANDIDATES)}
    ),
    heads (seq) AS (
      SELECT ${nextModel(sql``)}
      UNION ALL
      SELECT ${nextModel(sql`AND jobs.model_id > head.model_id`)} FROM heads CROSS JOIN jobs AS head WHERE head.seq = heads.seq
    ),
    fair AS MATERIALIZED (
      SELECT jobs.seq, jobs.run_after, coalesce(busy.running, 0) AS running
      FROM heads CROSS JOIN jobs LEFT JOIN busy ON busy.model_id = jobs.model_id WHERE jobs.seq = heads.seq
      ORDER BY coalesce(busy.running, 0), jobs.run_after, jobs.seq LIMIT ${sql.lit(CANDIDATES)}
    )`;
}

/** The jobs that may be taken by now. */
function due(claimable: Claimable, now: Expression<number>): RawBuilder<boolean> {
  return sql`${waits(claimable)} AND jobs.run_after <= ${now}`;
}

/** As the indexes jobs_due, jobs_failing and jobs_waiting have it: literals, or they are not used. */
function waits({ state, pendingError }: Claimable): RawBuilder<boolean> {
  return sql`jobs.state = ${sql.lit(state)} AND jobs.pending_error_code ${sql.raw(pendingError ? 'IS NOT NULL' : 'IS NULL')}
    AND jobs.lease_owner IS NULL AND jobs.phase IS NULL AND jobs.job_version <= ${sql.lit(JOB_VERSION)}`;
}

/** The file was uploaded, or lies where the worker may read it. */
function readable(sources: readonly AllowedSource[]): RawBuilder<boolean> {
  const prefixes = sources.flatMap((source) => {
    const { exact, beginnings } = hrefsUnder(source);
    return [
      sql`jobs.source_uri = ${exact}`,
      ...beginnings.map((text) => sql`substr(jobs.source_uri, 1, ${sql.lit([...text].length)}) = ${text}`),
    ];
  });
  return sql`(${sql.join([sql`jobs.source_uri IS NULL`, ...prefixes], sql` OR `)})`;
}
