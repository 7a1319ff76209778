import type { AllowedSource } from '../../sources/index.js';
import type { Clock } from '../domain/clock.js';
import type { JobChanges } from '../domain/job-changes.js';
import { isTerminal } from '../domain/job-state.js';
import type { StoredJob } from '../domain/stored-job.js';
import type { Claim, Intent } from '../store/claim.js';
import type { JobStore, Progress } from '../store/job-store.js';
import { KeyedMutex } from './keyed-mutex.js';
import { uploadLost } from './uploads.js';

/** Takes every new revision of a job, in order; called when it is durable. Quick, never throws. */
export interface JobEventListener {
  publish(record: StoredJob): void;
}

/** The job is not as it was read: read it again. */
export class ConcurrentChange extends Error {}

/** How soon it is seen that another process has ended a job. */
const LOOK_EVERY_MS = 100;
/** How often a job may be claimed, or change otherwise, under the hands of one task. */
const MAX_ATTEMPTS = 10;

/**
 * The one way by which jobs change: one change at a time for each job, durable before anyone hears of it, then
 * published. Users of the writer read the job inside `exclusively`, decide, and change it there. Claims come in between.
 */
export class JobWriter {
  readonly #serial = new KeyedMutex();
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(
    private readonly store: JobStore,
    private readonly listener: JobEventListener,
    private readonly clock: Clock,
    /** Takes every job that this process ends, once. Quick, never throws. */
    private readonly onEnd: (record: StoredJob) => void = () => undefined,
  ) {}

  /** Runs `task` when every earlier one for this job is done. */
  async exclusively<T>(jobId: string, task: () => Promise<T>): Promise<T> {
    return this.#serial.run(jobId, task);
  }

  /** As `exclusively`, and again from the start if the job was claimed since the task read it. */
  async exclusivelyRepeated<T>(jobId: string, task: () => Promise<T>): Promise<T> {
    return this.#serial.run(jobId, async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await task();
        } catch (error) {
          if (!(error instanceof ConcurrentChange) || attempt === MAX_ATTEMPTS) throw error;
        }
      }
    });
  }

  /** A row that `owner` is creating becomes a job. Throws UPLOAD_TIMEOUT if it is not its any more. */
  async activate(jobId: string, owner: string): Promise<StoredJob> {
    const record = await this.store.activate(jobId, owner);
    if (record === undefined) throw uploadLost();
    this.listener.publish(record);
    return record;
  }

  /** A change that users see. Throws ConcurrentChange if the job is not as `record` says any more. */
  async change(record: StoredJob, changes: JobChanges): Promise<StoredJob> {
    const guard = { states: [record.state], lease: record, spooled: record.spooled };
    const changed = current(record, await this.store.change(record.jobId, guard, changes));
    this.listener.publish(changed);
    if (isTerminal(changed.state)) {
      if (!isTerminal(record.state)) this.onEnd(changed);
      this.#wake(changed.jobId);
    }
    return changed;
  }

  /**
   * What runners told of several jobs, durable together; call it inside `exclusively` of each. Gives the ids of the jobs
   * that are still as they were. Rejects if one could not be written: none was then.
   */
  async changeProgress(progress: readonly Progress[]): Promise<Set<string>> {
    const written = await this.store.changeProgress(progress);
    for (const record of written) this.listener.publish(record);
    return new Set(written.map(({ jobId }) => jobId));
  }

  /** A change that only the service knows of. Throws as `change` does. */
  async updateInternal(record: StoredJob, changes: Omit<JobChanges, 'state'>): Promise<StoredJob> {
    const guard = { states: [record.state], lease: record, spooled: record.spooled };
    return current(record, await this.store.updateInternal(record.jobId, guard, changes));
  }

  /** Takes the next job that needs a runner; as JobStore.claim, which is where the jobs wait. */
  async claim(intent: Intent, owner: string, sources: readonly AllowedSource[]): Promise<Claim | undefined> {
    const claim = await this.store.claim(intent, owner, sources);
    if (claim?.begun) this.listener.publish(claim.record);
    return claim;
  }

  /**
   * Resolves when the job has ended, and after `ms` anyway: at once if this process ends it (call it inside `exclusively`,
   * so as not to miss that), within LOOK_EVERY_MS if another one does.
   */
  ended(jobId: string, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(jobId) ?? new Set();
      this.#waiting.set(jobId, waiting);
      const look = (): void => {
        const lookAgain = (): void => {
          if (waiting.has(done)) cancelLook = this.clock.schedule(LOOK_EVERY_MS, look);
        };
        this.store.stateOf(jobId).then((state) => {
          if (state === undefined || isTerminal(state)) done();
          else lookAgain();
        }, lookAgain);
      };
      let cancelLook = this.clock.schedule(LOOK_EVERY_MS, look);
      const done = (): void => {
        cancelTimer();
        cancelLook();
        waiting.delete(done);
        if (waiting.size === 0 && this.#waiting.get(jobId) === waiting) this.#waiting.delete(jobId);
        resolve();
      };
      const cancelTimer = this.clock.schedule(ms, done);
      waiting.add(done);
    });
  }

  /** Resolves when no change is under way or waiting. */
  async idle(): Promise<void> {
    await this.#serial.idle();
  }

  #wake(jobId: string): void {
    for (const done of this.#waiting.get(jobId) ?? []) done();
  }
}

function current(expected: StoredJob, written: StoredJob | undefined): StoredJob {
  if (written !== undefined) return written;
  throw new ConcurrentChange(
    `Job ${expected.jobId} was changed meanwhile (expected ${expected.state}, lease ${expected.lease})`,
  );
}
