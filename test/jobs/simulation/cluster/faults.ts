import type { Cluster } from './cluster.js';
import type { Machine } from './machine.js';
import type { SimulatedProcess } from './process.js';

const BACKUP_EVERY_MS = 4_000;
const MAX_RESTORES = 2;

/** What happens to processes, to the store, and to the ways between them. */
export class Faults {
  /** Each of these comes to some clusters only. */
  readonly #comes: Readonly<Record<'freezes' | 'deaths' | 'outages' | 'restores', boolean>>;

  #isOver = false;
  #restores = 0;
  /** The last backup is about to take the place of the store. */
  #isRestoring = false;

  constructor(private readonly cluster: Cluster) {
    const { world } = cluster;
    this.#comes = {
      freezes: world.chance(0.7),
      deaths: world.chance(0.5),
      outages: world.chance(0.5),
      restores: world.chance(0.2),
    };
    if (this.#comes.restores) this.#backUp();
  }

  /** One of them. */
  strike(): void {
    const { world, processes, surroundings } = this.cluster;
    const process = world.oneOf(processes.filter(({ machine }) => machine.isRunning));
    if (process === undefined) return;
    const dice = world.random();
    if (dice < 0.4 && this.#comes.freezes) this.#freeze(process);
    else if (dice < 0.55 && this.#comes.deaths) this.#replace(process);
    else if (dice < 0.75 && this.#comes.outages) {
      const outage = world.chance(0.5) ? surroundings.outages : process.access.outage;
      outage.until = Math.max(outage.until, world.now + this.#duration(60_000));
      const whom = outage === process.access.outage ? process.name : 'all';
      world.tell(`the store is away for ${whom} until ${outage.until / 1000} s`);
    } else this.#hitRunner(process);
  }

  /** A runner is about to fence the one before. Some stand still just then, and their workers for longer. */
  beforeFence(owner: string, runner: Machine): void {
    const { world, processes } = this.cluster;
    const process = processes.find(({ name }) => name === owner);
    if (process?.machine.isRunning !== true || !this.#comes.freezes || this.#isOver || !world.chance(0.05)) return;
    const ms = world.between(10_000, 70_000);
    world.tell(`${owner} stands still, and a runner of it for ${ms / 1000} s, before a fence`);
    process.freeze(false, false, ms + world.random() * 20_000);
    runner.freeze(false);
    world.later(ms, () => runner.wake());
  }

  /** A backup of a few seconds ago takes the place of the store, without the claim that was just made. */
  onClaim(by: string): void {
    const { world, store, processes } = this.cluster;
    if (
      !this.#comes.restores ||
      this.#isOver ||
      this.#isRestoring ||
      this.#restores === MAX_RESTORES ||
      !world.chance(0.4)
    )
      return;
    this.#restores++;
    this.#isRestoring = true;
    world.later(world.random() * BACKUP_EVERY_MS, () => {
      this.#isRestoring = false;
      if (this.#isOver) return;
      store.restore();
      // Who has that claim finds out late.
      const process = processes.find(({ name }) => name === by);
      if (world.chance(0.7)) process?.freeze(false, false, world.between(10_000, 40_000));
    });
  }

  /** From now on nothing happens, and each process is there. */
  end(): void {
    this.#isOver = true;
    const { processes, surroundings, start } = this.cluster;
    surroundings.outages.until = 0;
    for (const { access, machine, pool } of processes) {
      access.outage.until = 0;
      machine.wake();
      for (const member of pool?.members ?? []) member.machine.wake();
    }
    const alive = processes.filter(({ machine }) => machine.isAlive);
    if (!alive.some(({ pool }) => pool !== null)) start.call(this.cluster, 'worker');
    if (!alive.some(({ commands }) => commands !== null)) start.call(this.cluster, 'api');
  }

  #freeze(process: SimulatedProcess): void {
    const { world } = this.cluster;
    if (process.commands !== null && world.chance(0.5)) {
      // Just so long that another one takes the lead, while this one takes it for its own.
      const ms = world.between(14_000, 27_000);
      world.tell(`${process.name} is suspended for ${ms / 1000} s`);
      process.freeze(false, true, ms);
      return;
    }
    const [withRunners, isSuspended, ms] = [world.chance(0.5), world.chance(0.4), this.#duration(90_000)];
    world.tell(`${process.name} stands still for ${ms / 1000} s${withRunners ? ', with its runners' : ''}`);
    process.freeze(withRunners, isSuspended, ms);
  }

  #replace(process: SimulatedProcess): void {
    const { world } = this.cluster;
    world.tell(`${process.name} dies`);
    process.kill();
    world.later(world.random() * 20_000, () => this.cluster.start(process.role));
  }

  #backUp(): void {
    const { world, store } = this.cluster;
    if (this.#isOver) return;
    if (!this.#isRestoring) store.backUp();
    world.later(BACKUP_EVERY_MS, () => this.#backUp());
  }

  #hitRunner({ pool }: SimulatedProcess): void {
    const { world } = this.cluster;
    const member = world.oneOf([...(pool?.members ?? [])]);
    if (member === undefined) return;
    world.tell(`${member.assignment.jobId}: its runner crashes or stands still`);
    if (world.chance(0.5)) pool?.crash(member, world.chance(0.5));
    else pool?.freeze(member, this.#duration(90_000));
  }

  /** Mostly a few seconds. */
  #duration(maxMs: number): number {
    return 1_000 + this.cluster.world.random() ** 2 * (maxMs - 1_000);
  }
}
