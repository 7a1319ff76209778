import { type Kysely, sql } from 'kysely';
import type { Tables } from '../../../../src/database/index.js';
import type { ClaimLoopOptions } from '../../../../src/jobs/coordination/claim-loop.js';
import type { JobCoordinator } from '../../../../src/jobs/coordination/coordinator.js';
import type { ConfirmedLeader } from '../../../../src/jobs/coordination/leadership.js';
import type { JobChanges } from '../../../../src/jobs/domain/job-changes.js';
import type { StoredJob } from '../../../../src/jobs/domain/stored-job.js';
import type { Claim } from '../../../../src/jobs/store/claim.js';
import { type Guard, JobStore } from '../../../../src/jobs/store/job-store.js';
import { type HeldLease, LEASE_MS, LeaseStore } from '../../../../src/jobs/store/lease-store.js';
import type { Assignment } from '../../../../src/runner/index.js';
import { STORE_TIME } from './shared-store.js';

/** Mistakes that can be planted to see that the simulation catches them, each with a seed soon before one that does. */
export const PLANTED_BUGS = {
  'renew-what-others-have': 1,
  'release-what-is-renewed': 1,
  'skip-the-fence': 20,
  'ask-for-the-lease-once': 20,
  'answer-for-the-lease-from-memory': 124,
  'compare-the-numbers-of-leases-only': 3,
  'begin-without-a-record': 470,
  'everybody-leads': 18,
  'notice-no-cancels': 1,
  'wait-for-wakes-only': 2,
  'claim-what-somebody-has': 1,
  'claim-before-it-is-due': 1,
  'keep-the-lease-of-what-is-finished': 1,
} as const;
export type PlantedBug = keyof typeof PLANTED_BUGS;

type Database = Kysely<Tables>;
type Clock = ConstructorParameters<typeof JobStore>[1];

export class BuggedJobStore extends JobStore {
  constructor(
    private readonly database: Database,
    clock: Clock,
    private readonly bug: PlantedBug | undefined,
  ) {
    super(database, clock);
  }

  override async claim(intent: Assignment['intent'], owner: string): Promise<Claim | undefined> {
    if (this.bug === 'claim-before-it-is-due') {
      await this.database.updateTable('jobs').set({ run_after: 0 }).where('run_after', 'is not', null).execute();
    }
    if (this.bug === 'claim-what-somebody-has') {
      await this.database.updateTable('jobs').set({ lease_owner: null }).execute();
    }
    const claim = await super.claim(intent, owner);
    if (this.bug !== 'compare-the-numbers-of-leases-only' || claim === undefined) return claim;
    // If all tokens are the same, nothing tells two claims under one number apart.
    const leaseToken = 'the same';
    const { jobId } = claim.record;
    await this.database.updateTable('jobs').set({ lease_token: leaseToken }).where('job_id', '=', jobId).execute();
    return { ...claim, record: { ...claim.record, leaseToken } };
  }

  override async change(jobId: string, guard: Guard, changes: JobChanges): Promise<StoredJob | undefined> {
    return super.change(jobId, guard, this.#distorted(changes));
  }

  override async updateInternal(jobId: string, guard: Guard, changes: JobChanges): Promise<StoredJob | undefined> {
    return super.updateInternal(jobId, guard, this.#distorted(changes));
  }

  #distorted(changes: JobChanges): JobChanges {
    if (this.bug !== 'keep-the-lease-of-what-is-finished') return changes;
    const { leaseOwner: _, ...others } = changes;
    return others;
  }
}

export class BuggedLeaseStore extends LeaseStore {
  constructor(
    private readonly database: Database,
    clock: Clock,
    private readonly bug: PlantedBug | undefined,
  ) {
    super(database, clock);
  }

  override async holds(held: HeldLease, owner: string): Promise<boolean> {
    return this.bug === 'answer-for-the-lease-from-memory' || super.holds(held, owner);
  }

  override async renew(held: readonly HeldLease[], owner: string): Promise<Set<string>> {
    if (this.bug !== 'renew-what-others-have' || held.length === 0) return super.renew(held, owner);
    const ids = held.map(({ jobId }) => jobId);
    await this.database
      .updateTable('jobs')
      .set({ lease_until: sql<number>`CAST(${STORE_TIME} AS integer) + ${sql.lit(LEASE_MS)}` })
      .where('job_id', 'in', ids)
      .execute();
    return new Set(ids);
  }

  override async releaseLapsed(): Promise<string[]> {
    if (this.bug !== 'release-what-is-renewed') return super.releaseLapsed();
    const held = this.database.updateTable('jobs').set({ lease_owner: null, run_after: 0 });
    return (await held.where('lease_owner', 'is not', null).returning('job_id').execute()).map((row) => row.job_id);
  }
}

/** Who leads, as the publisher is told. */
export function leaderWith(bug: PlantedBug | undefined, leader: ConfirmedLeader): ConfirmedLeader {
  return bug === 'everybody-leads' ? { epoch: 1, confirm: async () => 1 } : leader;
}

/** What the loop that claims is given. */
export function claimsWith(
  bug: PlantedBug | undefined,
  coordinator: JobCoordinator,
  clock: Clock,
): Pick<ClaimLoopOptions, 'coordinator' | 'clock'> {
  return {
    coordinator: {
      claim: (intent) => coordinator.claim(intent),
      noticeCancels: (jobIds) => {
        if (bug !== 'notice-no-cancels') coordinator.noticeCancels(jobIds);
      },
    },
    clock: bug === 'wait-for-wakes-only' ? { ...clock, schedule: () => () => undefined } : clock,
  };
}
