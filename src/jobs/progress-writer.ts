import type { Logger } from 'pino';
import type { Clock } from './clock.js';
import type { JobLedger } from './job-ledger.js';
import type { JobStore } from './job-store.js';
import type { LiveJob } from './live-job.js';

/** Progress is written, and so published, at most this often for each job: an fsync holds up the event loop. */
const WRITE_EVERY_MS = 1000;

/** Brings what runners tell of their jobs into the store, each job's in its own time. */
export class ProgressWriter {
  constructor(private readonly options: { store: JobStore; ledger: JobLedger; clock: Clock; log: Logger }) {}

  /** Writes when the job's turn comes. */
  plan(live: LiveJob): void {
    const { clock } = this.options;
    if (live.unplan !== null) return;
    const due = Math.max(0, live.lastWriteAt + WRITE_EVERY_MS - clock.monotonic());
    live.unplan = clock.schedule(due, () => this.write(live));
  }

  unplan(live: LiveJob): void {
    live.unplan?.();
    live.unplan = null;
  }

  /** Writes as soon as earlier changes of the job are done. */
  write(live: LiveJob): void {
    const { ledger, clock, log } = this.options;
    this.unplan(live);
    live.lastWriteAt = clock.monotonic();
    ledger
      .exclusively(live.jobId, () => this.#flush(live))
      .catch((error: unknown) => {
        log.error({ err: error, job_id: live.jobId }, 'the progress of a job could not be stored');
        if (live.lease > 0) this.plan(live);
      });
  }

  async #flush(live: LiveJob): Promise<void> {
    const { store, ledger } = this.options;
    const record = await store.get(live.jobId);
    // Where the runner has left meanwhile, what it told is written with what becomes of the job.
    if (record === undefined || live.lease === 0 || record.lease !== live.lease) return;
    const changes = live.take();
    if (changes === null) return;
    try {
      await ledger.change(record, changes);
    } catch (error) {
      live.giveBack(changes);
      throw error;
    }
  }
}
