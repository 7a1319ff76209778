import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Job } from '../../src/jobs/domain/job.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { freePort } from '../kit/ports.js';
import { readinessWhen } from '../kit/readiness.js';
import { hasRedis } from '../kit/redis.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const SERVICES = ['api-1', 'api-2', 'worker-1', 'worker-2', 'worker-3'];

describe('up.sh --cluster', () => {
  let stackDir: string;
  let runDir: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    stackDir = mkdtempSync(join(tmpdir(), 'batch-stack-'));
    runDir = join(stackDir, '.run');
    env = {
      STACK_DIR: stackDir,
      KAFKA_BROKERS: brokers,
      KAFKA_TOPIC_PREFIX: `cluster_${randomBytes(4).toString('hex')}`,
      PORT: String(await freePort()),
      JOB_CONCURRENCY: '1',
    };
  });
  afterAll(() => {
    script('down.sh', '--clean');
    rmSync(stackDir, { recursive: true, force: true });
  });

  function script(name: string, ...args: string[]): { status: number | null; said: string } {
    const { status, stdout, stderr } = spawnSync('bash', [join('scripts', name), ...args], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });
    return { status, said: stdout + stderr };
  }

  const written = (name: string): string =>
    new RegExp(`^export ${name}='?([^'\n]+)`, 'm').exec(readFileSync(join(runDir, 'env'), 'utf8'))?.[1] ?? '';
  const pidOf = (name: string): number => Number.parseInt(readFileSync(join(runDir, `${name}.pid`), 'utf8'), 10);
  /** What init has not taken away yet is not alive. */
  const isAlive = (pid: number): boolean => {
    try {
      return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    } catch {
      return false;
    }
  };
  /** A separate process, with new connections: of those of this process, the other ends may be gone. */
  function batch<T>(...args: string[]): T {
    const { stdout, stderr } = spawnSync(process.execPath, ['bin/batch', ...args, '--output', 'json'], {
      env: { ...process.env, BATCH_API_URL: written('BATCH_API_URL') },
      encoding: 'utf8',
    });
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout) as T;
  }

  it('starts APIs and workers that go on without one of them, and starts again what is missing', async () => {
    expect(script('up.sh', '--cluster')).toMatchObject({ status: 0 });
    const orders = makeOrders(1_000, 7);
    const [schema, file] = [join(stackDir, 'orders.json'), join(stackDir, 'orders.csv')];
    writeFileSync(schema, JSON.stringify(ORDERS_SCHEMA));
    writeFileSync(file, orders.csv);
    batch('model', 'create', 'orders', schema);
    const runJob = (): Promise<void> =>
      expectDelivered(brokers, batch<Job>('job', 'create', 'orders', file, '--wait'), orders);
    await runJob();
    const workers = written('BATCH_WORKER_URLS').split(' ');
    expect(workers).toHaveLength(3);
    for (const url of workers)
      await readinessWhen(url, ({ status, body }) => status === 200 && body.details['job_notifier'] === undefined);
    expect(readdirSync(runDir).includes('redis.port')).toBe(hasRedis);

    const before = SERVICES.map(pidOf);
    for (const name of ['api-1', 'worker-2']) process.kill(pidOf(name), 'SIGKILL');
    for (let i = 0; i < 4; i++) await runJob();
    expect(script('up.sh', '--cluster')).toMatchObject({ status: 0 });
    const after = SERVICES.map(pidOf);
    expect(SERVICES.filter((_, at) => before[at] !== after[at])).toEqual(['api-1', 'worker-2']);
    await runJob();
  });

  it('is stopped by down.sh, each process of it, and its data stay until they are removed', () => {
    const pids = readdirSync(runDir)
      .filter((name) => name.endsWith('.pid'))
      .map((name) => pidOf(name.slice(0, -'.pid'.length)));
    expect(pids.length).toBeGreaterThanOrEqual(SERVICES.length + 2);
    expect(pids.filter(isAlive)).toEqual(pids);
    const { status, said } = script('down.sh');
    expect([status, said]).toEqual([0, expect.stringMatching(/Cluster +stopped \(/)]);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(readdirSync(runDir).filter((name) => /^env$|\.(pid|port|identity)$/.test(name))).toEqual([]);
  });

  it('has its jobs again at the next start, and gives way to a service of one process', async () => {
    expect(script('up.sh', '--cluster')).toMatchObject({ status: 0 });
    expect(batch('job', 'list')).toHaveLength(6);
    const pids = SERVICES.map(pidOf);
    Object.assign(env, { KAFKA_TOPIC_PREFIX: `${env['KAFKA_TOPIC_PREFIX']}_one`, PORT: String(await freePort()) });
    expect(script('up.sh')).toMatchObject({ status: 0, said: expect.stringMatching(/Previous cluster +stopped \(/) });
    expect(pids.filter(isAlive)).toEqual([]);
    expect(batch('job', 'list')).toEqual([]);
  });
});
