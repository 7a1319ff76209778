import { type Admin, Kafka, logLevel } from 'kafkajs';
import type { Job } from '../../src/jobs/domain/job.js';
import {
  type Broker,
  destroyCluster,
  findCoordinator,
  GROUP_COORDINATOR,
  openCluster,
} from '../../src/kafka/kafkajs-internals.js';
import { Api } from '../kit/api.js';
import { kafkaAt } from '../kit/kafka-client.js';
import { namesOfJob } from '../kit/names.js';
import { expectDelivered, expectPrefix, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type Service, startService } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
/** Long enough to be stopped half-way. */
const LONG = makeOrders(200_000, 97);
const CONCURRENCY = 2;

const admin: Admin = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin();
beforeAll(() => admin.connect());
afterAll(() => admin.disconnect());

async function startWith(env: Record<string, string>): Promise<{ service: Service; api: Api }> {
  const service = await startService({ brokers, env });
  const api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
  return { service, api };
}

/** A job that is CANCELLED with some of its rows committed. */
async function cancelledHalfway(api: Api): Promise<Job> {
  const { job_id } = await api.createSlowJob('orders', LONG.csv);
  await api.until(job_id, ({ totals }) => totals.rows > 0);
  await api.cancel(job_id);
  return api.ended(job_id);
}

/** The group forgets what it has committed. Returns what gives it back. */
async function forgetCheckpoint(job: Job): Promise<() => Promise<void>> {
  const { group: groupId, data: topic } = namesOfJob(job);
  const [fetched] = await admin.fetchOffsets({ groupId, topics: [topic] });
  await admin.deleteGroups([groupId]);
  return async () => {
    const cluster = openCluster(kafkaAt(brokers));
    await cluster.connect();
    await cluster.refreshMetadata();
    const coordinator = (await findCoordinator(cluster, groupId, GROUP_COORDINATOR)) as Broker & OffsetCommitting;
    const member = { groupGenerationId: -1, memberId: '', retentionTime: '-1' };
    await coordinator.offsetCommit({ groupId, ...member, topics: [{ topic, partitions: fetched?.partitions ?? [] }] });
    destroyCluster(cluster, new Error('done'));
  };
}

interface OffsetCommitting {
  offsetCommit(request: object): Promise<unknown>;
}

describe('jobs whose checkpoint is stale', () => {
  let service: Service;
  let api: Api;
  beforeAll(async () => {
    ({ service, api } = await startWith({ JOB_CONCURRENCY: `${CONCURRENCY}` }));
  });
  afterAll(() => service.stop());

  it('let others through while they wait, and go on when it is seen', async () => {
    const jobs = await Promise.all(Array.from({ length: CONCURRENCY }, () => cancelledHalfway(api)));
    const giveBack = await Promise.all(jobs.map(forgetCheckpoint));
    for (const { job_id } of jobs) await api.resume(job_id);
    for (const { job_id } of jobs) await api.until(job_id, ({ state }) => state === 'RUNNING');

    const orders = makeOrders(500);
    const fresh = await api.ended((await api.createJob('orders', orders.csv)).job_id);
    await expectDelivered(brokers, fresh, orders);
    for (const { job_id } of jobs) expect((await api.job(job_id)).state).toBe('RUNNING');

    for (const give of giveBack) await give();
    for (const { job_id } of jobs) {
      const job = await api.ended(job_id, 120_000);
      expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', attempt: 2 });
      await expectDelivered(brokers, job, LONG);
    }
  });
});

describe('a checkpoint that stays away', () => {
  let service: Service;
  let api: Api;
  beforeAll(async () => {
    // What takes a minute by default takes six seconds, of which each runner waits for one.
    ({ service, api } = await startWith({ KAFKA_UNAVAILABLE_AFTER_MS: '6000', JOB_MAX_ATTEMPTS: '1' }));
  });
  afterAll(() => service.stop());

  it('is lost: the job fails with CHECKPOINT_LOST, after several runners, and no row is written twice', async () => {
    const cancelled = await cancelledHalfway(api);
    const { job_id } = cancelled;
    await forgetCheckpoint(cancelled);

    expect((await api.resume(job_id)).status).toBe(202);
    const job = await api.ended(job_id);
    expect(job).toMatchObject({ state: 'FAILED', error: { code: 'CHECKPOINT_LOST' } });
    expect(job.error?.hint).toMatch(/new job/);
    expect(service.log()).toMatch(/"stale_ms":[\d.]+,"msg":"a job waits for its checkpoint"/);
    await expectPrefix(brokers, { ...job, end_offsets: null }, LONG, cancelled.totals.ok, cancelled.totals.errors);
  });

  it('is lost with the topics of the job: also a cancel then comes to an end', async () => {
    const { job_id, topics } = await api.createSlowJob('orders', LONG.csv);
    await api.until(job_id, ({ totals }) => totals.rows > 0);
    await admin.deleteTopics({ topics: [topics.data, topics.dlq] });
    await api.cancel(job_id);
    const job = await api.ended(job_id);
    expect(job).toMatchObject({ state: 'FAILED', error: { code: 'CHECKPOINT_LOST' }, end_offsets: null });
    expect(job.error?.message).toMatch(/UNKNOWN_TOPIC_OR_PARTITION: .* does not exist/);
  });
});
