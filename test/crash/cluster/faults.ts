import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../job-stage.js';
import type { ClusterStage } from './cluster-stage.js';
import type { ClusterProcess } from './processes.js';
import { lie } from './wakes.js';

/** One way to break the cluster. Resolves when what it broke is whole again. */
interface Fault {
  readonly name: string;
  /** Whether it can be done here. */
  readonly needs?: (stage: ClusterStage) => boolean;
  run(stage: ClusterStage): Promise<void>;
}

const hasRedis = ({ redis }: ClusterStage): boolean => redis !== null;
const hasS3 = ({ s3 }: ClusterStage): boolean => s3 !== null;
/** Somebody has to be left to go on. */
const LEFT_MS = 300_000;
const LOOK_MS = 250;
/** A lease (30 s), the round that ends it (5 s), and an outage of the database or two, with the 10 s after each. */
const TAKEN_OVER_MS = 90_000;

export const FAULTS: readonly Fault[] = [
  { name: 'worker killed', run: killWorker },
  { name: 'worker frozen', run: (stage) => freeze(stage, 'worker', 60_000) },
  { name: 'worker stopped', run: stopWorker },
  { name: 'API killed', run: killApi },
  { name: 'API frozen', run: (stage) => freeze(stage, 'api', 30_000) },
  { name: 'PostgreSQL restarted', run: restartPostgres },
  { name: 'connections to PostgreSQL cut', run: cutConnections },
  { name: 'clock set', run: setClock },
  { name: 'Redis flushed', needs: hasRedis, run: flushRedis },
  { name: 'Redis restarted', needs: hasRedis, run: (stage) => restartRedis(stage, true) },
  { name: 'Redis restarted empty', needs: hasRedis, run: (stage) => restartRedis(stage, false) },
  { name: 'wakes lost, doubled, late', needs: hasRedis, run: lie },
  { name: 'S3 answers 500', needs: hasS3, run: refuse },
  { name: 'S3 answers cut off', needs: hasS3, run: (stage) => mangle(stage, (bytes) => ({ cutAfter: bytes })) },
  { name: 'S3 answers hang', needs: hasS3, run: (stage) => mangle(stage, (bytes) => ({ hangAfter: bytes })) },
];

async function killWorker(stage: ClusterStage): Promise<void> {
  const worker = await spare(stage, 'worker');
  const watched = watchLeases(stage, worker);
  await worker.kill();
  await Promise.all([watched, restart(stage, worker)]);
}

/** As a rolling deploy does. */
async function stopWorker(stage: ClusterStage): Promise<void> {
  const worker = await spare(stage, 'worker');
  await worker.kill('SIGTERM');
  await restart(stage, worker);
}

async function killApi(stage: ClusterStage): Promise<void> {
  const api = await spare(stage, 'api');
  await api.kill();
  await restart(stage, api);
}

async function restart(stage: ClusterStage, process: ClusterProcess): Promise<void> {
  await stage.pause(8_000);
  await process.start(stage.clockOffset());
}

async function freeze(stage: ClusterStage, role: ClusterProcess['role'], limitMs: number): Promise<void> {
  const process = await spare(stage, role);
  await process.freeze(stage.random(2) === 0, 500 + stage.random(limitMs));
}

async function restartPostgres(stage: ClusterStage): Promise<void> {
  await stage.inTurn('PostgreSQL', async () => {
    await stage.postgres.kill(stage.random(2) === 0 ? 'SIGKILL' : 'SIGINT');
    await stage.pause(10_000);
    await stage.postgres.restart();
  });
}

async function cutConnections({ postgres }: ClusterStage): Promise<void> {
  await postgres
    .query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()')
    .catch(() => undefined); // it is away just now, and so are its connections
}

async function setClock(stage: ClusterStage): Promise<void> {
  stage.pick(stage.processes.filter(({ isUp }) => isUp)).setClock(stage.clockOffset());
}

/** As soon as it answers: another fault may have it just now. */
async function flushRedis({ redis }: ClusterStage): Promise<void> {
  await until('an answer of Redis', LEFT_MS, async () => {
    await sleep(LOOK_MS);
    return redis?.command('FLUSHALL').then(
      () => true,
      () => undefined,
    );
  });
}

async function restartRedis(stage: ClusterStage, keepsData: boolean): Promise<void> {
  await stage.inTurn('Redis', async () => {
    await stage.redis?.kill();
    await stage.pause(10_000);
    await stage.redis?.restart(keepsData);
  });
}

async function refuse({ s3, random }: ClusterStage): Promise<void> {
  if (s3 === null) return;
  s3.onRequest = () => (random(3) > 0 ? { status: 500 } : 'pass');
  await sleep(1_000 + random(8_000));
  s3.onRequest = () => 'pass';
}

async function mangle(
  { s3, random }: ClusterStage,
  verdict: (bytes: number) => { cutAfter: number } | { hangAfter: number },
): Promise<void> {
  if (s3 === null) return;
  s3.onBody = (method) => (method === 'GET' && random(3) > 0 ? verdict(random(4_000_000)) : 'pass');
  await sleep(1_000 + random(8_000));
  s3.onBody = () => 'pass';
}

/** A process that is up, while another one of its role is. */
async function spare(stage: ClusterStage, role: ClusterProcess['role']): Promise<ClusterProcess> {
  const up = await until(`two processes of role ${role}`, LEFT_MS, () => {
    const found = stage.processes.filter((each) => each.role === role && each.isUp);
    return found.length > 1 ? found : undefined;
  });
  return stage.pick(up);
}

/** The leases that the worker has now must end in time. */
async function watchLeases(stage: ClusterStage, worker: ClusterProcess): Promise<void> {
  const { service } = worker;
  const rows = await stage.query<{ job_id: string; lease: string }>(
    'SELECT job_id, lease FROM jobs WHERE lease_owner IS NOT NULL',
  );
  const log = service.log().split('\n');
  const isHere = ({ job_id, lease }: { job_id: string; lease: string }): boolean =>
    log.some((line) => line.includes('Started processing file') && line.includes(`"${job_id}","lease":${lease},`));
  const started = Date.now();
  for (const { job_id, lease } of rows.filter(isHere)) {
    await until(`the end of the lease of job ${job_id}, whose worker was killed`, LEFT_MS, async () => {
      const held = await stage.query(
        `SELECT 1 FROM jobs WHERE job_id = '${job_id}' AND lease = ${lease} AND lease_owner IS NOT NULL`,
      );
      await sleep(LOOK_MS);
      return held.length === 0 || undefined;
    });
    const ms = Date.now() - started;
    stage.lapses.push(ms);
    if (ms > TAKEN_OVER_MS) stage.tally.fail(`job ${job_id}: its lease lasted ${ms} ms after its worker was killed`);
  }
}
