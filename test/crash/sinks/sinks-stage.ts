import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../../../src/jobs/domain/job.js';
import { type ClickHouseServer, startClickHouse } from '../../kit/clickhouse.js';
import { type PostgresServer, startPostgres } from '../../kit/postgres.js';
import { type PostgresProxy, startPostgresProxy } from '../../kit/postgres-proxy.js';
import { type ProxiedBroker, startProxiedBroker } from '../../kit/proxied-broker.js';
import { sinkProcessOf } from '../../kit/runners.js';
import { ClusterClient } from '../cluster/cluster-client.js';
import { ClusterProcess } from '../cluster/processes.js';
import { JobStage, MODEL, until } from '../job-stage.js';
import { type RowFile, SCHEMA } from '../rows.js';
import { type Databases, differences } from './loaded-rows.js';

export const SINKS = ['clickhouse', 'postgres'] as const;
export type SinkName = (typeof SINKS)[number];

const WORKERS = 2;
const LOADED_MS = 600_000;
const LOOK_MS = 100;

/** An API and two workers, ClickHouse, PostgreSQL behind a proxy, and one broker. The service has another PostgreSQL. */
export class SinksStage extends JobStage {
  readonly processes: ClusterProcess[] = [];
  readonly client = new ClusterClient(() => this.processes.filter(({ role }) => role === 'api'), this);
  #entries = 0;
  #databases: Databases | null = null;

  private constructor(
    seed: number,
    readonly broker: ProxiedBroker,
    readonly clickhouse: ClickHouseServer,
    readonly postgres: PostgresServer,
    readonly postgresProxy: PostgresProxy,
    private readonly own: PostgresServer,
  ) {
    super(seed, { direct: broker.broker.brokers, proxies: [broker.proxy] });
  }

  static async open(seed: number): Promise<SinksStage> {
    const [broker, clickhouse, postgres, own] = await Promise.all([
      startProxiedBroker(),
      startClickHouse(),
      startPostgres(),
      startPostgres(),
    ]);
    return new SinksStage(seed, broker, clickhouse, postgres, await startPostgresProxy(postgres.port), own);
  }

  override async close(): Promise<void> {
    await super.close();
    await this.postgresProxy.close();
    await Promise.all([this.broker.stop(), this.clickhouse.stop(), this.postgres.stop(), this.own.stop()]);
  }

  get workers(): ClusterProcess[] {
    return this.processes.filter(({ role }) => role === 'worker');
  }

  get databases(): Databases {
    if (this.#databases === null) throw new Error('enter the stage first');
    return this.#databases;
  }

  /** New processes, and empty databases. */
  override async enter(): Promise<void> {
    await this.leave();
    const folder = join(this.folder, `sinks-${++this.#entries}`);
    const [clickhouseUrl, postgresUrl, ownUrl] = await Promise.all([
      this.clickhouse.createDatabase(),
      this.postgres.createDatabase(),
      this.own.createDatabase(),
    ]);
    this.#databases = {
      clickhouse: (sql) => this.clickhouse.query(sql, clickhouseUrl),
      postgres: (sql) => this.postgres.query(sql, postgresUrl),
    };
    const proxied = new URL(postgresUrl);
    proxied.port = String(this.postgresProxy.port);
    const env = {
      DATABASE_URL: ownUrl,
      STORAGE_URL: `file:${join(folder, 'files')}`,
      KAFKA_TOPIC_PREFIX: `batch_sinks_${process.pid}_${this.#entries}`,
      CLICKHOUSE_URL: clickhouseUrl,
      POSTGRES_SINK_URL: proxied.href,
    };
    const options = { brokers: this.broker.proxy.address, folder, env };
    this.processes.push(new ClusterProcess('api', 'api', options));
    for (let i = 1; i <= WORKERS; i++) this.processes.push(new ClusterProcess(`worker-${i}`, 'worker', options));
    await Promise.all(this.processes.map((each) => each.start(0)));
    await this.client.createModel(MODEL, SCHEMA);
  }

  override async leave(): Promise<void> {
    await super.leave();
    await Promise.all(this.processes.splice(0).map((each) => each.stop()));
    await this.heal();
  }

  /** Nothing fails that has not failed yet, and inserts that were held are carried out. */
  async heal(): Promise<void> {
    this.postgresProxy.heal();
    await this.clickhouse.heal();
    await this.clickhouse.release();
  }

  override lastLog(): string {
    return this.processes.map(({ name, log }) => `--- ${name}\n${log.slice(-6_000)}`).join('\n');
  }

  /** A job of the fast reader, for both sinks. */
  async load(file: RowFile, options: Record<string, string> = {}): Promise<string> {
    return this.client.createJob(file, { sinks: SINKS.join(), ...options });
  }

  /** The worker that has a load at the moment, by the workers' logs; undefined: none has. */
  loader(jobId: string, name: SinkName): ClusterProcess | undefined {
    const taken = this.workers.flatMap((worker) => {
      const last = worker.isUp ? lastWord(worker.service.log(), jobId, name) : null;
      return last?.isTaken ? [{ worker, time: last.time }] : [];
    });
    return taken.toSorted((a, b) => b.time.localeCompare(a.time))[0]?.worker;
  }

  /** The process that loads a job into a sink at the moment. */
  loadingProcess(jobId: string, name: SinkName): number | undefined {
    const worker = this.loader(jobId, name);
    return worker && sinkProcessOf(worker.service, name);
  }

  /** All processes of a sink, busy or not. */
  sinkProcesses(name: SinkName): number[] {
    return this.workers
      .filter(({ isUp }) => isUp)
      .map(({ service }) => sinkProcessOf(service, name))
      .filter((pid) => pid !== undefined);
  }

  /** Waits until every sink of the job is in the state. */
  async reaches(jobId: string, state: string, names: readonly SinkName[] = SINKS): Promise<Job> {
    return until(`${state} of the sinks of job ${jobId}`, LOADED_MS, async () => {
      const job = await this.client.job(jobId);
      const sinks = job.sinks.filter(({ name }) => names.includes(name));
      const failed = sinks.find((sink) => sink.state === 'FAILED');
      if (failed !== undefined && state !== 'FAILED') {
        throw new Error(`job ${jobId}: ${failed.name} FAILED: ${failed.error?.code} ${failed.error?.message}`);
      }
      if (sinks.length === names.length && sinks.every((sink) => sink.state === state)) return job;
      await sleep(LOOK_MS);
      return undefined;
    });
  }

  /** Waits until all is loaded, and holds topics and databases against the file, row by row. */
  async loaded(jobId: string, file: RowFile): Promise<void> {
    const job = await this.reaches(jobId, 'LOADED');
    await this.holds(job, file, 'all');
    for (const { name, rows, rejected, lag } of job.sinks) {
      if (rows === file.accepted.length && rejected === 0 && lag === 0) continue;
      this.tally.fail(`job ${jobId} says of ${name}: ${rows} rows, ${rejected} rejected, lag ${lag}`);
    }
    for (const name of SINKS) {
      this.tally.compared(jobId, await differences(name, this.databases, this.broker.broker.brokers, job, file));
    }
  }

  /** Takes the rows of a job out of both sinks; nothing of it may be left. */
  async takeOut(jobId: string): Promise<void> {
    for (const name of SINKS) await this.client.removeSinkRows(jobId, name);
    await this.reaches(jobId, 'REMOVED');
  }

  /** Fails if a sink has anything of the job. */
  async holdsNothing(jobId: string): Promise<void> {
    const { clickhouse, postgres } = this.databases;
    const tables = [
      [clickhouse, 'data_rows', '_job'],
      [clickhouse, 'rejected_rows', 'job_id'],
      [clickhouse, 'sink_errors', 'job_id'],
      [postgres, 'ingested_rows', 'job_id'],
      [postgres, 'validation_errors', 'job_id'],
    ] as const;
    for (const [ask, table, column] of tables) {
      const [row] = await ask(`SELECT count(*) AS count FROM ${table} WHERE ${column} = '${jobId}'`);
      if (Number(row?.['count']) > 0) {
        this.tally.fail(`job ${jobId}: ${table} has ${row?.['count']} rows after they were taken out`);
      }
    }
  }
}

/** What a worker has logged last of a load: that it takes it, or has left it. */
function lastWord(log: string, jobId: string, name: SinkName): { isTaken: boolean; time: string } | null {
  const lines = log.split('\n').filter((line) => line.includes(jobId) && line.includes(`"sink":"${name}"`));
  const last = lines.findLast((line) => line.includes('a sink takes a job') || line.includes('a sink has left a job'));
  if (last === undefined) return null;
  return { isTaken: last.includes('a sink takes a job'), time: (JSON.parse(last) as { time: string }).time };
}
