import type { Clock } from '../../../src/jobs/domain/clock.js';
import type { JobNotifier } from '../../../src/jobs/queue/job-notifier.js';

/** What becomes of a wake, each with its chance. */
export interface Lies {
  lost: number;
  doubled: number;
  /** By up to 20 s, and so out of order, too. */
  late: number;
}

const MAX_DELAY_MS = 20_000;

/** A notifier that does what one may do to wakes, between the processes of one service. */
export class LyingNotifier implements JobNotifier {
  readonly #listeners: ((jobId: string) => void)[] = [];

  constructor(
    private readonly lies: Lies,
    private readonly clock: Clock,
    private readonly random: () => number,
  ) {}

  notify(jobId: string): void {
    if (this.random() < this.lies.lost) return;
    const times = this.random() < this.lies.doubled ? 2 : 1;
    for (let time = 0; time < times; time++) {
      if (this.random() < this.lies.late) this.clock.schedule(this.random() * MAX_DELAY_MS, () => this.#wake(jobId));
      else queueMicrotask(() => this.#wake(jobId));
    }
  }

  onWake(listener: (jobId: string) => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    this.#listeners.length = 0;
  }

  #wake(jobId: string): void {
    for (const listener of this.#listeners) listener(jobId);
  }
}
