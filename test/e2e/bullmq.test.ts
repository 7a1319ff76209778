import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import type { Job } from '../../src/jobs/domain/job.js';
import { Api } from '../kit/api.js';
import { makeAuthority, makeCertificate } from '../kit/certificates.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { freePort } from '../kit/ports.js';
import { type PostgresServer, startPostgres } from '../kit/postgres.js';
import { readinessWhen } from '../kit/readiness.js';
import { hasRedis, type RedisServer, startRedis } from '../kit/redis.js';
import { runService } from '../kit/run-service.js';
import { type Service, startService } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
/** A worker that nobody wakes looks for jobs after this time at the earliest. */
const LOOK_EVERY_MS = 5_000;
/** A round of the copy, and what a loaded machine takes. */
const COPIED_MS = 90_000;

(hasRedis ? describe : describe.skip)('an API and workers with a Redis', () => {
  let postgres: PostgresServer;
  let redis: RedisServer;
  let folder: string;
  let env: Record<string, string>;
  let services: Service[];
  let api: Api;
  const orders = makeOrders(500, 7);

  const keys = (queue: string): string => `{${env['KAFKA_TOPIC_PREFIX']}}:${queue}`;

  async function runJob(): Promise<Job> {
    const { job_id } = await api.createJob('orders', orders.csv);
    const job = await api.ended(job_id);
    await expectDelivered(brokers, job, orders);
    return job;
  }

  /** Jobs one after the other, whose waiting was shorter in all than it would be if workers only looked by themselves. */
  async function expectQuick(): Promise<void> {
    const jobs = [await runJob(), await runJob(), await runJob(), await runJob()];
    const waited = jobs.map(({ timings }) => timings.waiting_ms);
    expect(waited.reduce((sum, ms) => sum + ms)).toBeLessThan(LOOK_EVERY_MS);
  }

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
    folder = await mkdtemp(join(tmpdir(), 'batch-bullmq-'));
    env = {
      DATABASE_URL: await postgres.createDatabase(),
      QUEUE_URL: redis.url,
      STORAGE_URL: `file:${join(folder, 'files')}`,
      KAFKA_TOPIC_PREFIX: `batch_bullmq_${process.pid}`,
      JOB_CONCURRENCY: '1',
    };
    const start = (role: string): Promise<Service> =>
      startService({ brokers, dataDir: join(folder, role), env: { ...env, ROLE: role, METRICS_PORT: '0' } });
    services = await Promise.all([start('api'), start('worker')]);
    api = new Api(services[0]?.url ?? '');
    await api.createModel('orders', ORDERS_SCHEMA);
  }, 300_000);
  afterAll(async () => {
    await Promise.all((services ?? []).map((each) => each.stop()));
    await Promise.all([postgres?.stop(), redis?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  it('begin jobs when Redis says so, and listen to nothing else', async () => {
    for (const { url } of services)
      await readinessWhen(url, ({ status, body }) => status === 200 && body.details['job_notifier'] === undefined);
    await expectQuick();
    const { job_id } = await runJob();
    const events = JSON.stringify(await redis.command('XRANGE', `${keys('batch-jobs')}:events`, '-', '+'));
    expect(events).toContain(`"added","jobId","j-${job_id}"`);
    const listening = await postgres.query("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
    expect(listening).toEqual([]);
  });

  it('go on without Redis, say so, and are quick again when it is back, without its data', async () => {
    await redis.kill();
    for (const { url } of services) {
      const { status, body } = await readinessWhen(url, (report) => report.body.details['job_notifier'] !== undefined);
      expect(status).toBe(200);
      expect(body.details['job_notifier']).toEqual({
        status: 'degraded',
        message: expect.stringContaining('jobs begin up to 10 s later'),
      });
    }
    await runJob();
    await redis.restart(false);
    for (const { url } of services)
      await readinessWhen(url, (report) => report.body.details['job_notifier'] === undefined);
    await expectQuick();
  });

  it('show a failed job in batch-dead until it is resumed', async () => {
    const { job_id } = await runJob();
    const entry = `${keys('batch-dead')}:j-${job_id}`;
    // Nothing that can be resumed fails so soon.
    await postgres.query(
      `UPDATE jobs SET state = 'FAILED', error_code = 'RUNNER_CRASHED', error_message = 'secret' WHERE job_id = '${job_id}'`,
      env['DATABASE_URL'],
    );
    let data: unknown = null;
    for (const end = Date.now() + COPIED_MS; data === null; data = await redis.command('HGET', entry, 'data')) {
      expect(Date.now()).toBeLessThan(end);
      await sleep(200);
    }
    expect(JSON.parse(String(data))).toEqual({
      job_id,
      model_id: 'orders',
      error_code: 'RUNNER_CRASHED',
      finished_at: (await api.job(job_id)).finished_at,
    });
    expect((await api.resume(job_id)).status).toBe(202);
    await api.ended(job_id);
    for (const end = Date.now() + COPIED_MS; (await redis.command('EXISTS', entry)) === 1; await sleep(200))
      expect(Date.now()).toBeLessThan(end);
  });

  it('speak TLS with a Redis whose certificate they trust', async () => {
    const authority = await makeAuthority(folder, 'authority');
    const { cert, key } = await makeCertificate(folder, 'redis', authority);
    const front = createTlsServer({ cert: await readFile(cert), key: await readFile(key) }, (socket) => {
      const server = connect(redis.port, '127.0.0.1');
      for (const end of [socket, server]) end.on('error', () => undefined);
      socket.pipe(server).pipe(socket);
    });
    const port = await freePort();
    front.listen(port, '127.0.0.1');
    await once(front, 'listening');
    const QUEUE_URL = `rediss://127.0.0.1:${port}`;
    const startWorker = (more: Record<string, string>): Promise<Service> =>
      startService({
        brokers,
        dataDir: join(folder, 'tls'),
        env: { ...env, ROLE: 'worker', METRICS_PORT: '0', QUEUE_URL, ...more },
      });
    const [trusting, doubting] = await Promise.all([
      startWorker({ NODE_EXTRA_CA_CERTS: authority.cert }),
      startWorker({}),
    ]);
    const { body } = await readinessWhen(doubting.url, (report) => report.body.details['job_notifier'] !== undefined);
    expect(body.details['job_notifier']).toEqual({
      status: 'degraded',
      message: expect.stringMatching(/certificate/),
    });
    const waiting = async (): Promise<number> =>
      String(await redis.command('CLIENT', 'LIST')).split('cmd=bzpopmin').length - 1;
    for (const end = Date.now() + 60_000; (await waiting()) < services.length + 1; await sleep(100))
      expect(Date.now()).toBeLessThan(end);
    await readinessWhen(trusting.url, (report) => report.body.details['job_notifier'] === undefined);
    await Promise.all([trusting.stop(), doubting.stop()]);
    front.close();
  });

  it('do not start on SQLite', async () => {
    const { status, stderr } = await runService({ KAFKA_BROKERS: brokers, QUEUE_URL: redis.url });
    expect([status, stderr]).toEqual([1, expect.stringMatching(/QUEUE_URL .* DATABASE_URL=postgres/)]);
  });
});
