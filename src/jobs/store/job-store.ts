import { type Expression, type ExpressionBuilder, sql } from 'kysely';
import {
  beforeSeq,
  type Database,
  type JobsTable,
  nextSeq,
  type Page,
  storeTime,
  type Tables,
  toPage,
} from '../../database/index.js';
import type { AllowedSource } from '../../sources/index.js';
import { type Clock, isoTime } from '../domain/clock.js';
import type { JobState } from '../domain/job.js';
import { changedColumns, type JobChanges, newRow } from '../domain/job-changes.js';
import { FINAL_ERRORS, isTerminal, mayFollow } from '../domain/job-state.js';
import {
  fromRow,
  fromSummaryRow,
  type NewJob,
  type StoredJob,
  type StoredJobSummary,
  SUMMARY_COLUMNS,
} from '../domain/stored-job.js';
import { CLAIM_ORDER, type Claim, claimNext, type Intent } from './claim.js';
import { type HeldLease, inOrder, isLease, type LeaseId } from './lease-store.js';
import { newLoadRow } from './sink-store.js';

export type CreateResult =
  | { kind: 'created' }
  /** Another row has this id: try a fresh one. */
  | { kind: 'id_taken' }
  /** The Idempotency-Key belongs to this job. */
  | { kind: 'key_taken'; record: StoredJob }
  /** The Idempotency-Key belongs to a row that is being created, which may become this job. */
  | { kind: 'key_pending'; record: StoredJob }
  /** The upload was given up. */
  | { kind: 'upload_lost' };

/** What other tables have until the row of a job is made, and what belongs to the job from then on. */
export interface Taken {
  /** The spare topics of its id. */
  spare?: boolean;
  /** The upload of its file. */
  upload?: boolean;
}

export interface JobFilter {
  state?: JobState | undefined;
  modelId?: string | undefined;
  /** Only jobs of these; absent or null: of all. */
  models?: readonly string[] | null | undefined;
  /** Whether a resume would take the job: its state and error allow it, and its file is kept. */
  resumable?: boolean | undefined;
  /** Maximum number of jobs. */
  limit: number;
  /** From the page before; absent: from the newest job on. */
  cursor?: string | undefined;
}

/** A compare-and-set writes only if all of this still holds. */
export interface Guard {
  states: readonly JobState[];
  /** The last claim is this one. */
  lease?: LeaseId;
  /** Its file is kept, or not. */
  spooled?: boolean;
}

/** What a runner told of its job. */
export interface Progress {
  jobId: string;
  /** The runner's. */
  lease: LeaseId;
  changes: Omit<JobChanges, 'state'>;
}

const UNFINISHED = [...CLAIM_ORDER.run, ...CLAIM_ORDER.reconcile].filter(({ state }) => state !== 'FAILED');

const NEED_RUNNERS = ['PENDING', 'RUNNING', 'CANCELLING', 'FAILED'] as const satisfies readonly JobState[];

/** What the jobs of one page may hold in texts of their users' choice, in bytes; a page has one job at least. */
const PAGE_BYTES = 8_000_000;

/** Other statements wait for as long as one takes. */
const MARKED_AT_ONCE = 200;

/** The jobs in the database. A write is durable when its promise resolves. */
export class JobStore {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
  ) {}

  /**
   * The row of a new job, CREATING: `owner`, the start of a process, is about to make what the job needs. It is not a job
   * before `activate`. At most one row has an id, and one an Idempotency-Key.
   */
  async create(job: NewJob, owner: string, taken: Taken = {}): Promise<CreateResult> {
    try {
      const takes = taken.spare === true || taken.upload === true || job.options.sinks.length > 0;
      const row = await (takes ? this.#insertTaking(job, owner, taken) : this.#insert(this.db, job, owner));
      if (row !== undefined) return { kind: 'created' };
    } catch (error) {
      if (error instanceof UploadLostError) return { kind: 'upload_lost' };
      if (error instanceof SpareLostError) return { kind: 'id_taken' };
      throw error;
    }
    const { idempotencyKey: key } = job;
    const holder =
      key === null
        ? undefined
        : await this.db.selectFrom('jobs').selectAll().where('idempotency_key', '=', key).executeTakeFirst();
    if (holder === undefined) return { kind: 'id_taken' };
    return { kind: holder.phase === null ? 'key_taken' : 'key_pending', record: fromRow(holder) };
  }

  async #insertTaking(job: NewJob, owner: string, { spare, upload }: Taken): Promise<{ job_id: string } | undefined> {
    return this.db.transaction().execute(async (transaction) => {
      const inserted = await this.#insert(transaction, job, owner);
      if (inserted === undefined) return undefined;
      if (spare === true) {
        const { numDeletedRows } = await transaction
          .deleteFrom('spare_topics')
          .where('job_id', '=', job.jobId)
          .where('owner', '=', owner)
          .executeTakeFirst();
        if (numDeletedRows === 0n) throw new SpareLostError();
      }
      if (upload === true) {
        const { numDeletedRows } = await transaction
          .deleteFrom('uploads')
          .where('file_key', '=', job.fileKey)
          .where('owner', '=', owner)
          .where('phase', '=', 'UPLOADING')
          .executeTakeFirst();
        if (numDeletedRows === 0n) throw new UploadLostError();
      }
      const { sinks, sinkWhen } = job.options;
      const loads = sinks.map((name) => newLoadRow(job.jobId, name, sinkWhen, isoTime(this.clock.now())));
      if (loads.length > 0) await transaction.insertInto('sink_loads').values(loads).execute();
      return inserted;
    });
  }

  /** undefined: another row has the id or the key. */
  async #insert(db: Database, job: NewJob, owner: string): Promise<{ job_id: string } | undefined> {
    return db
      .insertInto('jobs')
      .values({
        ...newRow(job, owner, this.clock),
        seq: nextSeq(db, 'jobs'),
        run_after: this.#now,
        touched_at: this.#now,
      })
      .onConflict((conflict) => conflict.doNothing())
      .returning('job_id')
      .executeTakeFirst();
  }

  /** From here on the row is a job, PENDING. undefined: it is no longer CREATING, or somebody else's. */
  async activate(jobId: string, owner: string): Promise<StoredJob | undefined> {
    return first(
      await this.db
        .updateTable('jobs')
        .set({ phase: null, phase_owner: null, touched_at: null })
        .where('job_id', '=', jobId)
        .where('phase', '=', 'CREATING')
        .where('phase_owner', '=', owner)
        .returningAll()
        .execute(),
    );
  }

  /**
   * `owner` gives up a creation, and its Idempotency-Key free; what was made for it is to be removed. If the file was an
   * `upload`, it is one again, and not the row's. false: the row is no longer CREATING, or another owner's.
   */
  async abort(jobId: string, owner: string, upload: string | null): Promise<boolean> {
    return this.db.transaction().execute(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable('jobs')
        .set({
          phase: 'ABORTED',
          phase_owner: null,
          idempotency_key: null,
          ...(upload === null ? {} : { file_key: null }),
        })
        .where('job_id', '=', jobId)
        .where('phase', '=', 'CREATING')
        .where('phase_owner', '=', owner)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return false;
      if (upload === null) return true;
      await transaction
        .insertInto('uploads')
        .values({ file_key: upload, owner, phase: 'UPLOADING', touched_at: this.#now })
        .execute();
      return true;
    });
  }

  /** The jobs that `owner` is creating are still under way. */
  async touchCreations(owner: string, underWay: readonly string[]): Promise<void> {
    if (underWay.length === 0) return;
    await this.db
      .updateTable('jobs')
      .set({ touched_at: this.#now })
      .where('job_id', 'in', underWay)
      .where('phase', '=', 'CREATING')
      .where('phase_owner', '=', owner)
      .execute();
  }

  /**
   * Gives up, with their files, the creations of `owner` that are not `underWay`, and those of others that were not
   * touched for `ms`: all if that is 0. How many there were.
   */
  async abortCreations(owner: string, underWay: readonly string[], ms: number): Promise<number> {
    const { numUpdatedRows } = await this.db
      .updateTable('jobs')
      .set({ phase: 'ABORTED', phase_owner: null, idempotency_key: null })
      .where('phase', '=', 'CREATING')
      .where((eb) => {
        const isOwn = eb('phase_owner', '=', owner);
        const isStale =
          ms === 0
            ? eb.lit(true)
            : // A row without a time is of an earlier version.
              eb(eb.fn.coalesce('touched_at', eb.lit(0)), '<', eb(this.#now, '-', ms));
        return eb.or([
          underWay.length === 0 ? isOwn : eb.and([isOwn, eb('job_id', 'not in', underWay)]),
          eb.and([eb('phase_owner', '!=', owner), isStale]),
        ]);
      })
      .executeTakeFirst();
    return Number(numUpdatedRows);
  }

  /**
   * Takes a job that has ended out of the jobs, for good: the row is PURGING until nothing else is left. Its
   * Idempotency-Key is free. false: the job is no longer as `record` says, or a runner has it.
   */
  async purge({ jobId, state, lease, leaseToken }: StoredJob): Promise<boolean> {
    if (!isTerminal(state)) throw new Error(`A job that is ${state} cannot be purged`);
    const { numUpdatedRows } = await this.db
      .updateTable('jobs')
      .set({ phase: 'PURGING', idempotency_key: null })
      .where('job_id', '=', jobId)
      .where('phase', 'is', null)
      .where('state', '=', state)
      .where(isLease({ lease, leaseToken }))
      .where('lease_owner', 'is', null)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  async get(jobId: string): Promise<StoredJob | undefined> {
    return first(await this.#jobs().selectAll().where('job_id', '=', jobId).execute());
  }

  /** undefined: there is no such job. */
  async stateOf(jobId: string): Promise<JobState | undefined> {
    const row = await this.#jobs().select('state').where('job_id', '=', jobId).executeTakeFirst();
    return row?.state as JobState | undefined;
  }

  async findByIdempotencyKey(key: string): Promise<StoredJob | undefined> {
    return first(await this.#jobs().selectAll().where('idempotency_key', '=', key).execute());
  }

  /**
   * A page of jobs, newest first; shorter than asked for if it would hold more than PAGE_BYTES. A job created
   * meanwhile moves nothing. Throws INVALID_REQUEST for a foreign cursor.
   */
  async list({ state, modelId, models, resumable, limit, cursor }: JobFilter): Promise<Page<StoredJobSummary>> {
    let query = this.#jobs().where('seq', '<', beforeSeq(cursor));
    if (state !== undefined) query = query.where('state', '=', state);
    if (modelId !== undefined) query = query.where('model_id', '=', modelId);
    else if (models) query = query.where('model_id', 'in', models);
    if (resumable !== undefined) {
      query = query.where((eb) => (resumable ? isResumableRow(eb) : eb.not(isResumableRow(eb))));
    }
    query = query.orderBy('seq', 'desc');
    // Without the texts first: their lengths are known without reading them.
    const sizes = await query
      .select(['seq', sql<number>`octet_length(metadata) + octet_length(options)`.as('bytes')])
      .limit(limit + 1)
      .execute();
    const fitting = Math.min(limit, countFitting(sizes, PAGE_BYTES));
    const rows = await query
      .select(SUMMARY_COLUMNS)
      .limit(fitting + 1)
      .execute();
    return toPage(rows, fitting, fromSummaryRow);
  }

  /**
   * A change that users see: compare-and-set, revision + 1 in the same statement.
   * undefined: the job is no longer as `guard` says, and nothing was written.
   */
  async change(jobId: string, guard: Guard, changes: JobChanges): Promise<StoredJob | undefined> {
    return this.#update(jobId, guard, changes, true);
  }

  /**
   * As `change`, for jobs that runners have: in one transaction. Gives those that were written; one that is not under
   * way any more, or under another lease, stays as it is. Rejects if a row is refused; nothing is written then.
   */
  async changeProgress(progress: readonly Progress[]): Promise<StoredJob[]> {
    return this.db.transaction().execute(async (transaction) => {
      const jobs = new JobStore(transaction, this.clock);
      const written: StoredJob[] = [];
      // Others lock the rows in this order, too.
      for (const { jobId, lease, changes } of progress.toSorted((a, b) => (a.jobId < b.jobId ? -1 : 1))) {
        const record = await jobs.change(jobId, { states: ['RUNNING', 'CANCELLING'], lease }, changes);
        if (record !== undefined) written.push(record);
      }
      return written;
    });
  }

  /** As `change`, for what only the service knows: no new revision. */
  async updateInternal(
    jobId: string,
    guard: Guard,
    changes: Omit<JobChanges, 'state'>,
  ): Promise<StoredJob | undefined> {
    return this.#update(jobId, guard, changes, false);
  }

  /** As `claimNext`, under the next lease, for `owner` and LEASE_MS. undefined: no job needs a runner for `intent` now. */
  async claim(intent: Intent, owner: string, sources: readonly AllowedSource[] = []): Promise<Claim | undefined> {
    return claimNext(this.db, this.clock, intent, owner, sources);
  }

  /** Gives a lease back, unless that was done before. The job may be claimed at once. */
  async release({ jobId, ...lease }: HeldLease): Promise<void> {
    await this.db
      .updateTable('jobs')
      .set({ lease_owner: null, run_after: this.#now })
      .where('job_id', '=', jobId)
      .where(isLease(lease))
      .where('lease_owner', 'is not', null)
      .execute();
  }

  /**
   * Whoever had a lease is gone, and no backoff counts any more: all jobs that need a runner may be claimed. Only for a
   * process that has the store to itself, once, before it claims.
   */
  async releaseAll(): Promise<void> {
    await this.db.updateTable('jobs').set({ lease_owner: null }).where('lease_owner', 'is not', null).execute();
    await this.db
      .updateTable('jobs')
      .set({ run_after: this.#now })
      .where('state', 'in', NEED_RUNNERS)
      .where('phase', 'is', null)
      .where('lease_owner', 'is', null)
      .where('run_after', '>', this.#now)
      .execute();
  }

  /** Those of the jobs that nobody has wait no longer than `ms` from now on. */
  async hasten(jobIds: readonly string[], ms: number): Promise<void> {
    const latest = sql<number>`${this.#now} + ${sql.lit(ms)}`;
    await sql`
      UPDATE jobs SET run_after = ${latest} WHERE seq IN (
        SELECT seq FROM jobs
        WHERE job_id IN (${sql.join(jobIds)}) AND lease_owner IS NULL AND run_after > ${latest} ${inOrder(this.db)}
      )`.execute(this.db);
  }

  /** The job as it is, under a new revision; undefined: there is no such job. */
  async bumpRevision(jobId: string): Promise<StoredJob | undefined> {
    return first(
      await this.db
        .updateTable('jobs')
        .set((eb) => ({ revision: eb('revision', '+', 1) }))
        .where('job_id', '=', jobId)
        .where('phase', 'is', null)
        .returningAll()
        .execute(),
    );
  }

  /** Remembers what the topic of the jobs holds by now: the highest revision by job id. If it rejects, part may be written. */
  async markPublished(revisions: ReadonlyMap<string, number>): Promise<void> {
    const marks = [...revisions];
    for (let at = 0; at < marks.length; at += MARKED_AT_ONCE) {
      const rows = marks
        .slice(at, at + MARKED_AT_ONCE)
        .map(([jobId, revision]) => sql`(${jobId}, CAST(${revision} AS bigint))`);
      await sql`
        WITH marks (job_id, revision) AS (VALUES ${sql.join(rows)}),
        behind AS MATERIALIZED (
          SELECT jobs.job_id, marks.revision FROM marks JOIN jobs ON jobs.job_id = marks.job_id
          WHERE jobs.published_revision < marks.revision ${inOrder(this.db)}
        )
        UPDATE jobs SET published_revision = behind.revision FROM behind
        WHERE jobs.job_id = behind.job_id AND jobs.published_revision < behind.revision`.execute(this.db);
    }
  }

  /** Ids of jobs whose newest revision the topic of the jobs may not hold, oldest job first. */
  async unpublished(limit: number): Promise<string[]> {
    const rows = await this.#jobs()
      .select('job_id')
      .whereRef('revision', '>', 'published_revision')
      .orderBy('seq')
      .limit(limit)
      .execute();
    return rows.map((row) => row.job_id);
  }

  /** Ids of the jobs under way or waiting that nobody has, at most `pageSize` at a time. */
  async *unfinished(pageSize: number): AsyncGenerator<string[]> {
    for (const { state, pendingError } of UNFINISHED) {
      const jobs = this.#jobs()
        .select(['job_id', 'run_after', 'seq'])
        .where('state', '=', state)
        .where('pending_error_code', pendingError ? 'is not' : 'is', null)
        .where('lease_owner', 'is', null)
        .where('run_after', 'is not', null)
        .orderBy('run_after')
        .orderBy('seq')
        .limit(pageSize);
      let page = await jobs.execute();
      for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
        yield page.map((row) => row.job_id);
        const { run_after, seq } = last;
        page = await jobs.where((eb) => eb(eb.refTuple('run_after', 'seq'), '>', eb.tuple(run_after, seq))).execute();
      }
    }
  }

  /** Ids of jobs that ended `before` (ms since the epoch) and still keep their file, the earliest end first. */
  async expiredSpools(before: number, limit: number): Promise<string[]> {
    const rows = await this.#jobs()
      .select('job_id')
      .where('spooled', '=', 1)
      .where('finished_at', '<', isoTime(before))
      .orderBy('finished_at')
      .limit(limit)
      .execute();
    return rows.map((row) => row.job_id);
  }

  /** Milliseconds since the epoch, by the store's clock. */
  get #now(): Expression<number> {
    return storeTime(this.db, this.clock.steady());
  }

  /** The rows that are jobs. */
  #jobs() {
    return this.db.selectFrom('jobs').where('phase', 'is', null);
  }

  async #update(jobId: string, guard: Guard, changes: JobChanges, visible: boolean): Promise<StoredJob | undefined> {
    const { state } = changes;
    const illegal = state !== undefined && guard.states.find((from) => !mayFollow(from, state));
    if (illegal) throw new Error(`A job cannot go from ${illegal} to ${changes.state}`);
    let query = this.db
      .updateTable('jobs')
      .set(changedColumns(changes))
      .where('job_id', '=', jobId)
      .where('phase', 'is', null)
      .where('state', 'in', guard.states);
    if (guard.lease !== undefined) query = query.where(isLease(guard.lease));
    if (guard.spooled !== undefined) query = query.where('spooled', '=', Number(guard.spooled));
    const { runAfterMs } = changes;
    if (runAfterMs === null) query = query.set({ run_after: null });
    else if (runAfterMs !== undefined) query = query.set((eb) => ({ run_after: eb(this.#now, '+', runAfterMs) }));
    if (visible) {
      query = query.set((eb) => ({ revision: eb('revision', '+', 1), updated_at: isoTime(this.clock.now()) }));
    }
    return first(await query.returningAll().execute());
  }
}

/** Another process took the topics for a dead one's, and removes them. */
class SpareLostError extends Error {}

/** Takes a transaction back. */
class UploadLostError extends Error {}

/** How many of the first rows have no more than `limit` bytes together; one at least. */
function countFitting(rows: readonly { bytes: number }[], limit: number): number {
  let bytes = 0;
  let count = 0;
  for (const row of rows) {
    bytes += row.bytes;
    if (bytes > limit) break;
    count++;
  }
  return Math.max(1, count);
}

/** As `isResumable`, of a row whose file is kept. Never null, so that it can be negated. */
function isResumableRow(eb: ExpressionBuilder<Tables, 'jobs'>) {
  return eb.and([
    eb('spooled', '=', 1),
    eb.or([
      eb('state', '=', 'CANCELLED'),
      eb.and([eb('state', '=', 'FAILED'), eb('error_code', 'is not', null), eb('error_code', 'not in', FINAL_ERRORS)]),
    ]),
  ]);
}

function first(rows: JobsTable[]): StoredJob | undefined {
  return rows[0] && fromRow(rows[0]);
}
