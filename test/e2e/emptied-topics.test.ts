import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { pino } from 'pino';
import { openDatabase } from '../../src/database/index.js';
import { JobWriter } from '../../src/jobs/coordination/job-writer.js';
import { TopicExpiry } from '../../src/jobs/coordination/topic-expiry.js';
import { systemClock } from '../../src/jobs/domain/clock.js';
import type { Job } from '../../src/jobs/domain/job.js';
import { ExpiryStore } from '../../src/jobs/store/expiry-store.js';
import { JobStore } from '../../src/jobs/store/job-store.js';
import { TopicAdmin } from '../../src/kafka/index.js';
import { Api } from '../kit/api.js';
import { kafkaAt } from '../kit/kafka-client.js';
import { SERVICE_TOPICS } from '../kit/names.js';
import { ONE_PROCESS, type Service, startService } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const EIGHT_DAYS_MS = 8 * 86_400_000;
/** Two of its three rows are accepted. */
const CSV = Buffer.from('id\n1\nx\n2\n');

let dataDir: string;
let service: Service;
let api: Api;
let admin: Admin;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'batch-data-'));
  admin = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await start();
  await api.createModel('rows', { id: 'Int32' });
});

afterAll(async () => {
  await admin.disconnect();
  await service.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function start(): Promise<void> {
  // Two topics: there is room for one job.
  service = await startService({
    brokers,
    dataDir,
    env: { ...ONE_PROCESS, SPOOL_KEEP_HOURS: '0', MAX_JOB_TOPICS: '2' },
  });
  api = new Api(service.url);
}

/** What the service does eight days after now, while it is stopped. */
async function removeEmptied(): Promise<void> {
  await service.kill('SIGTERM');
  const db = await openDatabase(dataDir);
  const kafka = kafkaAt(brokers);
  const topics = new TopicAdmin(kafka, SERVICE_TOPICS, 1);
  const store = new JobStore(db, systemClock);
  const writer = new JobWriter(store, { publish: () => undefined }, systemClock);
  const log = pino({ level: 'silent' });
  await new TopicExpiry({ rows: new ExpiryStore(db), store, writer, topics, log }).round(Date.now() + EIGHT_DAYS_MS);
  await topics.close();
  await db.destroy();
  await start();
}

/** What retention does to the records of a topic. */
async function empty(topic: string): Promise<void> {
  // A fresh one: one that has not asked for the topic before does not find its leader.
  const fresh = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin();
  await fresh.connect();
  await fresh.fetchTopicOffsets(topic);
  await fresh.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '-1' }] });
  await fresh.disconnect();
}

async function topicsOf({ topics }: Job): Promise<string[]> {
  const there: string[] = [];
  for (const topic of [topics.data, topics.dlq]) if (await isThere(topic)) there.push(topic);
  return there;
}

async function isThere(topic: string): Promise<boolean> {
  try {
    await admin.fetchTopicMetadata({ topics: [topic] });
    return true;
  } catch (error) {
    if ((error as { type?: string }).type === 'UNKNOWN_TOPIC_OR_PARTITION') return false;
    throw error;
  }
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await what()); await sleep(100)) {
    if (Date.now() > deadline) throw new Error(`never: ${what.toString()}\n${service.log().slice(-3000)}`);
  }
}

describe('the topics of a job that ended a week ago', () => {
  it('go when both are empty, make room for others, and are no longer its own', async () => {
    const job = await api.ended((await api.createJob('rows', CSV)).job_id);
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', totals: { ok: 2, errors: 1 } });
    const { data, dlq } = job.topics;
    await until(async () => (await readdir(join(dataDir, 'spool'))).every((name) => name !== job.job_id));
    expect((await api.upload('rows', CSV)).status).toBe(503);

    await empty(data);
    await removeEmptied();
    expect(await topicsOf(job)).toEqual([data, dlq]);

    await empty(dlq);
    await removeEmptied();
    await until(async () => (await topicsOf(job)).length === 0);
    const rejected = await fetch(`${api.url}/jobs/${job.job_id}/rejected`);
    expect([rejected.status, ((await rejected.json()) as { error: string }).error]).toEqual([410, 'REJECTED_EXPIRED']);
    expect(await api.job(job.job_id)).toEqual(job);

    const next = await api.ended((await api.createJob('rows', CSV)).job_id);
    await admin.createTopics({ topics: [{ topic: data, numPartitions: 1 }] });
    const purged = await fetch(`${api.url}/jobs/${job.job_id}?purge=true`, { method: 'DELETE' });
    expect(purged.status).toBe(202);
    await until(() => service.log().includes('job purged'));
    expect([await topicsOf(job), await topicsOf(next)]).toEqual([[data], [next.topics.data, next.topics.dlq]]);
  });
});
