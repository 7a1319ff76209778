import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Api } from '../kit/api.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type PostgresServer, startPostgres } from '../kit/postgres.js';
import { readinessWhen } from '../kit/readiness.js';
import { runService } from '../kit/run-service.js';
import { runnerOf } from '../kit/runners.js';
import { type Service, startService } from '../kit/service.js';
import { readTopic } from '../kit/topic.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
/** A lease, the rounds in which its end is noticed, and what a loaded machine takes. */
const TAKEN_OVER_MS = 120_000;

describe('two APIs and separate workers', () => {
  let postgres: PostgresServer;
  let folder: string;
  let env: Record<string, string>;
  const services: Service[] = [];
  const workers: Service[] = [];
  const [api, otherApi] = [new Api(''), new Api('')];

  async function startWorker(): Promise<Service> {
    const dataDir = join(folder, 'never made');
    const worker = await startService({ brokers, dataDir, env: { ...env, ROLE: 'worker', METRICS_PORT: '0' } });
    workers.push(worker);
    return worker;
  }

  async function startApi(client: Api): Promise<Service> {
    const service = await startService({ brokers, env: { ...env, ROLE: 'api' } });
    services.push(service);
    client.url = service.url;
    return service;
  }

  /** The worker that has the job. */
  const workerOf = (jobId: string): Service => {
    const worker = workers.find((each) => runnerOf(each, jobId) !== undefined);
    if (worker === undefined) throw new Error(`No worker has job ${jobId}`);
    return worker;
  };

  /** Ends a worker, for good. */
  async function end(worker: Service, signal: NodeJS.Signals): Promise<void> {
    workers.splice(workers.indexOf(worker), 1);
    await worker.kill(signal);
  }

  beforeAll(async () => {
    postgres = await startPostgres();
    folder = await mkdtemp(join(tmpdir(), 'batch-workers-'));
    env = {
      DATABASE_URL: await postgres.createDatabase(),
      STORAGE_URL: `file:${join(folder, 'files')}`,
      KAFKA_TOPIC_PREFIX: `batch_workers_${process.pid}`,
      JOB_CONCURRENCY: '1',
    };
    // All at once, on a database that has no tables yet.
    await Promise.all([startApi(api), startApi(otherApi), startWorker(), startWorker()]);
    await api.createModel('orders', ORDERS_SCHEMA);
  }, 300_000);
  afterAll(async () => {
    await Promise.all([...workers, ...services].map((each) => each.stop()));
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('deliver every row, and tell of every job in the order of its revisions', async () => {
    const orders = makeOrders(20_000, 7);
    const ids = [];
    for (let i = 0; i < 6; i++) ids.push((await (i % 2 ? api : otherApi).createJob('orders', orders.csv)).job_id);
    for (const jobId of ids) {
      const job = await api.ended(jobId);
      expect(job.state).toBe('PARTIAL_SUCCESS');
      await expectDelivered(brokers, job, orders);
    }
    for (const service of services) expect(service.log()).not.toContain('Started processing file');
    for (const jobId of ids) {
      const final = await api.job(jobId);
      const revisions = await publishedRevisions(jobId, final.revision);
      expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    }
  });

  it('serve nothing of the API on a worker, but say how it is', async () => {
    const [worker] = workers as [Service];
    for (const path of ['/jobs', '/models', '/docs', '/openapi.yaml'])
      expect([path, (await fetch(`${worker.url}${path}`)).status]).toEqual([path, 404]);
    expect((await fetch(`${worker.url}/healthz`)).status).toBe(200);
    const { body } = await readinessWhen(worker.url, ({ status }) => status === 200);
    expect(Object.keys(body.details)).toEqual(expect.arrayContaining(['kafka', 'store', 'storage']));
  });

  it('go on with the job of a worker that was killed, from its last commit', async () => {
    const orders = makeOrders(300_000, 1_000);
    const { job_id } = await api.createSlowJob('orders', orders.csv);
    await api.until(job_id, ({ totals }) => totals.rows > 0);
    await end(workerOf(job_id), 'SIGKILL');
    const job = await api.ended(job_id, TAKEN_OVER_MS);
    expect(job.state).toBe('PARTIAL_SUCCESS');
    await expectDelivered(brokers, job, orders);
    await startWorker();
  });

  it('go on at once with the job of a worker that is stopped', async () => {
    const orders = makeOrders(300_000, 1_000);
    const { job_id } = await api.createSlowJob('orders', orders.csv);
    await api.until(job_id, ({ totals }) => totals.rows > 0);
    const worker = workerOf(job_id);
    await end(worker, 'SIGTERM');
    expect(worker.log()).toContain('"stopped"');
    const job = await api.ended(job_id, TAKEN_OVER_MS);
    await expectDelivered(brokers, job, orders);
    const lapsed = workers.flatMap((each) =>
      each
        .log()
        .split('\n')
        .filter((line) => line.includes('has lapsed')),
    );
    expect(lapsed.filter((line) => line.includes(job_id))).toEqual([]); // it was given back
    await startWorker();
  });

  it('end a job that is cancelled, and go on with it when it is resumed', async () => {
    const orders = makeOrders(300_000);
    const { job_id } = await api.createSlowJob('orders', orders.csv);
    await api.until(job_id, ({ totals }) => totals.rows > 0);
    const cancelled = await otherApi.cancel(job_id);
    expect([cancelled.status, await cancelled.json()]).toEqual([202, expect.objectContaining({ state: 'CANCELLED' })]);
    expect((await api.resume(job_id)).status).toBe(202);
    const job = await api.ended(job_id);
    expect(job).toMatchObject({ state: 'SUCCESS', attempt: 2 });
    await expectDelivered(brokers, job, orders);
  });

  it('publish what becomes of jobs when the process that did so is killed', async () => {
    const leader = services.find((each) => each.log().includes('this process leads')) as Service;
    const [survivor] = services.filter((each) => each !== leader) as [Service];
    const orders = makeOrders(1_000);
    const { job_id } = await new Api(leader.url).createJob('orders', orders.csv);
    await leader.kill();
    services.splice(services.indexOf(leader), 1);
    const client = new Api(survivor.url);
    const job = await client.ended(job_id);
    const revisions = await publishedRevisions(job_id, job.revision);
    expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    expect(survivor.log()).toContain('this process leads');
    await startApi(leader.url === api.url ? api : otherApi);
  });

  it.each([
    [{ DATABASE_URL: '' }, /ROLE=worker needs DATABASE_URL=postgres/],
    [{ STORAGE_URL: '' }, /ROLE=worker needs STORAGE_URL/],
    [{ ROLE: 'runner' }, /ROLE must be one of all, api, worker, not "runner"/],
  ])('do not start with %p', async (without, message) => {
    const { status, stderr } = await runService({ ...env, KAFKA_BROKERS: brokers, ROLE: 'worker', ...without });
    expect([status, stderr]).toEqual([1, expect.stringMatching(message)]);
  });

  /** The revisions of a job in the topic of the jobs, once it holds the given one or a later one. */
  async function publishedRevisions(jobId: string, last: number): Promise<number[]> {
    for (const deadline = Date.now() + 60_000; ; ) {
      const records = await readTopic(brokers, `${env['KAFKA_TOPIC_PREFIX']}.jobs`);
      const revisions = records
        .filter(({ key }) => String(key) === jobId)
        .map(({ value }) => (JSON.parse(String(value)) as { revision: number }).revision);
      if ((revisions.at(-1) ?? 0) >= last) return revisions;
      expect(Date.now()).toBeLessThan(deadline);
      await sleep(100);
    }
  }
});
