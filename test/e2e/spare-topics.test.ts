import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { jobNames } from '../../src/kafka/names.js';
import { Api } from '../kit/api.js';
import { makesJobTopics } from '../kit/kafka-frames.js';
import { type ProxiedBroker, startProxiedBroker } from '../kit/proxied-broker.js';
import { ONE_PROCESS, type Service, startService } from '../kit/service.js';

/** A broker that has to refuse another factor first would be asked twice. */
const ENV = { ...ONE_PROCESS, KAFKA_REPLICATION_FACTOR: '1', LOG_LEVEL: 'debug' };
const CSV = Buffer.from('id\n1\n2\n');

let kafka: ProxiedBroker;
let client: Kafka;
let admin: Admin;
let service: Service;
let api: Api;

beforeAll(async () => {
  kafka = await startProxiedBroker();
  client = new Kafka({ brokers: [kafka.broker.brokers], logLevel: logLevel.NOTHING });
  admin = client.admin();
  await admin.connect();
  service = await startService({ brokers: kafka.proxy.address, env: ENV });
  api = new Api(service.url);
  await api.createModel('rows', { id: 'Int32' });
});

afterAll(async () => {
  kafka.proxy.interference = {};
  await admin.disconnect();
  await service.stop();
  await rm(service.dataDir, { recursive: true, force: true });
  await kafka.stop();
});

async function restart(): Promise<void> {
  service = await startService({ brokers: kafka.proxy.address, env: ENV, dataDir: service.dataDir });
  api.url = service.url;
}

function topicOf(jobId: string | undefined, kind: 'data' | 'dlq' = 'data'): string {
  return jobNames({ topicPrefix: service.topicPrefix, jobId: `${jobId}` })[kind];
}

/** Ids whose topics this start has made ahead, used or not; once there are `count`. */
async function made(count: number): Promise<string[]> {
  for (const deadline = Date.now() + 60_000; ; await sleep(20)) {
    const lines = service.log().split('\n').slice(0, -1);
    const ids = lines
      .filter((line) => line.includes('"created topics ahead"'))
      .map((line) => (JSON.parse(line) as { job_id: string }).job_id);
    if (ids.length >= count) return ids;
    if (Date.now() > deadline) throw new Error(`gave up on ${ids}`);
  }
}

async function untilGone(topic: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; (await admin.listTopics()).includes(topic); await sleep(50)) {
    if (Date.now() > deadline) throw new Error(`${topic} is still there`);
  }
}

/** The DLQ of topics that are neither a job's nor those made for `next`, once the broker lists it. */
async function unknownDlq(next: string | undefined): Promise<string> {
  const jobs = (await (await fetch(`${service.url}/jobs`)).json()) as { job_id: string }[];
  const known = new Set([next, ...jobs.map(({ job_id }) => job_id)].map((id) => topicOf(id, 'dlq')));
  for (const deadline = Date.now() + 60_000; ; await sleep(50)) {
    const found = (await admin.listTopics()).filter((topic) => topic.endsWith('_dlq') && !known.has(topic));
    if (found.length === 1) return found[0] as string;
    if (Date.now() > deadline) throw new Error(`gave up on ${found}`);
  }
}

/** Sends a file and waits for the job's end. */
async function run(): Promise<string> {
  const { job_id } = await api.createJob('rows', CSV);
  expect(await api.ended(job_id)).toMatchObject({ state: 'SUCCESS', totals: { rows: 2 } });
  return job_id;
}

describe('topics that are made ahead', () => {
  it('are those of the next jobs, and no jobs until then', async () => {
    await run();
    const [first, second] = await made(2);
    expect((await fetch(`${service.url}/jobs/${second}`)).status).toBe(404);
    expect([await run(), await run()]).toEqual([first, second]);
  });

  it('are not used if somebody has deleted them, or has written to them', async () => {
    const [deleted, written] = (await made(4)).slice(2);
    await admin.deleteTopics({ topics: [topicOf(deleted)] });
    const producer = client.producer();
    await producer.connect();
    await producer.send({ topic: topicOf(written), messages: [{ value: 'foreign' }] });
    await producer.disconnect();
    expect([deleted, written]).not.toContain(await run());
    await made(5);
    expect([deleted, written]).not.toContain(await run());
    // What is left of them goes, but for what somebody else has written.
    await untilGone(topicOf(deleted, 'dlq'));
    await untilGone(topicOf(written, 'dlq'));
    expect(await admin.listTopics()).toContain(topicOf(written));
  });

  it('hold up neither uploads nor the stop, and the next start removes what this one leaves', async () => {
    const [ahead, other] = (await made(6)).slice(4);
    const asked = Promise.withResolvers<void>();
    kafka.proxy.interference = {
      reply: (exchange) => {
        if (!makesJobTopics(exchange)) return 'pass';
        asked.resolve();
        return 'drop';
      },
    };
    expect(await run()).toBe(ahead);
    await asked.promise;
    const half = await unknownDlq(other);
    expect(await run()).toBe(other);
    await service.kill('SIGTERM');
    expect(service.log()).toContain('"stopped"');
    kafka.proxy.interference = {};
    await restart();
    await run();
    await untilGone(half);
    await made(2);
  });
});
