import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Clock } from './clock.js';
import type { JobChanges } from './job-changes.js';
import type { JobLedger } from './job-ledger.js';
import type { LiveJob } from './live-job.js';

/** What is told waits for so long: a write costs an fsync, which holds up the event loop, whatever the number of jobs. */
const WRITE_EVERY_MS = 1000;

interface Told {
  live: LiveJob;
  changes: JobChanges;
}

/** Brings what runners tell of their jobs into the store: all jobs in one transaction, about once a second. */
export class ProgressWriter {
  readonly #planned = new Set<LiveJob>();
  /** Calls the next regular write off; null: no job is planned. */
  #cancelNext: (() => void) | null = null;
  /** The transaction that the event loop's next turn begins, and the jobs in it; null: none is to begin. */
  #batch: { jobs: LiveJob[]; done: Promise<void> } | null = null;

  constructor(private readonly options: { ledger: JobLedger; clock: Clock; log: Logger }) {}

  /** Writes with the other jobs that have something to tell, within a second. */
  plan(live: LiveJob): void {
    this.#planned.add(live);
    this.#cancelNext ??= this.options.clock.schedule(WRITE_EVERY_MS, () => {
      for (const due of this.#planned) this.write(due);
    });
  }

  unplan(live: LiveJob): void {
    this.#planned.delete(live);
    if (this.#planned.size > 0) return;
    this.#cancelNext?.();
    this.#cancelNext = null;
  }

  /** Writes as soon as earlier changes of the job are done, together with what else is written by then. */
  write(live: LiveJob): void {
    this.unplan(live);
    void this.options.ledger.exclusively(live.jobId, () => this.#join(live));
  }

  /** Never rejects. A job that cannot join yet, because it is being changed, goes with a later batch. */
  async #join(live: LiveJob): Promise<void> {
    this.#batch ??= this.#nextBatch();
    this.#batch.jobs.push(live);
    await this.#batch.done;
  }

  #nextBatch(): { jobs: LiveJob[]; done: Promise<void> } {
    const jobs: LiveJob[] = [];
    const done = nextTurn().then(() => {
      this.#batch = null;
      return this.#store(jobs.flatMap(toldOf));
    });
    return { jobs, done };
  }

  async #store(told: readonly Told[]): Promise<void> {
    if (told.length === 0) return;
    const progress = told.map(({ live: { jobId, lease }, changes }) => ({ jobId, lease, changes }));
    try {
      const written = await this.options.ledger.changeProgress(progress);
      // Of a job that is no longer as it was, the end is being decided: what was told goes with that.
      for (const { live, changes } of told) if (!written.has(live.jobId)) live.giveBack(changes);
    } catch (error) {
      for (const one of told) {
        // One that is refused must not hold up the others.
        if (told.length > 1) await this.#store([one]);
        else this.#tryLater(one, error);
      }
    }
  }

  #tryLater({ live, changes }: Told, error: unknown): void {
    this.options.log.error({ err: error, job_id: live.jobId }, 'the progress of a job could not be stored');
    live.giveBack(changes);
    if (live.lease > 0) this.plan(live);
  }
}

/** Where the runner has left meanwhile, what it told is written with what becomes of the job. */
function toldOf(live: LiveJob): Told[] {
  const changes = live.lease > 0 ? live.take() : null;
  return changes === null ? [] : [{ live, changes }];
}
