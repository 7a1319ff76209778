import { setTimeout as sleep } from 'node:timers/promises';
import { signal } from '../job-stage.js';
import type { SinkName, SinksStage } from './sinks-stage.js';

/** One way to break a load. Resolves with whether it took effect, when what it broke is whole again. */
export interface SinkFault {
  readonly name: string;
  /** Whose loads it can meet. */
  readonly sink: SinkName;
  run(stage: SinksStage, jobIds: readonly string[]): Promise<boolean>;
}

/** For a load to come as far as the fault. */
const MEET_MS = 1_500;
const DOWN_MS = 2_000;
const HELD_MS = 4_000;
/** Code 252 of ClickHouse. */
const TOO_MANY_PARTS = { kind: 'answer', code: 252, name: 'Too many parts (TOO_MANY_PARTS)', status: 503 } as const;

export const SINK_FAULTS: readonly SinkFault[] = [
  {
    name: 'ClickHouse sink killed',
    sink: 'clickhouse',
    run: (stage, jobIds) => killProcess(stage, jobIds, 'clickhouse'),
  },
  {
    name: 'PostgreSQL sink killed',
    sink: 'postgres',
    run: (stage, jobIds) => killProcess(stage, jobIds, 'postgres'),
  },
  {
    name: 'worker killed, loading into ClickHouse',
    sink: 'clickhouse',
    run: (stage, jobIds) => killWorker(stage, jobIds, 'clickhouse'),
  },
  {
    name: 'worker killed, loading into PostgreSQL',
    sink: 'postgres',
    run: (stage, jobIds) => killWorker(stage, jobIds, 'postgres'),
  },
  { name: 'ClickHouse killed', sink: 'clickhouse', run: killClickHouse },
  { name: 'PostgreSQL killed', sink: 'postgres', run: killPostgres },
  { name: 'broker killed, loading into ClickHouse', sink: 'clickhouse', run: killBroker },
  { name: 'broker killed, loading into PostgreSQL', sink: 'postgres', run: killBroker },
  { name: 'insert done, answer dropped', sink: 'clickhouse', run: (stage) => insertFault(stage, { kind: 'drop' }) },
  { name: 'insert cut in its middle', sink: 'clickhouse', run: (stage) => insertFault(stage, { kind: 'half' }) },
  { name: 'insert refused, too many parts', sink: 'clickhouse', run: (stage) => insertFault(stage, TOO_MANY_PARTS) },
  { name: 'insert late, its sender killed', sink: 'clickhouse', run: lateInsert },
  { name: 'COMMIT done, answer dropped', sink: 'postgres', run: dropCommit },
  { name: 'connections to PostgreSQL cut', sink: 'postgres', run: cutConnections },
];

async function killProcess(stage: SinksStage, jobIds: readonly string[], name: SinkName): Promise<boolean> {
  const pid = stage.loadingProcess(stage.pick(jobIds), name);
  return pid !== undefined && signal(pid);
}

async function killWorker(stage: SinksStage, jobIds: readonly string[], name: SinkName): Promise<boolean> {
  const worker = stage.loader(stage.pick(jobIds), name);
  if (worker === undefined) return false;
  await worker.kill();
  await stage.pause(DOWN_MS);
  await worker.start(0);
  return true;
}

async function killClickHouse(stage: SinksStage): Promise<boolean> {
  await stage.clickhouse.kill();
  await stage.pause(DOWN_MS);
  await stage.clickhouse.restart();
  return true;
}

async function killPostgres(stage: SinksStage): Promise<boolean> {
  await stage.postgres.kill();
  await stage.pause(DOWN_MS);
  await stage.postgres.restart();
  return true;
}

/** A job under way could lose its markers: what is tried here is the reading of jobs that have ended. */
async function killBroker(stage: SinksStage, jobIds: readonly string[]): Promise<boolean> {
  const jobs = await Promise.all(jobIds.map((jobId) => stage.client.job(jobId)));
  if (jobs.some(({ state }) => state === 'PENDING' || state === 'RUNNING')) return false;
  await stage.broker.broker.kill();
  await stage.pause(DOWN_MS);
  await stage.broker.broker.restart();
  return true;
}

async function insertFault(
  stage: SinksStage,
  fault: Parameters<SinksStage['clickhouse']['fault']>[0],
): Promise<boolean> {
  await stage.clickhouse.fault(fault);
  for (const deadline = Date.now() + MEET_MS; Date.now() < deadline; await sleep(20)) {
    if ((await stage.clickhouse.state()).faults === 0) return true;
  }
  await stage.clickhouse.heal();
  return false;
}

/** The database carries an insert out when the process that sent it is gone, and its successor has gone on. */
async function lateInsert(stage: SinksStage): Promise<boolean> {
  await stage.clickhouse.fault({ kind: 'hold' });
  let isHeld = false;
  for (const deadline = Date.now() + MEET_MS; !isHeld && Date.now() < deadline; await sleep(20)) {
    isHeld = (await stage.clickhouse.state()).held > 0;
  }
  if (isHeld) {
    for (const pid of stage.sinkProcesses('clickhouse')) signal(pid);
    await stage.pause(HELD_MS);
  }
  await stage.clickhouse.heal();
  await stage.clickhouse.release();
  return isHeld;
}

async function dropCommit(stage: SinksStage): Promise<boolean> {
  const { postgresProxy } = stage;
  const before = postgresProxy.commitsCut;
  postgresProxy.cutAfterCommit();
  for (const deadline = Date.now() + MEET_MS; Date.now() < deadline; await sleep(20)) {
    if (postgresProxy.commitsCut > before) return true;
  }
  postgresProxy.heal();
  return false;
}

async function cutConnections({ databases }: SinksStage): Promise<boolean> {
  const cut = await databases.postgres(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`,
  );
  return cut.length > 0;
}
