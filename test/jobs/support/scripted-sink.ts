import type { SinkLink } from '../../../src/jobs/coordination/sink-worker.js';
import type {
  SinkAssignment,
  SinkLoss,
  SinkOutcome,
  SinkProcessEvents,
  SinkProgress,
} from '../../../src/sinks/index.js';

/** The process of a sink that does what the test says. */
export class ScriptedSink implements SinkLink {
  isReady = false;
  /** What it has, by the job's id. */
  readonly assignments = new Map<string, SinkAssignment>();
  /** All that it was ever given, in order. */
  readonly taken: string[] = [];
  /** Jobs whose reports were answered, in order. */
  readonly stored: string[] = [];
  /** Jobs that it was told to leave, in order. */
  readonly left: string[] = [];
  /** It leaves a job as soon as it is told to. */
  isObedient = true;
  isStopped = false;
  /** false: it is just going. */
  takes = true;

  constructor(private readonly events: SinkProcessEvents) {}

  start(): void {
    this.isReady = true;
    this.events.ready();
  }

  assign(assignment: SinkAssignment): boolean {
    if (!this.takes) return false;
    const { jobId } = assignment.job;
    this.assignments.set(jobId, assignment);
    this.taken.push(jobId);
    return true;
  }

  send({ type, id }: { type: 'stored' | 'leave'; id: string }): void {
    const [jobId] = [...this.assignments].find(([, assignment]) => assignment.id === id) ?? [];
    if (jobId === undefined) return;
    (type === 'stored' ? this.stored : this.left).push(jobId);
    if (type === 'leave' && this.isObedient) this.finish(jobId, { kind: 'left' });
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.isReady = false;
  }

  report(jobId: string, progress: Partial<SinkProgress> = {}): void {
    const { id } = this.#of(jobId);
    this.events.progress(id, { table: 'orders', rows: 0, rejected: 0, rejects: [], ...progress });
  }

  finish(jobId: string, outcome: SinkOutcome): void {
    const { id } = this.#of(jobId);
    this.assignments.delete(jobId);
    this.events.finished(id, outcome);
  }

  /** It goes, and another one comes. */
  exit(loss: SinkLoss): void {
    this.isReady = false;
    this.assignments.clear();
    this.events.exited(loss);
    this.start();
  }

  #of(jobId: string): SinkAssignment {
    const assignment = this.assignments.get(jobId);
    if (assignment === undefined) throw new Error(`The sink does not have ${jobId}`);
    return assignment;
  }
}
