import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../../src/jobs/domain/job.js';
import { Api } from '../kit/api.js';
import type { Exchange, Interference, KafkaProxy } from '../kit/kafka-proxy.js';
import { random } from '../kit/random.js';
import { parentOf } from '../kit/runners.js';
import { type Service, startService } from '../kit/service.js';
import { compare, contradiction, type Extent } from './comparison.js';
import { type RowFile, SCHEMA, writeRowFile } from './rows.js';
import { Tally } from './tally.js';

export const MODEL = 'rows';
/** For a job to end in, whatever is done to it. */
const JOB_MS = 600_000;
/** Rounds in which nothing happens, before a scenario is given up. */
const IDLE_ROUNDS = 10;

/** Where Kafka is to be found. */
export interface Surroundings {
  /** host:port of the brokers, comma-separated, past the proxies: for who compares. */
  readonly direct: string;
  /** One for each broker, by which alone the service reaches it. */
  readonly proxies: readonly KafkaProxy[];
}

/** What all scenarios play on: a service that reaches Kafka only through proxies. */
export class JobStage {
  readonly folder = mkdtempSync(join(tmpdir(), 'batch-crash-'));
  /** Whole numbers below the limit, from the run's seed. */
  random: (limit: number) => number;
  tally = new Tally();
  api = new Api('');
  #service: Service | undefined;
  #env: Record<string, string> = {};
  #options: { dataDir?: string; under?: string[] } = {};
  readonly #files = new Map<number, RowFile>();
  readonly #runners = new Set<number>();

  constructor(
    readonly seed: number,
    private readonly surroundings: Surroundings,
  ) {
    this.random = random(seed);
  }

  async close(): Promise<void> {
    await this.leave();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What every proxy does from now on. */
  set interference(interference: Interference) {
    for (const proxy of this.surroundings.proxies) proxy.interference = interference;
  }

  /** Commits that the brokers have agreed to. */
  get commits(): number {
    return this.surroundings.proxies.reduce((sum, { commits }) => sum + commits, 0);
  }

  /** Counts into `tally` from now on, with the seed's numbers from their first. */
  begin(tally: Tally): void {
    this.tally = tally;
    this.random = random(this.seed);
  }

  /** A new service with the model, and no interference. */
  async enter(env: Record<string, string> = {}, options: { dataDir?: string; under?: string[] } = {}): Promise<void> {
    await this.leave();
    this.#env = env;
    this.#options = options;
    this.#service = await startService({ brokers: this.#brokers(), env, ...options });
    this.api = new Api(this.#service.url);
    await this.api.createModel(MODEL, SCHEMA);
  }

  /** Ends the service and removes its data. */
  async leave(): Promise<void> {
    this.interference = {};
    await this.#service?.stop();
    if (this.#service !== undefined) rmSync(this.#service.dataDir, { recursive: true, force: true });
    this.#service = undefined;
  }

  /** Repairs what a scenario that failed has left of the brokers. */
  async recover(): Promise<void> {}

  get service(): Service {
    if (this.#service === undefined) throw new Error('no service runs');
    return this.#service;
  }

  /** The end of what the service has logged, for a failure that needs explaining. */
  lastLog(): string {
    return this.#service?.log().slice(-4_000) ?? '';
  }

  /** Starts the service again on its data, after it was killed. */
  async restart(): Promise<void> {
    this.#service = await startService({
      brokers: this.#brokers(),
      env: this.#env,
      ...this.#options,
      dataDir: this.service.dataDir,
    });
    this.api.url = this.#service.url;
  }

  #brokers(): string {
    return this.surroundings.proxies.map(({ address }) => address).join(',');
  }

  /** A file of this number of rows, made once. */
  file(rows: number): RowFile {
    const file = this.#files.get(rows) ?? writeRowFile(join(this.folder, `${rows}.csv`), rows, this.seed + rows);
    this.#files.set(rows, file);
    return file;
  }

  /** `reference`: the slow reader, so that there is time to step in. */
  async createJob(file: RowFile, reader: 'auto' | 'reference' = 'reference'): Promise<string> {
    return (await this.api.createJob(MODEL, file.path, {}, { csv_reader: reader })).job_id;
  }

  /** Waits for the job's end and holds it against the file: everything must be there exactly once. */
  async delivered(jobId: string, file: RowFile): Promise<void> {
    const job = await this.api.ended(jobId, JOB_MS);
    if (job.state !== 'PARTIAL_SUCCESS') {
      this.tally.fail(`job ${jobId} ended ${job.state}: ${JSON.stringify(job.error)}`);
    }
    await this.holds(job, file, 'all');
  }

  /** Compares the topics with the file and the job's own figures. */
  async holds(job: Job, file: RowFile, extent: Extent): Promise<void> {
    const comparison = await compare(this.surroundings.direct, job.topics, job.job_id, file, extent);
    this.tally.compared(job.job_id, comparison);
    const objection = contradiction(job, comparison);
    if (objection !== null) this.tally.fail(`job ${job.job_id}: ${objection}`);
  }

  /** For a job that failed without knowing what is committed: its topics may hold any prefix, but nothing else. */
  async prefix(jobId: string, file: RowFile): Promise<void> {
    const { topics } = await this.api.job(jobId);
    this.tally.compared(jobId, await compare(this.surroundings.direct, topics, jobId, file, 'some prefix'));
  }

  /** Whether a runner of the service sent this, or one that has been its runner. */
  isRunner({ pid }: Exchange): boolean {
    if (pid === undefined) return false;
    if (parentOf(pid) === this.service.pid) this.#runners.add(pid);
    return this.#runners.has(pid);
  }

  /** Repeats `round`, which takes faults from the front of the list as they take effect, until the list is empty. */
  async exhaust<T>(faults: T[], round: (left: T[]) => Promise<void>): Promise<void> {
    for (let idle = 0; faults.length > 0; ) {
      const before = faults.length;
      await round(faults);
      idle = faults.length < before ? 0 : idle + 1;
      if (idle > IDLE_ROUNDS) throw new Error(`no occasion for ${faults.length} faults, ${JSON.stringify(faults[0])}`);
      // One that met no occasion waits for other company.
      faults.push(...faults.splice(0, 1));
    }
  }

  shuffled<T>(items: readonly T[]): T[] {
    const left = [...items];
    return items.map(() => left.splice(this.random(left.length), 1)[0] as T);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.random(from.length)] as T;
  }

  /** Waits for up to `limitMs`, any number of ms equally likely. */
  async pause(limitMs: number): Promise<void> {
    await sleep(this.random(limitMs));
  }
}

/** Resolves with what `look` gives as soon as it gives something; rejects after `timeoutMs`. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  look: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  for (const deadline = Date.now() + timeoutMs; ; await sleep(2)) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`${what}: waited ${timeoutMs} ms`);
  }
}

/** SIGKILL, or another signal; false where the process is gone already. */
export function signal(pid: number, name: NodeJS.Signals = 'SIGKILL'): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false; // ESRCH is the only way for our own process
  }
}
