import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pino } from 'pino';
import { BrokerWatch } from '../../../src/jobs/coordination/broker-watch.js';
import { JobCommands } from '../../../src/jobs/coordination/commands.js';
import { JobCoordinator } from '../../../src/jobs/coordination/coordinator.js';
import { JobMetrics } from '../../../src/jobs/coordination/job-metrics.js';
import { JobTraces } from '../../../src/jobs/coordination/job-traces.js';
import { JobWriter } from '../../../src/jobs/coordination/job-writer.js';
import { JobMaintenance } from '../../../src/jobs/coordination/maintenance.js';
import type { Job } from '../../../src/jobs/domain/job.js';
import { toJob } from '../../../src/jobs/domain/job-view.js';
import type { NewJob, StoredJob } from '../../../src/jobs/domain/stored-job.js';
import { MemoryNotifier } from '../../../src/jobs/queue/memory/memory-notifier.js';
import { FileRows } from '../../../src/jobs/store/file-rows.js';
import { JobStore } from '../../../src/jobs/store/job-store.js';
import { LeaseStore } from '../../../src/jobs/store/lease-store.js';
import { RemovalStore } from '../../../src/jobs/store/removal-store.js';
import type { Checkpoint } from '../../../src/kafka/checkpoint.js';
import type { CompiledSchema } from '../../../src/models/schema/index.js';
import { Metrics } from '../../../src/observability/metrics/index.js';
import { NO_TRACING } from '../../../src/observability/tracing/index.js';
import { LocalFileStore } from '../../../src/storage/local/local-file-store.js';
import { ManualClock } from './manual-clock.js';
import { ScriptedRunners } from './scripted-runners.js';
import { aJob, openStore, type StoreFixture } from './store-fixture.js';

/** The jobs side of a service over a real database and a real spool, with a clock and runners that the test moves. */
export class JobsHarness {
  readonly clock = new ManualClock();
  /** Everything that was published, in order. */
  readonly events: Job[] = [];
  readonly store: JobStore;
  readonly leases: LeaseStore;
  readonly spool: LocalFileStore;
  readonly #folder = mkdtempSync(join(tmpdir(), 'batch-spool-'));
  writer!: JobWriter;
  coordinator!: JobCoordinator;
  commands!: JobCommands;
  maintenance!: JobMaintenance;
  brokers!: BrokerWatch;
  notifier!: MemoryNotifier;
  runners!: ScriptedRunners;
  /** Thrown by the next look at a model, as if the store had failed. */
  storeFailure: Error | null = null;
  /** How often the removal of purged jobs was woken. */
  removalWakes = 0;
  kafkaIsAway = false;
  /** System errors in a row that end a job, from the next `start` on. */
  maxAttempts = 1;
  /** Why the brokers take no job. */
  kafkaFailure: Error | null = null;
  /** How often what nobody needs was looked for. */
  sweeps = 0;

  private constructor(readonly fixture: StoreFixture) {
    this.store = new JobStore(fixture.db, this.clock);
    this.leases = new LeaseStore(fixture.db, this.clock);
    this.spool = new LocalFileStore(this.#folder, 0);
    this.start();
  }

  static async open(): Promise<JobsHarness> {
    return new JobsHarness(await openStore());
  }

  /** A process begins; what an earlier one held in memory is gone. */
  start(): void {
    this.clock.dropTimers();
    const log = pino({ level: 'silent' });
    const { store, leases, spool: files, clock } = this;
    this.writer = new JobWriter(store, { publish: (record) => this.events.push(toJob(record, clock.steady())) }, clock);
    const models = { getVersion: (id: string, version: number) => this.#getVersion(id, version) };
    this.notifier = new MemoryNotifier();
    const { writer, notifier } = this;
    const maxStalledMs = 300_000;
    const owner = 'this process';
    this.coordinator = new JobCoordinator({
      metrics: new JobMetrics(new Metrics({ version: 'test', role: 'all' })),
      traces: new JobTraces(NO_TRACING),
      sinks: { wake: async () => 0 },
      store,
      leases,
      writer,
      models,
      files,
      notifier,
      owner,
      clock,
      log,
      maxStalledMs,
      maxAttempts: this.maxAttempts,
    });
    const { coordinator } = this;
    notifier.onWake((jobId) => coordinator.noticeCancels([jobId]));
    this.commands = new JobCommands({
      store,
      writer,
      notifier,
      files,
      removal: {
        wake: () => {
          this.removalWakes += 1;
        },
      },
      clock,
      requireKafka: async () => {
        if (this.kafkaFailure !== null) throw this.kafkaFailure;
      },
    });
    this.maintenance = new JobMaintenance({
      store,
      writer,
      removals: new RemovalStore(this.fixture.db),
      fileRows: new FileRows(this.fixture.db),
      files,
      ownFiles: files,
      sweep: async () => {
        this.sweeps += 1;
      },
      clock,
      log,
      leader: { epoch: 1 },
      isAlone: true,
      spoolKeepMs: 24 * 3_600_000,
    });
    this.brokers = new BrokerWatch({
      coordinator,
      checkKafka: async () => {
        if (this.kafkaIsAway) throw new Error('away');
      },
      clock,
      log,
    });
    this.runners = new ScriptedRunners(coordinator);
    coordinator.setRunners(this.runners);
  }

  async close(): Promise<void> {
    await this.coordinator.stop();
    await this.fixture.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A new job with its file, which waits for a runner. */
  async accept(job: Partial<NewJob> = {}): Promise<string> {
    const fresh = aJob(job);
    await writeFile(this.path(fresh.jobId), 'id\n');
    expect(await this.store.create(fresh, 'this process')).toEqual({ kind: 'created' });
    await this.writer.activate(fresh.jobId, 'this process');
    return fresh.jobId;
  }

  /** A new job that a runner has. */
  async acceptAndClaim(): Promise<string> {
    const jobId = await this.accept();
    expect((await this.runners.next())?.jobId).toBe(jobId);
    return jobId;
  }

  /** Reports a commit of this number of rows, as the job's runner. */
  commit(jobId: string, ok: number, errors = 0): Checkpoint {
    const checkpoint = aCheckpoint(ok, errors);
    this.coordinator.committed(jobId, this.runners.assignments.get(jobId)!.lease, checkpoint);
    return checkpoint;
  }

  /** Everything that was set going is done. */
  async quiet(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) {
      await this.writer.idle();
      await nextTurn();
    }
  }

  async record(jobId: string): Promise<StoredJob> {
    return (await this.store.get(jobId))!;
  }

  async job(jobId: string): Promise<Job> {
    return toJob(await this.record(jobId), this.clock.steady());
  }

  /** The states that were published of a job, without repetitions. */
  states(jobId: string): string[] {
    const states = this.events.filter((job) => job.job_id === jobId).map((job) => job.state);
    return states.filter((state, at) => state !== states[at - 1]);
  }

  /** Where a job's file is. */
  path(jobId: string): string {
    return join(this.#folder, jobId);
  }

  /** Ids of the jobs that may be claimed now, as they follow each other within a state. */
  async waiting(): Promise<string[]> {
    const rows = await this.fixture.db
      .selectFrom('jobs')
      .select('job_id')
      .where('phase', 'is', null)
      .where('lease_owner', 'is', null)
      .where('run_after', '<=', this.clock.steady())
      .orderBy('state', 'desc')
      .orderBy('run_after')
      .orderBy('seq')
      .execute();
    return rows.map((row) => row.job_id);
  }

  async files(): Promise<string[]> {
    return readdir(this.#folder);
  }

  async #getVersion(id: string, version: number): Promise<CompiledSchema | undefined> {
    const failure = this.storeFailure;
    this.storeFailure = null;
    if (failure !== null) throw failure;
    return this.fixture.models.getVersion(id, version);
  }
}

/** 10 bytes a row; a commit marker in each topic that has records. */
export function aCheckpoint(ok: number, errors = 0, eof = false): Checkpoint {
  const row = ok + errors;
  return {
    position: { row, line: row + 1, byte: eof ? 1000 : row * 10 },
    ok,
    errors,
    dataEnd: ok && ok + 1,
    dlqEnd: errors && errors + 1,
    eof,
    bytesDone: eof ? 1000 : row * 10,
    size: 1000,
  };
}
