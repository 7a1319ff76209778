import type { Comparison } from './comparison.js';

/** What came of a scenario. */
export class Tally {
  /** Kills and other faults that took effect, by kind. */
  readonly faults = new Map<string, number>();
  /** What else is worth telling, by kind. */
  readonly events = new Map<string, number>();
  readonly failures: string[] = [];
  jobs = 0;
  commits = 0;
  rows = 0;
  lost = 0;
  doubled = 0;
  reordered = 0;
  altered = 0;
  /** Failed jobs that were resumed and then delivered. */
  resumed = 0;

  fault(kind: string): void {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
  }

  /** Faults that have not come about after all. */
  takeBack(kind: string, count: number): void {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) - count);
  }

  event(kind: string): void {
    this.events.set(kind, (this.events.get(kind) ?? 0) + 1);
  }

  fail(why: string): void {
    this.failures.push(why);
  }

  /** Counts a comparison; any difference is a failure. */
  compared(jobId: string, comparison: Comparison): void {
    const { rows, lost, doubled, reordered, altered, first } = comparison;
    this.jobs += 1;
    this.rows += rows;
    this.lost += lost;
    this.doubled += doubled;
    this.reordered += reordered;
    this.altered += altered;
    if (first !== null) this.fail(`job ${jobId}: ${first}`);
  }

  get faultCount(): number {
    return [...this.faults.values()].reduce((sum, count) => sum + count, 0);
  }
}

/** `3 × Produce, 2 × EndTxn` */
export function listCounts(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([kind, count]) => `${count} × ${kind}`).join(', ');
}
