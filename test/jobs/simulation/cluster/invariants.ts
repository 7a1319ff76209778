import type { JobState } from '../../../../src/jobs/domain/job.js';
import { isTerminal } from '../../../../src/jobs/domain/job-state.js';
import type { Checkpoint } from '../../../../src/kafka/index.js';
import type { Assignment } from '../../../../src/runner/index.js';
import type { Commit, JobTopics } from './job-topics.js';
import type { JobRow, SharedStore } from './shared-store.js';
import type { World } from './world.js';

/** What must hold at each write to the store and at each commit. */
export class Invariants {
  /** The first that did not. */
  fault: string | null = null;
  /** How often a backup took the place of the store: what was told since it was made is forgotten. */
  restores = 0;
  /** Hears of every claim, with the name of the process. */
  onClaim: (by: string) => void = () => undefined;
  #rows = new Map<string, JobRow>();
  /** Who claimed each job last. */
  readonly #claimers = new Map<string, string>();
  /** Who claimed it under each token. */
  readonly #claimsBefore = new Map<string, string>();
  #topics: JobTopics | undefined;

  constructor(
    private readonly store: SharedStore,
    private readonly world: World,
  ) {}

  watch(topics: JobTopics): void {
    this.#topics = topics;
    this.store.onWrite = (by) => this.#onWrite(by);
  }

  get isRestored(): boolean {
    return this.restores > 0;
  }

  get rows(): ReadonlyMap<string, JobRow> {
    return this.#rows;
  }

  report(fault: string): void {
    this.world.tell(fault);
    this.fault ??= fault;
  }

  /** Whether this assignment's claim is the job's last, by the store. */
  isHolder({ jobId, lease }: Assignment, owner: string): boolean {
    return this.#rows.get(jobId)?.lease === lease && this.#claimers.get(jobId) === owner;
  }

  /** Rows move only from where they are, by who had the lease when it fenced, and not behind an end. */
  onCommit({ session, from, checkpoint }: Commit, before: number): void {
    const { jobId, wasHolder } = session;
    const what = `${jobId}: rows ${from} to ${checkpoint.position.row}`;
    if (from !== before) this.report(`${what} are committed, though ${before} are there`);
    if (!wasHolder) this.report(`${what} are committed by a runner that fenced when it had lost its lease`);
    const row = this.#rows.get(jobId);
    this.world.tell(`${what} are committed under epoch ${session.epoch}`);
    const isOver = row !== undefined && isTerminal(row.state as JobState) && row.checkpoint_verified === 1;
    if (isOver && !this.isRestored) this.report(`${what} are committed, though the job is ${row.state}`);
  }

  #onWrite(by: string): void {
    const before = this.#rows;
    this.#rows = new Map(this.store.rows().map((row) => [row.job_id, row]));
    if (by === 'a restore') {
      this.restores++;
      this.#claimers.clear();
      for (const { job_id: jobId, lease_token: token } of this.#rows.values())
        this.#claimers.set(jobId, this.#claimsBefore.get(`${jobId} ${token}`) ?? 'nobody');
      this.world.tell('the store is restored');
      return;
    }
    for (const [jobId, row] of this.#rows) {
      const old = before.get(jobId);
      if (old !== undefined) this.#onChange(old, row, by);
    }
  }

  #onChange(old: JobRow, row: JobRow, by: string): void {
    const { job_id: jobId } = row;
    const changes = changedIn(old, row);
    if (changes !== '') this.world.tell(`${jobId}: ${by} writes ${changes}`);
    if (row.lease !== old.lease) {
      this.#checkClaim(old, row, by);
      return;
    }
    const now = this.store.time();
    const hasLapsed = old.lease_until === null || old.lease_until <= now;
    if (old.lease_owner !== row.lease_owner && old.lease_owner !== by && !hasLapsed)
      this.report(`${jobId}: ${by} takes the lease of ${old.lease_owner}`);
    if (row.lease_owner !== null && old.lease_owner === null) this.report(`${jobId}: ${by} has it without a claim`);
    if (old.lease_until !== row.lease_until && old.lease_owner !== by)
      this.report(`${jobId}: ${by} renews the lease of ${old.lease_owner}`);

    const isSooner = old.run_after !== null && row.run_after !== null && row.run_after < old.run_after;
    if (isSooner && old.lease_owner === null && row.state === old.state) this.report(`${jobId}: ${by} does not wait`);
    const isReport =
      row.checkpoint !== old.checkpoint ||
      row.checkpoint_verified !== old.checkpoint_verified ||
      row.pending_error_code !== old.pending_error_code ||
      (row.state !== old.state && isTerminal(row.state as JobState) && old.state !== 'PENDING');
    const isResumed = row.state === 'PENDING' && old.state !== 'PENDING';
    if (isReport && !isResumed && this.#claimers.get(jobId) !== by)
      this.report(`${jobId}: ${by} reports what ${this.#claimers.get(jobId)} has`);
    this.#checkCheckpoint(old, row);
  }

  #checkClaim(old: JobRow, row: JobRow, by: string): void {
    const { job_id: jobId } = row;
    if (old.lease_owner !== null) this.report(`${jobId}: ${by} claims what ${old.lease_owner} has`);
    if (row.lease !== old.lease + 1) this.report(`${jobId}: lease ${row.lease} follows ${old.lease}`);
    if (old.run_after === null || old.run_after > this.store.time()) this.report(`${jobId} is claimed too early`);
    this.#claimers.set(jobId, by);
    this.#claimsBefore.set(`${jobId} ${row.lease_token}`, by);
    this.onClaim(by);
  }

  /** What the row says is committed, is; what it says is all that is committed, is all. */
  #checkCheckpoint(old: JobRow, row: JobRow): void {
    const { job_id: jobId, state } = row;
    if (
      row.checkpoint === old.checkpoint &&
      row.checkpoint_verified === old.checkpoint_verified &&
      row.state === old.state
    )
      return;
    const said = rowOf(row.checkpoint);
    const committed = this.#topics?.checkpointOf(jobId)?.position.row ?? 0;
    if (said < rowOf(old.checkpoint)) this.report(`${jobId}: its checkpoint goes back to ${said}`);
    if (said > committed) this.report(`${jobId}: ${said} rows are reported, ${committed} are committed`);
    const isEnd = row.checkpoint_verified === 1 && (row.state !== old.state || old.checkpoint_verified === 0);
    if (!isEnd || this.isRestored || row.state === 'PENDING') return;
    if (said !== committed) this.report(`${jobId} is ${state} with ${said} rows, and ${committed} are committed`);
  }
}

function changedIn(old: JobRow, row: JobRow): string {
  const names = (Object.keys(row) as (keyof JobRow)[]).filter((name) => row[name] !== old[name]);
  return names
    .filter((name) => name !== 'lease_token' && name !== 'published_revision')
    .map((name) => `${name} ${name === 'checkpoint' ? rowOf(row.checkpoint) : row[name]}`)
    .join(', ');
}

export function rowOf(checkpoint: string | null): number {
  return checkpoint === null ? 0 : (JSON.parse(checkpoint) as Checkpoint).position.row;
}
