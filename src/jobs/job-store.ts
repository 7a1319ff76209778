import { beforeSeq, type Database, type JobsTable, type Page, toPage } from '../database/index.js';
import { type Clock, isoTime } from './clock.js';
import type { JobState } from './job.js';
import { changedColumns, type JobChanges, newRow } from './job-changes.js';
import { fromRow, type JobRecord, type NewJob } from './job-record.js';
import { mayFollow } from './job-state.js';

export type InsertResult =
  | { kind: 'inserted'; record: JobRecord }
  /** Another job has this id: try a fresh one. */
  | { kind: 'id_taken' }
  /** The Idempotency-Key belongs to this job. */
  | { kind: 'key_taken'; record: JobRecord };

export interface JobFilter {
  state?: JobState | undefined;
  modelId?: string | undefined;
  /** At most so many jobs. */
  limit: number;
  /** From the page before; absent: from the newest job on. */
  cursor?: string | undefined;
}

/** A compare-and-set writes only where all of this still holds. */
export interface Guard {
  states: readonly JobState[];
  lease?: number;
}

/** The jobs in the metadata store. A write is durable when its promise resolves. */
export class JobStore {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
  ) {}

  /** A new job, PENDING. */
  async insert(job: NewJob): Promise<InsertResult> {
    const row = await this.db
      .insertInto('jobs')
      .values((eb) => ({
        ...newRow(job, this.clock.now()),
        seq: eb
          .selectFrom('jobs')
          .select((jobs) => jobs(jobs.fn.coalesce(jobs.fn.max('seq'), jobs.lit(0)), '+', jobs.lit(1)).as('next')),
      }))
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst();
    if (row !== undefined) return { kind: 'inserted', record: fromRow(row) };
    const owner = job.idempotencyKey === null ? undefined : await this.findByIdempotencyKey(job.idempotencyKey);
    return owner === undefined ? { kind: 'id_taken' } : { kind: 'key_taken', record: owner };
  }

  async get(jobId: string): Promise<JobRecord | undefined> {
    return first(await this.db.selectFrom('jobs').selectAll().where('job_id', '=', jobId).execute());
  }

  async findByIdempotencyKey(key: string): Promise<JobRecord | undefined> {
    return first(await this.db.selectFrom('jobs').selectAll().where('idempotency_key', '=', key).execute());
  }

  /** A page of jobs, newest first. A job created meanwhile moves nothing. Throws INVALID_REQUEST for a foreign cursor. */
  async list({ state, modelId, limit, cursor }: JobFilter): Promise<Page<JobRecord>> {
    let query = this.db.selectFrom('jobs').selectAll().where('seq', '<', beforeSeq(cursor));
    if (state !== undefined) query = query.where('state', '=', state);
    if (modelId !== undefined) query = query.where('model_id', '=', modelId);
    const rows = await query
      .orderBy('seq', 'desc')
      .limit(limit + 1)
      .execute();
    return toPage(rows, limit, fromRow);
  }

  /**
   * A change that users see: compare-and-set, revision + 1 in the same statement.
   * undefined: the job is no longer as `guard` says, and nothing was written.
   */
  async change(jobId: string, guard: Guard, changes: JobChanges): Promise<JobRecord | undefined> {
    return this.update(jobId, guard, changes, true);
  }

  /** As `change`, for what only the service knows: no new revision. */
  async note(jobId: string, guard: Guard, changes: Omit<JobChanges, 'state'>): Promise<JobRecord | undefined> {
    return this.update(jobId, guard, changes, false);
  }

  /**
   * The next lease, together with the changes that come with handing the job out; undefined as for `change`.
   * A new revision only where the state changes.
   */
  async raiseLease(record: JobRecord, changes: JobChanges): Promise<JobRecord | undefined> {
    const { jobId, state, lease } = record;
    return this.update(jobId, { states: [state], lease }, changes, changes.state !== undefined, lease + 1);
  }

  /** The job as it is, under a new revision; undefined: there is no such job. */
  async renumber(jobId: string): Promise<JobRecord | undefined> {
    return first(
      await this.db
        .updateTable('jobs')
        .set((eb) => ({ revision: eb('revision', '+', 1) }))
        .where('job_id', '=', jobId)
        .returningAll()
        .execute(),
    );
  }

  /** Remembers what batch.jobs holds by now: the highest revision by job id. */
  async markPublished(revisions: ReadonlyMap<string, number>): Promise<void> {
    await this.db.transaction().execute(async (transaction) => {
      for (const [jobId, revision] of revisions) {
        await transaction
          .updateTable('jobs')
          .set({ published_revision: revision })
          .where('job_id', '=', jobId)
          .where('published_revision', '<', revision)
          .execute();
      }
    });
  }

  /** Ids of jobs whose newest revision batch.jobs may not hold, oldest job first. */
  async unpublished(limit: number): Promise<string[]> {
    const rows = await this.db
      .selectFrom('jobs')
      .select('job_id')
      .whereRef('revision', '>', 'published_revision')
      .orderBy('seq')
      .limit(limit)
      .execute();
    return rows.map((row) => row.job_id);
  }

  /** Jobs that need a runner: those that had one first, then the waiting ones in the order of their waiting. */
  async unfinished(): Promise<JobRecord[]> {
    const underWay = this.db.selectFrom('jobs').selectAll().where('state', 'in', ['RUNNING', 'CANCELLING']);
    const waiting = this.db.selectFrom('jobs').selectAll().where('state', '=', 'PENDING');
    return [
      ...(await underWay.orderBy('seq').execute()),
      ...(await waiting.orderBy('phase_since').orderBy('seq').execute()),
    ].map(fromRow);
  }

  /** FAILED jobs of which it is not known yet what is committed; of a lost checkpoint it never will be. */
  async unsettled(): Promise<JobRecord[]> {
    const rows = await this.db
      .selectFrom('jobs')
      .selectAll()
      .where('state', '=', 'FAILED')
      .where('error_code', '!=', 'CHECKPOINT_LOST')
      .where('settled', '=', 0)
      .orderBy('seq')
      .execute();
    return rows.map(fromRow);
  }

  /** Jobs that ended `before` (ms since the epoch) and still keep their file. */
  async expiredSpools(before: number): Promise<JobRecord[]> {
    const rows = await this.db
      .selectFrom('jobs')
      .selectAll()
      .where('spooled', '=', 1)
      .where('finished_at', '<', isoTime(before))
      .orderBy('seq')
      .execute();
    return rows.map(fromRow);
  }

  private async update(
    jobId: string,
    guard: Guard,
    changes: JobChanges,
    visible: boolean,
    lease?: number,
  ): Promise<JobRecord | undefined> {
    const { state } = changes;
    const illegal = state !== undefined && guard.states.find((from) => !mayFollow(from, state));
    if (illegal) throw new Error(`A job cannot go from ${illegal} to ${changes.state}`);
    let query = this.db
      .updateTable('jobs')
      .set(changedColumns(changes))
      .where('job_id', '=', jobId)
      .where('state', 'in', guard.states);
    if (guard.lease !== undefined) query = query.where('lease', '=', guard.lease);
    if (lease !== undefined) query = query.set({ lease });
    if (visible) {
      query = query.set((eb) => ({ revision: eb('revision', '+', 1), updated_at: isoTime(this.clock.now()) }));
    }
    return first(await query.returningAll().execute());
  }
}

function first(rows: JobsTable[]): JobRecord | undefined {
  return rows[0] && fromRow(rows[0]);
}
