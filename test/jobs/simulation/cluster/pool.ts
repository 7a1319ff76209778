import type { Assignment, RunnerEvents, RunnerLoss, Runners } from '../../../../src/runner/index.js';
import { Machine } from './machine.js';
import type { RunnerOptions } from './runner.js';
import { SimulatedRunner } from './runner.js';

type Intent = Assignment['intent'];

export interface Member {
  assignment: Assignment;
  machine: Machine;
  runner: SimulatedRunner;
  /** Its work is over, or it is on its way out. */
  isKilled: boolean;
  cancelled: boolean;
}

const MESSAGE_MS = 0.5;
const CANCEL_ANSWER_MS = 5_000;
const HEARTBEAT_TIMEOUT_MS = 60_000;

/** The runners of one worker: separate processes, which talk to it by messages. */
export class SimulatedPool implements Runners {
  readonly running = new Map<string, number>();
  readonly members = new Set<Member>();
  /** Since when one was free without a break, by intent; null: none is. */
  readonly freeSince: Record<Intent, number | null>;
  #listener: (intent: Intent) => void = () => undefined;

  constructor(
    private readonly size: number,
    private readonly worker: Machine,
    private readonly host: RunnerEvents,
    private readonly model: (assignment: Assignment) => Omit<RunnerOptions, 'machine' | 'assignment' | 'host'>,
  ) {
    this.freeSince = { run: worker.world.now, reconcile: worker.world.now };
  }

  free(intent: Intent): number {
    const busy = [...this.members].filter(({ assignment }) => assignment.intent === intent).length;
    return (intent === 'run' ? this.size : 1) - busy;
  }

  assign(assignment: Assignment): boolean {
    if (this.free(assignment.intent) <= 0) return false;
    const { world } = this.worker;
    const machine = new Machine(world, 0);
    const { jobId, lease } = assignment;
    const toWorker = (run: () => void): void =>
      world.later(MESSAGE_MS, () => this.worker.deliver(() => this.members.has(member) && run()));
    const runner = new SimulatedRunner({
      ...this.model(assignment),
      machine,
      assignment,
      host: {
        askLease: (answer) =>
          toWorker(() => {
            void this.host
              .isLeaseCurrent(jobId, lease)
              .then((current) => world.later(MESSAGE_MS, () => machine.deliver(() => answer(current))));
          }),
        committed: (checkpoint) => toWorker(() => this.host.committed(jobId, lease, checkpoint, null)),
        finished: (outcome) => {
          machine.kill();
          toWorker(() => {
            this.#remove(member);
            this.host.finished(jobId, lease, outcome);
          });
        },
        left: () => {
          machine.kill();
          this.#exit(member, { crash: false, detail: 'the lease was lost' });
        },
      },
    });
    const member: Member = { assignment, machine, runner, isKilled: false, cancelled: false };
    this.members.add(member);
    this.#noteFree();
    world.later(MESSAGE_MS, () => machine.deliver(() => runner.dispatch({ type: 'start' })));
    return true;
  }

  onFree(listener: (intent: Intent) => void): void {
    this.#listener = listener;
  }

  cancel(jobId: string): void {
    const member = this.#memberOf(jobId);
    if (member === undefined || member.cancelled) return;
    member.cancelled = true;
    if (member.assignment.intent === 'reconcile') return;
    this.worker.world.later(MESSAGE_MS, () =>
      member.machine.deliver(() => member.runner.dispatch({ type: 'reconcile' })),
    );
    this.worker.clock.schedule(CANCEL_ANSWER_MS, () => {
      if (this.members.has(member)) this.#kill(member, { crash: false, detail: 'deaf to a cancel' });
    });
  }

  abandon(jobId: string): void {
    const member = this.#memberOf(jobId);
    if (member !== undefined) this.#kill(member, { crash: false, detail: 'abandoned' });
  }

  brokerAway(): void {}

  /** From outside, or by itself. */
  crash(member: Member, crash: boolean): void {
    this.#kill(member, { crash, detail: 'crashed' });
  }

  /** It stands still; the pool kills one that says nothing for a minute. */
  freeze(member: Member, ms: number): void {
    const { machine } = member;
    machine.freeze(false);
    this.worker.world.later(ms, () => machine.wake());
    this.worker.clock.schedule(HEARTBEAT_TIMEOUT_MS, () => {
      if (machine.isFrozen) this.crash(member, true);
    });
  }

  /** The worker is gone: its runners notice and leave. */
  orphan(): void {
    const { world } = this.worker;
    for (const { machine } of this.members) {
      const leave = (): void => machine.kill();
      world.later(world.chance(0.8) ? 1 : world.random() * 2_000, () => machine.deliver(leave));
    }
  }

  #kill(member: Member, loss: RunnerLoss): void {
    if (member.isKilled) return;
    member.machine.kill();
    this.#exit(member, loss);
  }

  #exit(member: Member, loss: RunnerLoss): void {
    if (member.isKilled) return;
    member.isKilled = true;
    const { world } = this.worker;
    const { jobId, lease } = member.assignment;
    world.later(MESSAGE_MS + (world.chance(0.1) ? world.random() * 500 : 2), () =>
      this.worker.deliver(() => {
        if (!this.members.has(member)) return;
        this.#remove(member);
        this.host.runnerExited(jobId, lease, loss);
      }),
    );
  }

  #remove(member: Member): void {
    this.members.delete(member);
    this.#noteFree();
    this.#listener(member.assignment.intent);
  }

  #noteFree(): void {
    for (const intent of ['run', 'reconcile'] as const) {
      this.freeSince[intent] = this.free(intent) > 0 ? (this.freeSince[intent] ?? this.worker.world.now) : null;
    }
  }

  #memberOf(jobId: string): Member | undefined {
    for (const member of this.members) if (member.assignment.jobId === jobId) return member;
    return undefined;
  }
}
