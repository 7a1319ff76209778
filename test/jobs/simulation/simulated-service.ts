import { setImmediate as nextTurn } from 'node:timers/promises';
import { pino } from 'pino';
import { ClaimLoop } from '../../../src/jobs/coordination/claim-loop.js';
import { JobCommands } from '../../../src/jobs/coordination/commands.js';
import { JobCoordinator } from '../../../src/jobs/coordination/coordinator.js';
import { JobMetrics } from '../../../src/jobs/coordination/job-metrics.js';
import { JobTraces } from '../../../src/jobs/coordination/job-traces.js';
import { JobWriter } from '../../../src/jobs/coordination/job-writer.js';
import type { JobChanges } from '../../../src/jobs/domain/job-changes.js';
import { isTerminal } from '../../../src/jobs/domain/job-state.js';
import type { StoredJob } from '../../../src/jobs/domain/stored-job.js';
import type { Claim } from '../../../src/jobs/store/claim.js';
import { type Guard, JobStore } from '../../../src/jobs/store/job-store.js';
import { LeaseStore } from '../../../src/jobs/store/lease-store.js';
import { Metrics } from '../../../src/observability/metrics/index.js';
import { NO_TRACING } from '../../../src/observability/tracing/index.js';
import type { Assignment, Outcome } from '../../../src/runner/index.js';
import type { FileStore } from '../../../src/storage/index.js';
import { aCheckpoint } from '../support/jobs-harness.js';
import { ManualClock } from '../support/manual-clock.js';
import { aJob, type StoreFixture } from '../support/store-fixture.js';
import { type Lies, LyingNotifier } from './lying-notifier.js';
import { SimulatedPool, type Work } from './simulated-pool.js';

/** Mistakes that can be planted to see that the simulation catches them. */
export type PlantedBug =
  | 'wait-for-wakes-only'
  | 'notice-cancels-by-wakes-only'
  | 'trust-the-state-at-the-claim'
  | 'claim-what-somebody-has'
  | 'claim-before-it-is-due'
  | 'keep-the-lease-of-what-is-finished'
  | 'keep-the-leases-of-the-start-before';

const SIZE = 2;
const MAX_JOBS = 8;
const STEPS = 40;
const MAX_STEP_MS = 3_000;
/** Who looks for work does so at least this often. */
const LOOK_MS = 10_000;
/** Beyond the longest backoff. */
const PATIENCE_MS = 1_300_000;
const STALE_RETRY_MS = 2_000;
const log = pino({ level: 'silent' });

/** The store, with what is under way counted, and with the bug that is planted there. */
class SimulatedStore extends JobStore {
  bug: PlantedBug | undefined;
  underWay = 0;
  readonly #db: StoreFixture['db'];
  #claimed: StoredJob | undefined;

  constructor(db: StoreFixture['db'], clock: ManualClock) {
    super(db, clock);
    this.#db = db;
  }

  override async claim(intent: Assignment['intent'], owner: string): Promise<Claim | undefined> {
    return this.counted(async () => {
      if (this.bug === 'claim-before-it-is-due') {
        await this.#db.updateTable('jobs').set({ run_after: 0 }).where('run_after', 'is not', null).execute();
      }
      const claim = await super.claim(intent, owner);
      this.#claimed = claim?.record;
      if (this.bug === 'claim-what-somebody-has' && claim !== undefined) {
        await this.#db
          .updateTable('jobs')
          .set({ lease_owner: null })
          .where('job_id', '=', claim.record.jobId)
          .execute();
      }
      return claim;
    });
  }

  override async get(jobId: string): Promise<StoredJob | undefined> {
    const claimed = this.#claimed;
    this.#claimed = undefined;
    if (this.bug === 'trust-the-state-at-the-claim' && claimed?.jobId === jobId) return claimed;
    return this.counted(() => super.get(jobId));
  }

  override async change(jobId: string, guard: Guard, changes: JobChanges): Promise<StoredJob | undefined> {
    return this.counted(() => super.change(jobId, guard, this.#distorted(changes)));
  }

  override async updateInternal(jobId: string, guard: Guard, changes: JobChanges): Promise<StoredJob | undefined> {
    return this.counted(() => super.updateInternal(jobId, guard, this.#distorted(changes)));
  }

  async counted<T>(task: () => Promise<T>): Promise<T> {
    this.underWay++;
    try {
      return await task();
    } finally {
      this.underWay--;
    }
  }

  #distorted(changes: JobChanges): JobChanges {
    if (this.bug !== 'keep-the-lease-of-what-is-finished') return changes;
    const { leaseOwner: _, ...others } = changes;
    return others;
  }
}

/**
 * One service of two runners over a real store: jobs come, are cancelled and resumed, runners report what they like,
 * processes are replaced, the broker goes and comes, and the notifier lies. `run` gives the first fault, or null.
 */
export class SimulatedService {
  readonly #clock = new ManualClock();
  readonly #store: SimulatedStore;
  readonly #jobs: string[] = [];
  readonly #leases = new Map<string, number>();
  /** Before then the job must not be claimed again. */
  readonly #notBefore = new Map<string, number>();
  /** Since when a job is CANCELLING under a runner that has not been told. */
  readonly #untold = new Map<string, number>();
  readonly #lies: Lies;
  readonly #isHonest: boolean;
  /** How soon runners have something to report: some files are large. */
  readonly #pace: number;
  #freeSince: number | null = 0;
  #fault: string | null = null;
  #starts = 0;
  #random: number;
  #notifier!: LyingNotifier;
  #writer!: JobWriter;
  #coordinator!: JobCoordinator;
  #commands!: JobCommands;
  #loop!: ClaimLoop;
  #pool!: SimulatedPool;

  constructor(
    private readonly fixture: StoreFixture,
    seed: number,
    private readonly bug?: PlantedBug,
  ) {
    this.#random = (seed * 0x9e37_79b1) | 1;
    this.#store = new SimulatedStore(fixture.db, this.#clock);
    this.#store.bug = bug;
    this.#isHonest = this.#chance(0.3);
    this.#pace = this.#chance(0.5) ? 1 : 0.1;
    this.#lies = this.#isHonest
      ? { lost: 0, doubled: 0, late: 0 }
      : { lost: this.#chance(0.3) ? 1 : this.#next(), doubled: this.#next(), late: this.#next() };
    this.#start();
  }

  async run(): Promise<string | null> {
    for (let step = 0; step < STEPS && this.#fault === null; step++) {
      await this.#act();
      if (this.#chance(0.7)) await this.#pass(this.#next() ** 2 * MAX_STEP_MS);
    }
    await this.#coordinator.brokerAnswers();
    const end = this.#clock.monotonic() + PATIENCE_MS;
    while (this.#fault === null && (await this.#unfinished()).length > 0) {
      if (this.#clock.monotonic() > end) this.#fault = `not at an end: ${(await this.#unfinished()).join(', ')}`;
      for (const work of this.#pool.work.values()) this.#report(work, 1);
      await this.#pass(MAX_STEP_MS);
    }
    await this.#loop.stop();
    await this.#coordinator.stop();
    await this.fixture.db.deleteFrom('jobs').execute();
    return this.#fault;
  }

  /** A process begins; one before it was killed. */
  #start(): void {
    this.#clock.dropTimers();
    const clock = this.#clock;
    const store = this.#store;
    const owner = `start ${++this.#starts}`;
    const notifier = new LyingNotifier(this.#lies, clock, () => this.#next());
    const writer = new JobWriter(store, { publish: () => undefined }, clock);
    const models = {
      getVersion: (id: string, version: number) => store.counted(() => this.fixture.models.getVersion(id, version)),
    };
    const files = {
      location: (id: string) => id,
      has: async () => true,
      remove: async () => undefined,
    } as unknown as FileStore;
    const coordinator = new JobCoordinator({
      metrics: new JobMetrics(new Metrics({ version: 'test', role: 'all' })),
      traces: new JobTraces(NO_TRACING),
      sinks: { wake: async () => 0 },
      store,
      leases: new LeaseStore(this.fixture.db, clock),
      writer,
      models,
      files,
      notifier,
      owner,
      clock,
      log,
      maxStalledMs: 300_000,
      maxAttempts: 3,
    });
    this.#pool = new SimulatedPool(SIZE, coordinator, {
      assigned: (assignment) => this.#checkAssignment(assignment),
      isOver: () => this.#fault !== null,
    });
    coordinator.setRunners(this.#pool);
    this.#commands = new JobCommands({
      store,
      writer,
      notifier,
      files,
      clock,
      removal: { wake: () => undefined },
      requireKafka: async () => undefined,
    });
    this.#loop = new ClaimLoop({
      coordinator: this.#bugged(coordinator),
      runners: this.#pool,
      notifier,
      clock: this.bug === 'wait-for-wakes-only' ? { ...bound(clock), schedule: () => () => undefined } : clock,
      log,
      random: () => this.#next(),
    });
    const loop = this.#loop;
    this.#pool.onFree((intent) => loop.wake(intent));
    this.#notifier = notifier;
    this.#writer = writer;
    this.#coordinator = coordinator;
    this.#untold.clear();
    this.#freeSince = clock.monotonic();
    if (this.#starts === 1) this.#loop.start();
  }

  #bugged(coordinator: JobCoordinator): Pick<JobCoordinator, 'claim' | 'noticeCancels'> {
    return {
      claim: (intent) => coordinator.claim(intent),
      noticeCancels: (jobIds) => {
        if (jobIds !== undefined || this.bug !== 'notice-cancels-by-wakes-only') coordinator.noticeCancels(jobIds);
      },
    };
  }

  async #act(): Promise<void> {
    const dice = this.#next();
    if (dice < 0.25 && this.#jobs.length < MAX_JOBS) await this.#create();
    else if (dice < 0.35) this.#command('cancel');
    else if (dice < 0.42) this.#command('resume');
    else if (dice < 0.46) await this.#restart();
    else if (dice < 0.49) this.#coordinator.brokerAway();
    else if (dice < 0.54) await this.#coordinator.brokerAnswers();
    else {
      const busy = [...this.#pool.work.values()];
      const work = busy[Math.floor(this.#next() * busy.length)];
      if (work !== undefined && this.#chance(this.#pace)) this.#report(work, 0.5);
    }
  }

  async #create(): Promise<void> {
    const job = aJob();
    await this.#store.create(job, 'a process');
    await this.#writer.activate(job.jobId, 'a process');
    this.#jobs.push(job.jobId);
    this.#notifier.notify(job.jobId);
    if (!this.#chance(0.3)) return;
    // A user who thinks better of it, while the job is being claimed.
    for (let turns = this.#next() * 30; turns > 0; turns--) await Promise.resolve();
    this.#command('cancel', job.jobId);
  }

  /** Its answer is not waited for: it comes when the job has ended. */
  #command(what: 'cancel' | 'resume', jobId = this.#jobs[Math.floor(this.#next() * this.#jobs.length)]): void {
    if (jobId === undefined) return;
    this.#notBefore.delete(jobId);
    this.#commands[what](jobId).then(
      () => undefined,
      (error: { code?: string; message: string }) => {
        if (error.code !== 'JOB_STATE_CONFLICT') this.#fault ??= `${what} of ${jobId}: ${error.message}`;
      },
    );
  }

  async #restart(): Promise<void> {
    await this.#settle(); // what the process killed had under way is done, or never was
    await this.#loop.stop();
    await this.#notifier.close();
    this.#start();
    this.#notBefore.clear();
    if (this.bug !== 'keep-the-leases-of-the-start-before') await this.#store.releaseAll();
    this.#loop.start();
  }

  /** What a runner says of its job; `luck`: the chance that it gets it done. */
  #report(work: Work, luck: number): void {
    const { jobId, intent } = work.assignment;
    const reconciles = intent === 'reconcile' || work.cancelled;
    const checkpoint = aCheckpoint(1, 0, !reconciles);
    if (this.#chance(luck)) {
      this.#pool.finish(work, reconciles ? { kind: 'reconciled', checkpoint } : { kind: 'completed', checkpoint });
      return;
    }
    const unknown: Outcome = {
      kind: 'failed',
      error: { code: 'KAFKA_UNAVAILABLE', detail: 'away' },
      checkpoint: null,
      checkpointVerified: false,
    };
    const dice = this.#next();
    if (dice < 0.3) this.#pool.lose(work, { crash: this.#chance(0.5), detail: 'killed' });
    else if (dice < 0.6) {
      this.#notBefore.set(jobId, this.#clock.monotonic() + STALE_RETRY_MS);
      this.#pool.finish(work, { kind: 'stale', detail: 'older', staleMs: 1 });
    } else if (dice < 0.7) this.#pool.finish(work, { kind: 'stopped' });
    else this.#pool.finish(work, unknown);
  }

  async #pass(ms: number): Promise<void> {
    await this.#settle();
    this.#clock.advance(ms);
    await this.#settle();
    await this.#check();
  }

  /** Whatever was set going is done. */
  async #settle(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet++) {
      await this.#writer.idle();
      await nextTurn();
      if (this.#store.underWay > 0) quiet = -1;
    }
  }

  #checkAssignment({ jobId, lease }: Assignment): void {
    if (this.#pool.work.has(jobId)) this.#fault ??= `${jobId} has two runners`;
    if (lease <= (this.#leases.get(jobId) ?? 0)) this.#fault ??= `${jobId} was given out twice under lease ${lease}`;
    this.#leases.set(jobId, lease);
    if (this.#clock.monotonic() < (this.#notBefore.get(jobId) ?? 0)) this.#fault ??= `${jobId} was claimed too early`;
    this.#notBefore.delete(jobId);
  }

  async #check(): Promise<void> {
    const now = this.#clock.monotonic();
    this.#freeSince = this.#pool.free('run') > 0 ? (this.#freeSince ?? now) : null;
    for (const jobId of this.#jobs) {
      const job = await this.#store.get(jobId);
      const work = this.#pool.work.get(jobId);
      const isUntold = job?.state === 'CANCELLING' && work?.assignment.intent === 'run' && !work.cancelled;
      if (isUntold) this.#untold.set(jobId, this.#untold.get(jobId) ?? now);
      else this.#untold.delete(jobId);
      const patience = this.#isHonest ? 0 : LOOK_MS + MAX_STEP_MS;
      if (isUntold && now - (this.#untold.get(jobId) ?? now) >= patience) this.#fault ??= `${jobId} runs on, cancelled`;
    }
    const idle = this.#isHonest ? now : (this.#freeSince ?? now) + LOOK_MS + MAX_STEP_MS;
    if (this.#freeSince === null || now < idle) return;
    const limit = this.#clock.steady() - (this.#isHonest ? 0 : LOOK_MS + MAX_STEP_MS);
    const left = await this.#left(limit);
    if (left !== undefined) this.#fault ??= `${left} waits, and a runner is free`;
  }

  /** A job that a runner could have run, and that may be claimed since `limit` or longer. */
  async #left(limit: number): Promise<string | undefined> {
    const row = await this.fixture.db
      .selectFrom('jobs')
      .select('job_id')
      .where('state', 'in', ['PENDING', 'RUNNING'])
      .where('pending_error_code', 'is', null)
      .where('lease_owner', 'is', null)
      .where('run_after', '<', limit)
      .executeTakeFirst();
    return row?.job_id;
  }

  async #unfinished(): Promise<string[]> {
    const jobs = await Promise.all(this.#jobs.map((jobId) => this.#store.get(jobId)));
    return jobs.flatMap((job) =>
      job !== undefined && isTerminal(job.state) && job.checkpointVerified ? [] : [`${job?.jobId} ${job?.state}`],
    );
  }

  /** Seeded xorshift32: 0 ≤ x < 1. */
  #next(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return (x >>> 0) / 2 ** 32;
  }

  #chance(probability: number): boolean {
    return this.#next() < probability;
  }
}

function bound(clock: ManualClock): ConstructorParameters<typeof ClaimLoop>[0]['clock'] {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    steady: () => clock.steady(),
    schedule: (ms, action) => clock.schedule(ms, action),
  };
}
