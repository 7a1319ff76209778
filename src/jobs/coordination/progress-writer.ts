import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Clock } from '../domain/clock.js';
import type { JobChanges } from '../domain/job-changes.js';
import type { JobWriter } from './job-writer.js';
import type { RunningJob } from './running-job.js';

/** Changes wait for this time: a write costs an fsync, whatever the number of jobs. */
const WRITE_EVERY_MS = 1000;

interface PendingChanges {
  running: RunningJob;
  changes: JobChanges;
}

/** Brings what runners tell of their jobs into the store: all jobs in one transaction, about once a second. */
export class ProgressWriter {
  readonly #planned = new Set<RunningJob>();
  /** Calls the next regular write off; null: no job is planned. */
  #cancelNext: (() => void) | null = null;
  /** The transaction that the event loop's next turn begins, and the jobs in it; null: none is to begin. */
  #batch: { jobs: RunningJob[]; done: Promise<void> } | null = null;

  constructor(private readonly options: { writer: JobWriter; clock: Clock; log: Logger }) {}

  /** Writes with the other jobs that have something to tell, within a second. */
  scheduleFlush(running: RunningJob): void {
    this.#planned.add(running);
    this.#cancelNext ??= this.options.clock.schedule(WRITE_EVERY_MS, () => {
      for (const due of this.#planned) this.write(due);
    });
  }

  cancelFlush(running: RunningJob): void {
    this.#planned.delete(running);
    if (this.#planned.size > 0) return;
    this.#cancelNext?.();
    this.#cancelNext = null;
  }

  /** Writes as soon as earlier changes of the job are done, together with what else is written by then. */
  write(running: RunningJob): void {
    this.cancelFlush(running);
    void this.options.writer.exclusively(running.jobId, () => this.#join(running));
  }

  /** Never rejects. A job that cannot join yet, because it is being changed, goes with a later batch. */
  async #join(running: RunningJob): Promise<void> {
    this.#batch ??= this.#nextBatch();
    this.#batch.jobs.push(running);
    await this.#batch.done;
  }

  #nextBatch(): { jobs: RunningJob[]; done: Promise<void> } {
    const jobs: RunningJob[] = [];
    const done = nextTurn().then(() => {
      this.#batch = null;
      return this.#store(jobs.flatMap(pendingOf));
    });
    return { jobs, done };
  }

  async #store(pending: readonly PendingChanges[]): Promise<void> {
    if (pending.length === 0) return;
    const progress = pending.map(({ running: { jobId, heldLease: lease }, changes }) => ({ jobId, lease, changes }));
    try {
      const written = await this.options.writer.changeProgress(progress);
      // A job that has changed since is ending: what was pending is stored with its end.
      for (const { running, changes } of pending) if (!written.has(running.jobId)) running.restore(changes);
    } catch (error) {
      for (const one of pending) {
        // One that is refused must not hold up the others.
        if (pending.length > 1) await this.#store([one]);
        else this.#tryLater(one, error);
      }
    }
  }

  #tryLater({ running, changes }: PendingChanges, error: unknown): void {
    this.options.log.error({ err: error, job_id: running.jobId }, 'could not store the progress of a job');
    running.restore(changes);
    if (running.lease > 0) this.scheduleFlush(running);
  }
}

/** If the runner has left meanwhile, its changes are written with what becomes of the job. */
function pendingOf(running: RunningJob): PendingChanges[] {
  const changes = running.lease > 0 ? running.takePending() : null;
  return changes === null ? [] : [{ running, changes }];
}
