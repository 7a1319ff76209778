import type { Assignment, Outcome } from '../../../src/runner/ipc.js';
import type { JobQueue, RunnerEvents } from '../../../src/runner/runner-events.js';

/** Runners that do what the test says, under the rules that the pool keeps. */
export class ScriptedRunners implements JobQueue {
  readonly running = new Map<string, number>();
  /** In the order of their submission, whatever for. */
  readonly queue: string[] = [];
  /** What each queued job waits for. */
  readonly intents = new Map<string, Assignment['intent']>();
  readonly assignments = new Map<string, Assignment>();
  /** Jobs whose runner was asked to stop, in order. */
  readonly cancelled: string[] = [];

  /** How often the runners were told that no broker answers. */
  timesAway = 0;

  constructor(private readonly host: RunnerEvents) {}

  submit(jobId: string, intent: Assignment['intent']): void {
    if (this.assignments.has(jobId)) return;
    this.intents.set(jobId, intent);
    if (!this.queue.includes(jobId)) this.queue.push(jobId);
  }

  remove(jobId: string): boolean {
    const at = this.queue.indexOf(jobId);
    if (at < 0) return false;
    this.queue.splice(at, 1);
    return true;
  }

  cancel(jobId: string): void {
    if (this.assignments.has(jobId)) this.cancelled.push(jobId);
  }

  /** A runner becomes free: takes the first queued job (or this one), if it is queued and still needs a runner. */
  async next(jobId = this.queue[0]): Promise<Assignment | null> {
    if (jobId === undefined || !this.remove(jobId)) return null;
    const assignment = await this.host.claim(jobId, this.intents.get(jobId)!);
    if (typeof assignment === 'string') {
      this.submit(jobId, assignment);
      return this.next(jobId);
    }
    if (assignment !== null) this.assignments.set(jobId, assignment);
    return assignment;
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
