import type { Updateable } from 'kysely';
import type { JobsTable } from '../../database/index.js';
import { type Clock, isoTime } from './clock.js';
import { newSinks } from './job-sink.js';
import { JOB_VERSION } from './job-version.js';
import { INITIAL_MEMBERS, type NewJob, type StoredJob, writeMembers } from './stored-job.js';

/** What the store itself writes, or what never changes. */
type Fixed =
  | keyof NewJob
  | 'seq'
  | 'revision'
  | 'publishedRevision'
  | 'lease'
  | 'leaseToken'
  | 'sinks'
  | 'createdAt'
  | 'updatedAt';

/** What may be written to a job after its creation. Absent members stay as they are. */
export type JobChanges = Partial<
  Omit<StoredJob, Fixed> & {
    /** Nobody works on the job any more. */
    leaseOwner: null;
    /** In how many ms the job may be claimed; null: it needs no runner. */
    runAfterMs: number | null;
  }
>;

/** The columns that the changes touch, as they are stored, but `run_after`, which is by the store's clock. */
export function changedColumns({ leaseOwner, runAfterMs: _, ...members }: JobChanges): Updateable<JobsTable> {
  return {
    ...writeMembers(members),
    ...(members.state === undefined ? {} : { seen_ended: null }),
    ...(leaseOwner === undefined ? {} : { lease_owner: leaseOwner }),
  };
}

/** The row of a job that `owner` begins to create, without what the store itself gives it. */
export function newRow(job: NewJob, owner: string, clock: Clock): Omit<JobsTable, 'seq' | 'run_after'> {
  const createdAt = isoTime(clock.now());
  const now = clock.steady();
  const first: Omit<StoredJob, 'seq'> = {
    ...INITIAL_MEMBERS,
    ...job,
    sinks: newSinks(job.options, createdAt),
    phaseSince: now,
    createdAt,
    updatedAt: createdAt,
  };
  return {
    ...(writeMembers(first) as Omit<JobsTable, 'seq' | 'run_after'>),
    phase: 'CREATING',
    phase_owner: owner,
    lease_owner: null,
    lease_until: null,
    touched_at: null,
    file_gone: 0,
    seen_ended: null,
    topics_removed: 0,
    job_version: JOB_VERSION,
  };
}
