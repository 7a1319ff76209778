import type { Invariants } from './invariants.js';
import type { SimulatedProcess } from './process.js';
import type { JobRow, SharedStore } from './shared-store.js';

/** Whoever looks for work does so at least this often, and has an answer soon after. */
const LOOK_MS = 13_000;
/** A worker renews its leases so often, and begins to end those of others when the store has answered for 10 s. */
const SWEEP_MS = 8_000;
const BEGINS_TO_SWEEP_MS = 25_000;

/** Whether jobs wait for nothing, as long as a worker is there that nothing disturbs. */
export class Liveness {
  /** Since when something is seen of a job without a break. */
  readonly #seen = new Map<string, number>();

  constructor(
    private readonly invariants: Invariants,
    private readonly store: SharedStore,
  ) {}

  check(processes: readonly SimulatedProcess[], now: number): void {
    const workers = processes.filter(({ pool }) => pool !== null);
    const undisturbed = (worker: SimulatedProcess, ms: number): boolean =>
      worker.machine.isRunning && now - Math.max(worker.machine.runsSince, worker.access.answersSince) >= ms;
    const canSweep = workers.some((worker) => undisturbed(worker, BEGINS_TO_SWEEP_MS));
    const isIdle = (intent: 'run' | 'reconcile'): boolean =>
      workers.some((worker) => {
        const since = worker.pool?.freeSince[intent] ?? null;
        return undisturbed(worker, LOOK_MS) && since !== null && now - since >= LOOK_MS;
      });
    const idle = { run: isIdle('run'), reconcile: isIdle('reconcile') };

    for (const row of this.invariants.rows.values()) {
      const { job_id: jobId, lease_owner: owner } = row;
      const worker = workers.find(({ name }) => name === owner);
      const isOver = (time: number | null): boolean => time !== null && time <= this.store.time();
      // A claim may come and be lost again between two looks.
      const seen = `${jobId} under lease ${row.lease} after ${this.invariants.restores} restores`;
      const lapsed = this.#lasts(`${seen} lapsed`, owner !== null && isOver(row.lease_until), now);
      const waits = this.#lasts(`${seen} waits`, owner === null && row.phase === null && isOver(row.run_after), now);
      const untold = this.#lasts(
        `${seen} untold`,
        worker !== undefined && undisturbed(worker, LOOK_MS) && this.#isUntold(row, worker),
        now,
      );
      if (canSweep && lapsed >= SWEEP_MS) this.invariants.report(`${jobId}: the lease of ${owner} is not ended`);
      if (waits >= LOOK_MS && idle[intentOf(row)]) this.invariants.report(`${jobId} waits, and a runner is free`);
      if (untold >= LOOK_MS) this.invariants.report(`${jobId} runs on, cancelled`);
    }
  }

  /** For how long it has been so, as far as was seen. */
  #lasts(what: string, isSo: boolean, now: number): number {
    if (!isSo) {
      this.#seen.delete(what);
      return 0;
    }
    const since = this.#seen.get(what) ?? now;
    this.#seen.set(what, since);
    return now - since;
  }

  #isUntold(row: JobRow, worker: SimulatedProcess): boolean {
    if (row.state !== 'CANCELLING') return false;
    return [...(worker.pool?.members ?? [])].some(
      ({ assignment, cancelled, machine }) =>
        machine.isAlive &&
        assignment.jobId === row.job_id &&
        assignment.lease === row.lease &&
        assignment.intent === 'run' &&
        !cancelled,
    );
  }
}

function intentOf({ state, pending_error_code }: JobRow): 'run' | 'reconcile' {
  return (state === 'PENDING' || state === 'RUNNING') && pending_error_code === null ? 'run' : 'reconcile';
}
