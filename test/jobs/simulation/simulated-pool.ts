import type { JobCoordinator } from '../../../src/jobs/coordination/coordinator.js';
import type { Assignment, Outcome, RunnerLoss, Runners } from '../../../src/runner/index.js';

type Intent = Assignment['intent'];

export interface Work {
  assignment: Assignment;
  cancelled: boolean;
}

/** A few runners, as the pool has them; what they do with their jobs is up to the simulation. */
export class SimulatedPool implements Runners {
  readonly running = new Map<string, number>();
  readonly work = new Map<string, Work>();
  #listener: (intent: Intent) => void = () => undefined;

  constructor(
    private readonly size: number,
    private readonly coordinator: JobCoordinator,
    private readonly simulation: { assigned: (assignment: Assignment) => void; isOver: () => boolean },
  ) {}

  free(intent: Intent): number {
    if (this.simulation.isOver()) return 0;
    const busy = [...this.work.values()].filter(({ assignment }) => assignment.intent === intent).length;
    return (intent === 'run' ? this.size : 1) - busy;
  }

  assign(assignment: Assignment): boolean {
    if (this.free(assignment.intent) <= 0) return false;
    this.simulation.assigned(assignment);
    this.work.set(assignment.jobId, { assignment, cancelled: false });
    return true;
  }

  onFree(listener: (intent: Intent) => void): void {
    this.#listener = listener;
  }

  cancel(jobId: string): void {
    const work = this.work.get(jobId);
    if (work !== undefined) work.cancelled = true;
  }

  abandon(jobId: string): void {
    const work = this.work.get(jobId);
    if (work !== undefined) this.lose(work, { crash: false, detail: 'killed' });
  }

  brokerAway(): void {}

  finish({ assignment: { jobId, lease, intent } }: Work, outcome: Outcome): void {
    this.work.delete(jobId);
    this.#listener(intent);
    this.coordinator.finished(jobId, lease, outcome);
  }

  lose({ assignment: { jobId, lease, intent } }: Work, loss: RunnerLoss): void {
    this.work.delete(jobId);
    this.#listener(intent);
    this.coordinator.runnerExited(jobId, lease, loss);
  }
}
