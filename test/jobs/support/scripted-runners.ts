import type { JobCoordinator } from '../../../src/jobs/coordination/coordinator.js';
import type { Assignment, Outcome } from '../../../src/runner/ipc.js';
import type { Runners } from '../../../src/runner/runner-events.js';

/** Any number of runners that do what the test says, under the rules that the pool keeps. */
export class ScriptedRunners implements Runners {
  readonly running = new Map<string, number>();
  readonly assignments = new Map<string, Assignment>();
  /** Jobs whose runner was asked to stop, in order. */
  readonly cancelled: string[] = [];
  /** Jobs whose runner was killed because another process has their lease, in order. */
  readonly abandoned: string[] = [];
  /** How often the runners were told that no broker answers. */
  timesAway = 0;
  /** The service is being stopped: no runner takes a job. */
  areStopping = false;
  #last: Assignment | null = null;

  constructor(private readonly host: JobCoordinator) {}

  free(): number {
    return this.areStopping ? 0 : 1;
  }

  assign(assignment: Assignment): boolean {
    if (this.areStopping) return false;
    if (this.assignments.has(assignment.jobId)) throw new Error(`Job ${assignment.jobId} has a runner`);
    this.assignments.set(assignment.jobId, assignment);
    this.#last = assignment;
    return true;
  }

  onFree(): void {}

  cancel(jobId: string): void {
    if (this.assignments.has(jobId) && !this.cancelled.includes(jobId)) this.cancelled.push(jobId);
  }

  /** A runner becomes free, and then one that reconciles: takes the next job. */
  async next(): Promise<Assignment | null> {
    this.#last = null;
    if (!(await this.host.claim('run'))) await this.host.claim('reconcile');
    return this.#last;
  }

  abandon(jobId: string): void {
    if (this.assignments.delete(jobId)) this.abandoned.push(jobId);
  }

  brokerAway(): void {
    this.timesAway += 1;
  }

  finish(jobId: string, outcome: Outcome): void {
    const { lease } = this.#release(jobId);
    this.host.finished(jobId, lease, outcome);
  }

  lose(jobId: string, crash: boolean, detail = crash ? 'SIGSEGV' : 'SIGKILL'): void {
    const { lease } = this.#release(jobId);
    this.host.runnerExited(jobId, lease, { crash, detail });
  }

  #release(jobId: string): Assignment {
    const assignment = this.assignments.get(jobId);
    if (assignment === undefined) throw new Error(`No runner has ${jobId}`);
    this.assignments.delete(jobId);
    return assignment;
  }
}
