import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runnerPids } from '../../kit/runners.js';
import { type Service, startService } from '../../kit/service.js';
import { signal } from '../job-stage.js';

const CLOCK = resolve('test/kit/stepping-clock.mjs');
/** As a supervisor would: a process that does not come up, because what it needs is away, is started again. */
const START_MS = 300_000;

export type Role = 'api' | 'worker';

/** One process of the cluster, with a separate wall clock, that is started again whenever it has ended. */
export class ClusterProcess {
  /** null: it has ended, and is not up again yet. */
  #service: Service | null = null;
  isFrozen = false;
  #log = '';

  constructor(
    readonly name: string,
    readonly role: Role,
    private readonly options: { brokers: string; folder: string; env: Record<string, string> },
  ) {}

  get isUp(): boolean {
    return this.#service !== null && !this.isFrozen;
  }

  /** Throws while the process is down. */
  get service(): Service {
    if (this.#service === null) throw new Error(`${this.name} is down`);
    return this.#service;
  }

  /** Where an API listens; null while it is down. */
  get url(): string | null {
    return this.#service?.url ?? null;
  }

  /** What all its starts have logged. */
  get log(): string {
    return this.#log + (this.#service?.log() ?? '');
  }

  /** Resolves when the process is up, whatever it takes. `offsetMs`: of its wall clock, against the true time. */
  async start(offsetMs: number): Promise<void> {
    const { brokers, folder, env } = this.options;
    const clock = join(folder, `clock-${this.name}`);
    await mkdir(clock, { recursive: true });
    writeFileSync(join(clock, 'offset'), String(offsetMs));
    for (const deadline = Date.now() + START_MS; ; ) {
      try {
        this.#service = await startService({
          brokers,
          dataDir: join(folder, this.name),
          env: {
            ...env,
            ROLE: this.role,
            METRICS_PORT: '0',
            NODE_OPTIONS: `--import=${CLOCK}`,
            STEPPING_CLOCK_FOLDER: clock,
          },
        });
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await sleep(1_000);
      }
    }
  }

  async kill(name: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const service = this.service;
    this.#service = null;
    await service.kill(name);
    this.#log += service.log();
  }

  /** The process and its runners stand still, as on a machine that does; or the process alone, and its runners go on. */
  async freeze(withRunners: boolean, ms: number): Promise<void> {
    const service = this.service;
    const pids = [service.pid, ...(withRunners ? runnerPids(service) : [])];
    this.isFrozen = true;
    for (const pid of pids) signal(pid, 'SIGSTOP');
    await sleep(ms);
    for (const pid of pids) signal(pid, 'SIGCONT');
    this.isFrozen = false;
  }

  /** Sets its wall clock, and those of its runners. */
  setClock(offsetMs: number): void {
    const { folder } = this.options;
    writeFileSync(join(folder, `clock-${this.name}`, 'offset'), String(offsetMs));
    for (const pid of [this.service.pid, ...runnerPids(this.service)]) signal(pid, 'SIGUSR2');
  }

  async stop(): Promise<void> {
    const service = this.#service;
    this.#service = null;
    await service?.stop();
  }
}
