import { randomUUID } from 'node:crypto';
import { type Expression, type ExpressionBuilder, type Selectable, sql } from 'kysely';
import { type Database, isPostgres, type SinkLoadsTable, storeTime, type Tables } from '../../database/index.js';
import type { ErrorCode } from '../../errors/index.js';
import type { SinkName, SinkWhen } from '../../ingest/index.js';
import { JOB_RETENTION_MS } from '../../kafka/index.js';
import { type Clock, isoTime } from '../domain/clock.js';
import type { SinkState, StoredSink } from '../domain/job-sink.js';
import { fromRow, type StoredJob } from '../domain/stored-job.js';

/** The rows of one job in one sink. */
export interface SinkLoad extends StoredSink {
  jobId: string;
  /** The generation. */
  load: number;
  when: SinkWhen;
  failures: number;
  lease: number;
  leaseToken: string | null;
}

export type SinkKey = Pick<SinkLoad, 'jobId' | 'name'>;
/** One claim of a load. */
export type SinkLease = Pick<SinkLoad, 'jobId' | 'name' | 'lease' | 'leaseToken'>;

/** A load with what its topics are called by, and how old they are. */
export interface LoadOfJob extends SinkKey {
  topicPrefix: string;
  /** ISO 8601. */
  createdAt: string;
  /** The job's. */
  seq: number;
}

export interface SinkChanges {
  state?: SinkState;
  load?: number;
  rows?: number;
  rejected?: number;
  table?: string | null;
  error?: StoredSink['error'];
  failures?: number;
  /** Nobody has the load any more. */
  leaseOwner?: null;
  /** In how many ms it may be claimed; null: it waits for its job, or is done. */
  runAfterMs?: number | null;
}

/** A row that a sink has rejected, as it is stored: `value` is the JSON text of a RejectedRow. */
export interface StoredReject {
  offset: number;
  rowNumber: number;
  value: string;
}

/** A change is made only if this holds. */
export interface SinkGuard {
  states?: readonly SinkState[];
  lease?: SinkLease;
  load?: number;
}

/** A lease ends by itself so long after its last renewal. */
export const SINK_LEASE_MS = 30_000;
const REJECTS_AT_ONCE = 100;
/** What a load is that begins anew. */
const AGAIN = {
  state: 'PENDING',
  error: null,
  failures: 0,
  rows: 0,
  rejected: 0,
  leaseOwner: null,
  runAfterMs: 0,
} as const;
/** As the index of these loads has it: with parameters in place of the words, SQLite would not use it. */
const HAS_NOT_ENDED = sql<boolean>`sink_loads.state NOT IN ('LOADED', 'REMOVED')`;

/**
 * The loads of jobs into sinks. A row of sink_loads is the truth; what users see of it is copied to the job's row, under a new
 * revision, in the same transaction. Whoever changes a load that way locks the job first.
 */
export class SinkStore {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
  ) {}

  async get({ jobId, name }: SinkKey): Promise<SinkLoad | undefined> {
    const row = await this.db
      .selectFrom('sink_loads')
      .selectAll()
      .where('job_id', '=', jobId)
      .where('name', '=', name)
      .executeTakeFirst();
    return row && toLoad(row);
  }

  /** Takes the load of this sink that has been due for longest; undefined: none is. What users see of it stays as it is. */
  async claim(name: SinkName, owner: string): Promise<SinkLoad | undefined> {
    const row = await this.db
      .with(
        (cte) => cte('next').materialized(),
        (db) =>
          db
            .selectFrom('sink_loads')
            .select('job_id')
            .where('name', '=', name)
            .where('lease_owner', 'is', null)
            .where('run_after', '<=', this.#now)
            .orderBy('run_after')
            .orderBy('job_id')
            .limit(1)
            .$if(isPostgres(this.db), (query) => query.forUpdate().skipLocked()),
      )
      .updateTable('sink_loads')
      .set(({ eb }) => ({
        lease: eb('lease', '+', 1),
        lease_token: randomUUID(),
        lease_owner: owner,
        lease_until: eb(this.#now, '+', SINK_LEASE_MS),
      }))
      .where('name', '=', name)
      .where('job_id', '=', (eb) => eb.selectFrom('next').select('next.job_id'))
      .where('lease_owner', 'is', null)
      .returningAll()
      .executeTakeFirst();
    return row && toLoad(row);
  }

  /** Whether nobody has claimed the load since, nor taken it away. */
  async holds(lease: SinkLease): Promise<boolean> {
    const row = await this.db
      .selectFrom('sink_loads')
      .select('job_id')
      .where(isLeased(lease))
      .where('lease_owner', 'is not', null)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Has these leases of `owner` end SINK_LEASE_MS from now on; gives those that it still has. */
  async renew(held: readonly SinkLease[], owner: string): Promise<SinkLease[]> {
    const renewed: SinkLease[] = [];
    for (const lease of held) {
      const row = await this.db
        .updateTable('sink_loads')
        .set(({ eb }) => ({ lease_until: eb(this.#now, '+', SINK_LEASE_MS) }))
        .where(isLeased(lease))
        .where('lease_owner', '=', owner)
        .returning('job_id')
        .executeTakeFirst();
      if (row !== undefined) renewed.push(lease);
    }
    return renewed;
  }

  /**
   * Ends the leases that nobody has renewed in time; how many there were. `all`: those of processes that are gone. One that
   * is just being changed is left for the next time, and holds up no other.
   */
  async releaseLapsed(all = false): Promise<number> {
    const { numUpdatedRows } = await this.db
      .updateTable('sink_loads')
      .set({ lease_owner: null, run_after: this.#now })
      .where(({ eb, refTuple, selectFrom }) =>
        eb(
          refTuple('job_id', 'name'),
          'in',
          selectFrom('sink_loads')
            .select(['job_id', 'name'])
            .where('lease_owner', 'is not', null)
            .$if(!all, (query) => query.where('lease_until', '<=', this.#now))
            .$if(isPostgres(this.db), (query) => query.forUpdate().skipLocked())
            .$asTuple('job_id', 'name'),
        ),
      )
      .executeTakeFirst();
    return Number(numUpdatedRows);
  }

  /** Gives a lease back: the load may be claimed at once. */
  async release(lease: SinkLease): Promise<void> {
    await this.db
      .updateTable('sink_loads')
      .set({ lease_owner: null, run_after: this.#now })
      .where(isLeased(lease))
      .where('lease_owner', 'is not', null)
      .execute();
  }

  /** The loads of this job that waited for it may be claimed. How many there were. */
  async wake(jobId: string): Promise<number> {
    const { numUpdatedRows } = await this.db
      .updateTable('sink_loads')
      .set({ run_after: this.#now })
      .where('job_id', '=', jobId)
      .where('run_after', 'is', null)
      .where('state', '=', 'PENDING')
      .executeTakeFirst();
    return Number(numUpdatedRows);
  }

  /** The same for all jobs that were read to their end, or run and are to be loaded meanwhile: a wake may have been lost. */
  async wakeMissed(): Promise<number> {
    const { numUpdatedRows } = await this.db
      .updateTable('sink_loads')
      .set({ run_after: this.#now })
      .where('run_after', 'is', null)
      .where('state', '=', 'PENDING')
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom('jobs')
            .select('jobs.job_id')
            .whereRef('jobs.job_id', '=', 'sink_loads.job_id')
            .where('jobs.phase', 'is', null)
            .where((eb) =>
              eb.or([
                eb('jobs.state', 'in', ['SUCCESS', 'PARTIAL_SUCCESS']),
                eb('jobs.error_code', '=', 'ALL_ROWS_REJECTED'),
                eb.and([eb('jobs.state', '=', 'RUNNING'), eb('sink_loads.sink_when', '=', 'streaming')]),
                // What was committed before it ended, once.
                eb.and([
                  eb('jobs.state', 'in', ['FAILED', 'CANCELLED']),
                  eb('jobs.checkpoint', 'is not', null),
                  eb('sink_loads.sink_when', '=', 'streaming'),
                  eb('jobs.finished_at', '>', eb.ref('sink_loads.updated_at')),
                ]),
              ]),
            ),
        ),
      )
      .executeTakeFirst();
    return Number(numUpdatedRows);
  }

  /**
   * A change that users see, with rows that the sink has rejected. undefined: the load is not as `guard` says any more,
   * and nothing was written.
   */
  async change(
    { jobId, name }: SinkKey,
    guard: SinkGuard,
    changes: SinkChanges,
    rejects: readonly StoredReject[] = [],
  ): Promise<StoredJob | undefined> {
    return this.#changing(jobId, async (transaction) => {
      const changed = await this.#update(transaction, { jobId, name }, guard, changes);
      if (changed === undefined) return false;
      if (changes.load !== undefined) {
        await transaction.deleteFrom('sink_rejects').where('job_id', '=', jobId).where('name', '=', name).execute();
      }
      const { load } = changed;
      for (let at = 0; at < rejects.length; at += REJECTS_AT_ONCE) {
        await transaction
          .insertInto('sink_rejects')
          .values(
            rejects.slice(at, at + REJECTS_AT_ONCE).map(({ offset, rowNumber, value }) => ({
              ...{ job_id: jobId, name, load, value },
              record_offset: offset,
              row_number: rowNumber,
            })),
          )
          .onConflict((conflict) => conflict.doNothing())
          .execute();
      }
      return true;
    });
  }

  /** As `change`, of what only the service knows. false: the load is not as `guard` says. */
  async updateInternal(key: SinkKey, guard: SinkGuard, changes: Omit<SinkChanges, 'state'>): Promise<boolean> {
    return (await this.#update(this.db, key, guard, changes)) !== undefined;
  }

  /**
   * More sinks for a job, PENDING and due, or again those from which its rows were REMOVED: all or none. undefined: the job has
   * one of them already, or is not there.
   */
  async add(jobId: string, names: readonly SinkName[], when: SinkWhen): Promise<StoredJob | undefined> {
    return this.#changing(jobId, async (transaction) => {
      for (const name of names) {
        const again = await this.#update(transaction, { jobId, name }, { states: ['REMOVED'] }, AGAIN);
        if (again !== undefined) continue;
        const row = { ...newLoadRow(jobId, name, when, this.#iso), run_after: this.#now };
        const { numInsertedOrUpdatedRows } = await transaction
          .insertInto('sink_loads')
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        if (numInsertedOrUpdatedRows !== 1n) return false;
      }
      return true;
    });
  }

  /**
   * Loads that are under way or due, or FAILED a while ago, of jobs created `before` (ms since the epoch) whose topics are not
   * kept for them: from behind the job `afterSeq` on.
   */
  async expiring(before: number, afterSeq: number, limit: number): Promise<LoadOfJob[]> {
    const rows = await this.#expiring(before, limit).where('jobs.seq', '>', afterSeq).execute();
    return rows.map(toLoadOfJob);
  }

  /** As `expiring`, those that do not say so yet. */
  async unannounced(before: number, limit: number): Promise<LoadOfJob[]> {
    const rows = await this.#expiring(before, limit)
      .where('sink_loads.state', '<>', 'FAILED')
      .where(({ eb, or }) =>
        or([eb('sink_loads.error_code', 'is', null), eb('sink_loads.error_code', '<>', 'SINK_EXPIRED')]),
      )
      .execute();
    return rows.map(toLoadOfJob);
  }

  #expiring(before: number, limit: number) {
    return this.#withJobs()
      .where(HAS_NOT_ENDED)
      .where('sink_loads.keeps_topics', '=', 0)
      .where(needsTopics(this.#failedSince, 'sink_loads'))
      .where('jobs.created_at', '<', isoTime(before))
      .orderBy('jobs.seq')
      .limit(limit);
  }

  /** Loads whose topics are kept for them, though no load of the job needs them any more. */
  async kept(limit: number): Promise<LoadOfJob[]> {
    const rows = await this.#withJobs()
      .where('sink_loads.keeps_topics', '=', 1)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('sink_loads as other')
              .select('other.job_id')
              .whereRef('other.job_id', '=', 'sink_loads.job_id')
              .where(needsTopics(this.#failedSince, 'other')),
          ),
        ),
      )
      .limit(limit)
      .execute();
    return rows.map(toLoadOfJob);
  }

  /** Since when a load may be FAILED whose topics are kept, so that somebody may retry it. ISO 8601. */
  get #failedSince(): string {
    return isoTime(this.clock.now() - JOB_RETENTION_MS);
  }

  /** Offset of the last rejected row of a load that is stored; -1: none is. */
  async lastReject({ jobId, name, load }: Pick<SinkLoad, 'jobId' | 'name' | 'load'>): Promise<number> {
    const row = await this.db
      .selectFrom('sink_rejects')
      .select(({ fn }) => fn.max<number | string | null>('record_offset').as('last'))
      .where('job_id', '=', jobId)
      .where('name', '=', name)
      .where('load', '=', load)
      .executeTakeFirst();
    return Number(row?.last ?? -1);
  }

  async markTopicsKept(jobId: string, isKept: boolean): Promise<void> {
    await this.db
      .updateTable('sink_loads')
      .set({ keeps_topics: Number(isKept) })
      .where('job_id', '=', jobId)
      .execute();
  }

  #withJobs() {
    return this.db
      .selectFrom('sink_loads')
      .innerJoin('jobs', 'jobs.job_id', 'sink_loads.job_id')
      .select(['sink_loads.job_id', 'sink_loads.name', 'jobs.topic_prefix', 'jobs.created_at', 'jobs.seq'])
      .where('jobs.phase', 'is', null);
  }

  /** How many loads each sink has in each state that is not an end. */
  async counts(): Promise<{ name: SinkName; state: SinkState; count: number }[]> {
    const rows = await this.db
      .selectFrom('sink_loads')
      .select(['name', 'state', (eb) => eb.fn.countAll<number | string>().as('count')])
      .where(HAS_NOT_ENDED)
      .groupBy(['name', 'state'])
      .execute();
    return rows.map(({ name, state, count }) => ({
      name: name as SinkName,
      state: state as SinkState,
      count: Number(count),
    }));
  }

  /** That of a load that is RETRYING or FAILED. */
  async newestError(name: SinkName): Promise<StoredSink['error']> {
    const newest = async (state: SinkState) =>
      this.db
        .selectFrom('sink_loads')
        .select(['error_code', 'error_message', 'updated_at'])
        .where('name', '=', name)
        .where('state', '=', state)
        .where(HAS_NOT_ENDED)
        .orderBy('updated_at', 'desc')
        .limit(1)
        .executeTakeFirst();
    const [retrying, failed] = [await newest('RETRYING'), await newest('FAILED')];
    const row = (retrying?.updated_at ?? '') > (failed?.updated_at ?? '') ? retrying : failed;
    return row === undefined ? null : toError(row);
  }

  /** Rows that the sinks of a job have rejected, from behind a place on: by sink and offset. */
  async rejects(
    jobId: string,
    after: { name: string; offset: number } | null,
    limit: number,
  ): Promise<{ name: string; offset: number; value: string }[]> {
    const rows = await this.db
      .selectFrom('sink_rejects')
      .select(['name', 'record_offset', 'value'])
      .where('job_id', '=', jobId)
      .$if(after !== null, (query) =>
        query.where((eb) =>
          eb(eb.refTuple('name', 'record_offset'), '>', eb.tuple(after?.name ?? '', after?.offset ?? 0)),
        ),
      )
      .orderBy('name')
      // There is one only; so the index has the rows in this order.
      .orderBy('load')
      .orderBy('record_offset')
      .limit(limit)
      .execute();
    return rows.map(({ name, record_offset: offset, value }) => ({ name, offset, value }));
  }

  /** `change`: what is done to the loads of a job; false: nothing after all. Gives the job with what they are then. */
  async #changing(jobId: string, change: (transaction: Database) => Promise<boolean>): Promise<StoredJob | undefined> {
    try {
      return await this.db.transaction().execute(async (transaction) => {
        const locked = await transaction
          .updateTable('jobs')
          .set(({ eb }) => ({ revision: eb('revision', '+', 1), updated_at: this.#iso }))
          .where('job_id', '=', jobId)
          .where('phase', 'is', null)
          .returning('job_id')
          .executeTakeFirst();
        if (locked === undefined || !(await change(transaction))) throw new NothingChanged();
        const loads = await transaction.selectFrom('sink_loads').selectAll().where('job_id', '=', jobId).execute();
        const sinks = JSON.stringify(loads.map(toSink).toSorted((a, b) => (a.name < b.name ? -1 : 1)));
        const row = await transaction
          .updateTable('jobs')
          .set({ sinks })
          .where('job_id', '=', jobId)
          .returningAll()
          .executeTakeFirstOrThrow();
        return fromRow(row);
      });
    } catch (error) {
      if (error instanceof NothingChanged) return undefined;
      throw error;
    }
  }

  async #update(
    db: Database,
    { jobId, name }: SinkKey,
    { states, lease, load }: SinkGuard,
    changes: SinkChanges,
  ): Promise<SinkLoad | undefined> {
    const { runAfterMs } = changes;
    let query = db
      .updateTable('sink_loads')
      .set({ ...columnsOf(changes), updated_at: this.#iso })
      .where('job_id', '=', jobId)
      .where('name', '=', name);
    if (runAfterMs === null) query = query.set({ run_after: null });
    else if (runAfterMs !== undefined) query = query.set(({ eb }) => ({ run_after: eb(this.#now, '+', runAfterMs) }));
    if (states !== undefined) query = query.where('state', 'in', states);
    if (load !== undefined) query = query.where('load', '=', load);
    if (lease !== undefined) query = query.where(isLeased(lease)).where('lease_owner', 'is not', null);
    const row = await query.returningAll().executeTakeFirst();
    return row && toLoad(row);
  }

  get #iso(): string {
    return isoTime(this.clock.now());
  }

  get #now(): Expression<number> {
    return storeTime(this.db, this.clock.steady());
  }
}

/** Takes a transaction back. */
class NothingChanged extends Error {}

/** The row of a load that has just been asked for; it waits for its job. */
export function newLoadRow(jobId: string, name: SinkName, when: SinkWhen, at: string): SinkLoadsTable {
  return {
    job_id: jobId,
    name,
    state: 'PENDING',
    sink_when: when,
    load: 1,
    rows: 0,
    rejected: 0,
    table_name: null,
    error_code: null,
    error_message: null,
    failures: 0,
    lease: 0,
    lease_token: null,
    lease_owner: null,
    lease_until: null,
    run_after: null,
    keeps_topics: 0,
    updated_at: at,
  };
}

function columnsOf({ state, load, rows, rejected, table, error, failures, leaseOwner }: SinkChanges) {
  return {
    ...(state === undefined ? {} : { state }),
    ...(load === undefined ? {} : { load }),
    ...(rows === undefined ? {} : { rows }),
    ...(rejected === undefined ? {} : { rejected }),
    ...(table === undefined ? {} : { table_name: table }),
    ...(error === undefined ? {} : { error_code: error?.code ?? null, error_message: error?.message ?? null }),
    ...(failures === undefined ? {} : { failures }),
    ...(leaseOwner === undefined ? {} : { lease_owner: leaseOwner }),
  };
}

function isLeased({ jobId, name, lease, leaseToken }: SinkLease) {
  return (eb: ExpressionBuilder<Pick<Tables, 'sink_loads'>, 'sink_loads'>) =>
    eb.and([
      eb('job_id', '=', jobId),
      eb('name', '=', name),
      eb('lease', '=', lease),
      leaseToken === null ? eb('lease_token', 'is', null) : eb('lease_token', '=', leaseToken),
    ]);
}

function toLoad(row: Selectable<SinkLoadsTable>): SinkLoad {
  return {
    ...toSink(row),
    jobId: row.job_id,
    load: row.load,
    when: row.sink_when as SinkWhen,
    failures: row.failures,
    lease: row.lease,
    leaseToken: row.lease_token,
  };
}

function toLoadOfJob(row: {
  job_id: string;
  name: string;
  topic_prefix: string;
  created_at: string;
  seq: number;
}): LoadOfJob {
  return {
    jobId: row.job_id,
    name: row.name as SinkName,
    topicPrefix: row.topic_prefix,
    createdAt: row.created_at,
    seq: row.seq,
  };
}

function toError({
  error_code: code,
  error_message: message,
}: Pick<SinkLoadsTable, 'error_code' | 'error_message'>): StoredSink['error'] {
  return code === null ? null : { code: code as ErrorCode, message: message ?? '' };
}

function toSink(row: Selectable<SinkLoadsTable>): StoredSink {
  return {
    name: row.name as SinkName,
    state: row.state as SinkState,
    rows: row.rows,
    rejected: row.rejected,
    table: row.table_name,
    error: toError(row),
    updatedAt: row.updated_at,
  };
}

/** Which loads still need the topics of their job: `failedSince` for those that somebody may retry. */
export function needsTopics<T extends string>(failedSince: string, table: T) {
  const column = (name: string) => sql.ref(`${table}.${name}`);
  return sql<boolean>`(
    (${column('state')} IN ('PENDING', 'LOADING', 'RETRYING', 'REMOVING') AND ${column('run_after')} IS NOT NULL)
    OR (${column('state')} = 'FAILED' AND ${column('error_code')} <> 'SINK_EXPIRED' AND ${column('updated_at')} > ${failedSince}))`;
}
