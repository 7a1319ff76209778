import { Kysely } from 'kysely';
import { pino } from 'pino';
import type { Tables } from '../../../../src/database/index.js';
import { ClaimLoop } from '../../../../src/jobs/coordination/claim-loop.js';
import { JobCommands } from '../../../../src/jobs/coordination/commands.js';
import { JobCoordinator } from '../../../../src/jobs/coordination/coordinator.js';
import { JobMetrics } from '../../../../src/jobs/coordination/job-metrics.js';
import { JobTraces } from '../../../../src/jobs/coordination/job-traces.js';
import { JobWriter } from '../../../../src/jobs/coordination/job-writer.js';
import { Leadership } from '../../../../src/jobs/coordination/leadership.js';
import { LeaseKeeper } from '../../../../src/jobs/coordination/lease-keeper.js';
import { JobEventPublisher } from '../../../../src/jobs/events/publisher.js';
import type { JobNotifier } from '../../../../src/jobs/queue/job-notifier.js';
import { LeaderStore } from '../../../../src/jobs/store/leader-store.js';
import { ModelStore } from '../../../../src/models/model-store.js';
import { Metrics } from '../../../../src/observability/metrics/index.js';
import { NO_TRACING } from '../../../../src/observability/tracing/index.js';
import type { Assignment } from '../../../../src/runner/index.js';
import type { FileStore } from '../../../../src/storage/index.js';
import type { EventsTopic } from './events-topic.js';
import { KafkaAccess } from './kafka-access.js';
import { Machine } from './machine.js';
import { BuggedJobStore, BuggedLeaseStore, claimsWith, leaderWith, type PlantedBug } from './planted-bugs.js';
import { SimulatedPool } from './pool.js';
import type { RunnerOptions } from './runner.js';
import { type SharedStore, STORE_TIME } from './shared-store.js';
import { type Outage, StoreAccess } from './store-access.js';
import { StoreDialect } from './store-dialect.js';
import type { World } from './world.js';

export interface Surroundings {
  world: World;
  store: SharedStore;
  outages: Outage;
  events: EventsTopic;
  notifier: JobNotifier;
  bug: PlantedBug | undefined;
  /** The chance that something happens to a request. */
  trouble: () => number;
  /** How long the topic of the jobs takes to answer at most, beside what is usual, in ms. */
  slowness: () => number;
  /** What a runner of `owner` works with. */
  model: (assignment: Assignment, owner: string) => Omit<RunnerOptions, 'machine' | 'assignment' | 'host'>;
}

export type Role = 'api' | 'worker' | 'all';

const WALL_CLOCKS_DIFFER_BY_MS = 300_000;
const MAX_STALLED_MS = 300_000;
const MAX_ATTEMPTS = 3;
const RUNNERS = 2;

/** One process of the service, with the product's own classes, over a store and a Kafka that others use as well. */
export class SimulatedProcess {
  readonly machine: Machine;
  readonly access: StoreAccess;
  readonly store: BuggedJobStore;
  readonly writer: JobWriter;
  /** null: a worker. */
  readonly commands: JobCommands | null = null;
  /** null: an API. */
  readonly pool: SimulatedPool | null = null;

  constructor(
    readonly name: string,
    readonly role: Role,
    surroundings: Surroundings,
  ) {
    const { world, store: shared, outages, bug, trouble } = surroundings;
    this.machine = new Machine(world, world.between(-1, 1) * WALL_CLOCKS_DIFFER_BY_MS);
    this.access = new StoreAccess(shared, name, this.machine, outages, trouble);
    const { clock } = this.machine;
    const db = new Kysely<Tables>({ dialect: new StoreDialect(this.access) });
    /** Times in rows are the store's, whatever this process's clock says. */
    const storeClock = { ...clock, steady: () => STORE_TIME };
    const log = pino({ level: 'silent' });
    const notifier = this.#notifier(surroundings.notifier);
    const files = {
      location: (id: string) => id,
      has: async () => true,
      remove: async () => undefined,
    } as unknown as FileStore;
    const store = new BuggedJobStore(db, storeClock, bug);
    this.store = store;
    const takesRequests = role !== 'worker';
    const publisher = takesRequests ? this.#publisher(db, surroundings) : { publish: () => undefined };
    const writer = new JobWriter(store, publisher, clock);
    this.writer = writer;
    if (takesRequests) {
      const removal = { wake: () => undefined };
      const requireKafka = async (): Promise<void> => undefined;
      this.commands = new JobCommands({ store, writer, notifier, files, clock, removal, requireKafka });
    }
    if (role === 'api') return;

    const leases = new BuggedLeaseStore(db, storeClock, bug);
    const coordinator = new JobCoordinator({
      metrics: new JobMetrics(new Metrics({ version: 'test', role: 'all' })),
      traces: new JobTraces(NO_TRACING),
      sinks: { wake: async () => 0 },
      store,
      leases,
      writer,
      models: new ModelStore(db),
      files,
      notifier,
      owner: name,
      clock,
      log,
      maxStalledMs: MAX_STALLED_MS,
      maxAttempts: MAX_ATTEMPTS,
    });
    const pool = new SimulatedPool(RUNNERS, this.machine, coordinator, (assignment) =>
      surroundings.model(assignment, name),
    );
    coordinator.setRunners(pool);
    const claims = new ClaimLoop({
      ...claimsWith(bug, coordinator, clock),
      runners: pool,
      notifier,
      log,
      random: () => world.random(),
    });
    pool.onFree((intent) => claims.wake(intent));
    claims.start();
    new LeaseKeeper({ leases, coordinator, notifier, owner: name, clock, log }).start();
    this.pool = pool;
  }

  /** With its runners, as a machine does, or alone. */
  freeze(withRunners: boolean, isSuspended: boolean, ms: number): void {
    const machines = [this.machine, ...(withRunners ? this.#runners() : [])];
    for (const machine of machines) machine.freeze(isSuspended);
    this.machine.world.later(ms, () => {
      for (const machine of machines) machine.wake();
    });
  }

  kill(): void {
    this.machine.kill();
    this.pool?.orphan();
  }

  #runners(): Machine[] {
    return [...(this.pool?.members ?? [])].map(({ machine }) => machine);
  }

  #publisher(db: Kysely<Tables>, { bug, trouble, events, slowness }: Surroundings): JobEventPublisher {
    const { clock } = this.machine;
    const log = pino({ level: 'silent' });
    const store = new LeaderStore(db, 'leader', { ...clock, steady: () => STORE_TIME });
    const leadership = new Leadership({ store, owner: this.name, clock, log });
    const kafka = new KafkaAccess(this.machine, trouble, slowness);
    const publisher = new JobEventPublisher({
      metrics: new Metrics({ version: 'test', role: 'all' }),
      store: this.store,
      topic: 'batch.jobs',
      ensureTopic: async () => undefined,
      connect: () => events.connect(kafka, bug !== 'begin-without-a-record'),
      leader: leaderWith(bug, leadership),
      othersWrite: true,
      clock,
      log,
    });
    leadership.start();
    publisher.start();
    return publisher;
  }

  /** What reaches a process that stands still reaches it when it wakes up. */
  #notifier(shared: JobNotifier): JobNotifier {
    return {
      notify: (jobId) => shared.notify(jobId),
      onWake: (listener) => shared.onWake((jobId) => this.machine.deliver(() => listener(jobId))),
      close: async () => undefined,
    };
  }
}
