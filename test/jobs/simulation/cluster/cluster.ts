import { ConcurrentChange } from '../../../../src/jobs/coordination/job-writer.js';
import type { JobState } from '../../../../src/jobs/domain/job.js';
import { isTerminal } from '../../../../src/jobs/domain/job-state.js';
import { aJob } from '../../support/store-fixture.js';
import { LyingNotifier } from '../lying-notifier.js';
import { EventsTopic } from './events-topic.js';
import { Faults } from './faults.js';
import { Invariants, rowOf } from './invariants.js';
import { JobTopics } from './job-topics.js';
import { Liveness } from './liveness.js';
import { Machine, START } from './machine.js';
import type { PlantedBug } from './planted-bugs.js';
import { type Role, SimulatedProcess, type Surroundings } from './process.js';
import type { JobRow, SharedStore } from './shared-store.js';
import { World } from './world.js';

const MAX_JOBS = 6;
const MAX_ROWS = 40;
const CHECK_MS = 1_000;
/** After the last fault, beyond the longest backoff. */
const PATIENCE_MS = 1_500_000;

/**
 * A few workers and APIs on one store: jobs come, are cancelled and resumed at any API, while processes stand still, die
 * and come back, the store is away, restored or slow, and the notifier lies. `run` gives the first fault, or null.
 */
export class Cluster {
  readonly world: World;
  readonly processes: SimulatedProcess[] = [];
  readonly invariants: Invariants;
  readonly surroundings: Surroundings;
  readonly #topics: JobTopics;
  readonly #liveness: Liveness;
  readonly #faults: Faults;
  readonly #rowsOf = new Map<string, number>();
  readonly #everCancelled = new Set<string>();
  #starts = 0;
  #jobs = 0;
  #isCalm = false;

  constructor(
    readonly store: SharedStore,
    seed: number,
    bug?: PlantedBug,
  ) {
    const world = new World(seed);
    this.world = world;
    store.onWrite = () => undefined;
    store.empty();
    store.time = () => START + Math.floor(world.now);
    this.invariants = new Invariants(store, world);
    const { invariants } = this;
    this.#topics = new JobTopics((commit, before) => invariants.onCommit(commit, before));
    invariants.watch(this.#topics);
    this.#liveness = new Liveness(invariants, store);
    const level = world.chance(0.3) ? 0 : world.random() ** 2 * 0.03;
    const trouble = (): number => (this.#isCalm ? 0 : level);
    const lies = world.chance(0.4)
      ? { lost: 0, doubled: 0, late: 0 }
      : { lost: world.chance(0.2) ? 1 : world.random(), doubled: world.random(), late: world.random() };
    const areEventsSlow = world.chance(0.5);
    const pace = world.chance(0.5) ? 300 : 2_500;
    this.surroundings = {
      world,
      store,
      outages: { until: 0 },
      events: new EventsTopic((what) => {
        if (!invariants.isRestored) invariants.report(what);
      }),
      notifier: new LyingNotifier(lies, new Machine(world, 0).clock, () => world.random()),
      bug,
      trouble,
      slowness: () => (areEventsSlow && !this.#isCalm ? 4_000 : 0),
      model: (assignment, owner) => ({
        topics: this.#topics,
        rows: this.#rowsOf.get(assignment.jobId) ?? 1,
        pace,
        trouble,
        beforeFence: (machine) => this.#faults.beforeFence(owner, machine),
        isHolder: () => invariants.isHolder(assignment, owner),
        bug,
      }),
    };
    this.#faults = new Faults(this);
    invariants.onClaim = (by) => this.#faults.onClaim(by);
  }

  async run(): Promise<string | null> {
    const { world, invariants } = this;
    for (const role of this.#roles()) this.start(role);
    const end = world.between(30_000, 90_000);
    this.#again(world.between(1_000, 6_000), () => this.#act());
    this.#again(world.between(4_000, 20_000), () => this.#faults.strike());
    while (invariants.fault === null && world.now < end) await this.#pass();
    this.#isCalm = true;
    this.#faults.end();
    const deadline = world.now + PATIENCE_MS;
    while (invariants.fault === null && this.#unsettled() !== undefined) {
      if (world.now > deadline) invariants.report(`not at an end: ${this.#unsettled()}`);
      await this.#pass();
    }
    for (const process of this.processes) process.kill();
    for (const row of invariants.rows.values()) this.#checkEnd(row);
    this.store.onWrite = () => undefined;
    return invariants.fault;
  }

  start(role: Role): void {
    this.processes.push(new SimulatedProcess(`${role} ${++this.#starts}`, role, this.surroundings));
  }

  #roles(): Role[] {
    const { world } = this;
    if (world.chance(0.2)) return ['all', 'all'];
    const workers: Role[] = world.chance(0.7) ? ['worker', 'worker'] : ['worker', 'worker', 'worker'];
    return [...workers, 'api', ...(world.chance(0.6) ? (['api'] as const) : [])];
  }

  /** Again and again, at random intervals. */
  #again(meanMs: number, action: () => void): void {
    const { world } = this;
    const next = (): void => {
      if (this.#isCalm) return;
      action();
      world.later(world.random() * 2 * meanMs, next);
    };
    world.later(world.random() * meanMs, next);
  }

  async #pass(): Promise<void> {
    await this.world.pass(CHECK_MS);
    if (this.store.isInTransaction) throw new Error('a transaction was left open');
    this.#liveness.check(this.processes, this.world.now);
  }

  /** What a user does, at any API. */
  #act(): void {
    const { world } = this;
    const api = world.oneOf(this.processes.filter(({ commands, machine }) => commands !== null && machine.isAlive));
    if (api === undefined) return;
    const dice = world.random();
    if (this.#jobs < MAX_JOBS && (this.#jobs === 0 || dice < 0.4)) this.#create(api);
    else this.#command(api, dice < 0.75 ? 'cancel' : 'resume');
  }

  #create({ name, machine, store, writer }: SimulatedProcess): void {
    const jobId = `job-${++this.#jobs}`;
    this.#rowsOf.set(jobId, 1 + Math.floor(this.world.random() * MAX_ROWS));
    machine.deliver(() => {
      const created = store.create(aJob({ jobId }), name).then(() => writer.activate(jobId, name));
      created.then(() => this.surroundings.notifier.notify(jobId)).catch(() => undefined);
    });
  }

  #command({ name, machine, commands }: SimulatedProcess, what: 'cancel' | 'resume'): void {
    const jobId = this.world.oneOf([...this.invariants.rows.keys()]);
    if (jobId === undefined || commands === null) return;
    if (what === 'cancel') this.#everCancelled.add(jobId);
    this.world.tell(`${jobId}: a user asks ${name} to ${what} it`);
    machine.deliver(() => {
      commands[what](jobId).catch((error: unknown) => {
        if (error instanceof ConcurrentChange) this.invariants.report(`${what} of ${jobId}: ${error.message}`);
      });
    });
  }

  /** The first job that something is still to be done for. */
  #unsettled(): string | undefined {
    for (const row of this.invariants.rows.values()) {
      const { job_id: jobId, phase, state, revision, published_revision } = row;
      if (phase !== null) continue;
      if (!isTerminal(state as JobState) || row.run_after !== null || row.lease_owner !== null)
        return `${jobId} is ${state}`;
      if (published_revision < revision) return `revision ${revision} of ${jobId} is not published`;
    }
    return undefined;
  }

  #checkEnd(row: JobRow): void {
    const { invariants } = this;
    const { job_id: jobId, state, revision } = row;
    if (invariants.fault !== null || row.phase !== null) return;
    const committed = this.#topics.checkpointOf(jobId);
    const said = rowOf(row.checkpoint);
    const isWhole = committed?.eof === true && committed.position.row === this.#rowsOf.get(jobId);
    if (state === 'SUCCESS' && !isWhole) invariants.report(`${jobId} is SUCCESS with ${said} rows`);
    if (state === 'CANCELLED' && !this.#everCancelled.has(jobId)) invariants.report(`${jobId} was cancelled by nobody`);
    if (invariants.isRestored) return;
    if (said !== (committed?.position.row ?? 0)) invariants.report(`${jobId} ended with ${said} rows`);
    const last = this.surroundings.events.last.get(jobId);
    if (last?.revision !== revision || last.state !== state)
      invariants.report(`the last event of ${jobId} is ${last?.state} ${last?.revision}, not ${state} ${revision}`);
  }
}
