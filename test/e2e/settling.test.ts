import { setTimeout as sleep } from 'node:timers/promises';
import { Api } from '../kit/api.js';
import type { Verdict } from '../kit/kafka-proxy.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type ProxiedBroker, startProxiedBroker } from '../kit/proxied-broker.js';
import { runnerOf } from '../kit/runners.js';
import { type Service, startService } from '../kit/service.js';

const CONCURRENCY = 2;

const OF_A_JOB = /\.[a-z0-9]{8}$/;

let stage: ProxiedBroker;
let service: Service;
let api: Api;

beforeAll(async () => {
  stage = await startProxiedBroker();
  service = await startService({
    brokers: stage.proxy.address,
    env: { JOB_CONCURRENCY: `${CONCURRENCY}`, KAFKA_UNAVAILABLE_AFTER_MS: '1000', JOB_MAX_ATTEMPTS: '1' },
  });
  api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
});

afterAll(async () => {
  await service.stop();
  await stage.stop();
});

describe('jobs whose topics are offline while the broker is there', () => {
  const offline = new Set<string>();
  /** The runners that tried to fence one of these jobs since they failed. */
  const reconcilers = new Set<number>();
  let verdict: Verdict = 'cut';
  let gathers = true;

  beforeAll(() => {
    stage.proxy.interference = {
      request({ api: request, transactionalId, pid }) {
        if (gathers && transactionalId !== null && OF_A_JOB.test(transactionalId)) offline.add(transactionalId);
        if (transactionalId === null || !offline.has(transactionalId)) return 'pass';
        if (verdict === 'drop' && request === 'InitProducerId' && pid !== undefined) reconcilers.add(pid);
        return verdict;
      },
    };
  });

  it('are reconciled in a separate process, and a fresh job runs at once', async () => {
    const orders = makeOrders(500);
    const runners = new Set<number | undefined>();
    for (let i = 0; i < CONCURRENCY + 1; i++) {
      const { job_id } = await api.createJob('orders', orders.csv);
      runners.add(await runner(job_id));
      const isGathered = (): boolean => offline.has(`${service.topicPrefix}.${job_id}`);
      for (const deadline = Date.now() + 60_000; !isGathered() && Date.now() < deadline; ) await sleep(20);
    }
    const jobs = [...offline].map((id) => id.slice(-8));
    expect(jobs).toHaveLength(CONCURRENCY + 1);
    for (const jobId of jobs) expect((await api.ended(jobId)).error?.code).toBe('KAFKA_UNAVAILABLE');
    // From here on their requests are not answered, whoever sends them.
    gathers = false;
    verdict = 'drop';
    for (const deadline = Date.now() + 60_000; reconcilers.size === 0 && Date.now() < deadline; ) await sleep(20);

    for (let i = 0; i < CONCURRENCY + 1; i++) {
      const { job_id } = await api.createJob('orders', orders.csv);
      const fresh = await api.ended(job_id);
      expect(fresh).toMatchObject({ state: 'SUCCESS' });
      await expectDelivered(stage.broker.brokers, fresh, orders);
      runners.add(await runner(job_id));
    }
    for (const jobId of jobs) expect((await api.job(jobId)).end_offsets).toBeNull();
    expect(reconcilers.size).toBeGreaterThan(0);
    expect([...reconcilers].filter((pid) => runners.has(pid))).toEqual([]);
  });

  it('are reconciled once their topics are back', async () => {
    verdict = 'pass';
    for (const id of offline) {
      const job = await api.until(id.slice(-8), ({ end_offsets }) => end_offsets !== null, 150_000);
      expect(job).toMatchObject({ state: 'FAILED', end_offsets: { data: 0, dlq: 0 } });
    }
  });
});

async function runner(jobId: string): Promise<number> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(20)) {
    const pid = runnerOf(service, jobId);
    if (pid !== undefined) return pid;
  }
  throw new Error(`${jobId} had no runner`);
}
