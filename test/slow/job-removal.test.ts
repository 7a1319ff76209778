import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { committedRecords } from '../../scripts/lib/topic-reader.mjs';
import type { Job } from '../../src/jobs/domain/job.js';
// Not from the index: with what that loads, kafkajs no longer lists topics.
import { jobNames } from '../../src/kafka/names.js';
import { withTimeout } from '../../src/kafka/timeout.js';
import { Api } from '../kit/api.js';
import { makesJobTopics } from '../kit/kafka-frames.js';
import { type ProxiedBroker, startProxiedBroker } from '../kit/proxied-broker.js';
import { type Service, startService } from '../kit/service.js';

/** What the service logs when it has removed what was made for a job that was not created. */
const REMOVED = 'removed the topics and the file of a job that was not created';
/** A broker that has to refuse another factor first would have the moments below twice. */
const ENV = { KAFKA_REPLICATION_FACTOR: '1' };
/** Two pairs, once there was a job. */
const TOPICS_AHEAD = 4;
const CSV = Buffer.from('id\n1\nx\n2\n');

let kafka: ProxiedBroker;
let service: Service;
let api: Api;

beforeAll(async () => {
  kafka = await startProxiedBroker();
  service = await startService({ brokers: kafka.proxy.address, env: ENV });
  api = new Api(service.url);
  await api.createModel('rows', { id: 'Int32' });
});

/** Tests leave the service killed, and one that fails is not to fail those behind it. */
afterEach(async () => {
  kafka.proxy.interference = {};
  if (service.ending() !== null) await restart();
});

afterAll(async () => {
  await service.stop();
  await rm(service.dataDir, { recursive: true, force: true });
  await kafka.stop();
});

async function restart(): Promise<void> {
  service = await startService({ brokers: kafka.proxy.address, env: ENV, dataDir: service.dataDir });
  api.url = service.url;
}

/**
 * Kills the service when it has sent a request of this kind that names `name`, or has been sent the answer to it but did
 * not get it.
 */
async function killAt(api: string, name: string, moment: 'request' | 'reply'): Promise<void> {
  const killed = new Promise<void>((resolve, reject) => {
    kafka.proxy.interference = {
      [moment]: async (exchange: { api: string; frame: Buffer }) => {
        if (exchange.api !== api || !exchange.frame.includes(name)) return 'pass';
        // The topic of the jobs is made in the same way, and what would be refused is asked for.
        if (api === 'CreateTopics' && !makesJobTopics(exchange)) return 'pass';
        kafka.proxy.interference = {};
        await service.kill().then(resolve, reject);
        return moment === 'request' ? 'drop' : 'pass';
      },
    };
  });
  await withTimeout(30_000, `${api} of ${name}`, killed);
}

/** Those of jobs and those that are made ahead for jobs to come, sorted. */
async function topics(): Promise<string[]> {
  const admin = new Kafka({ brokers: [kafka.broker.brokers], logLevel: logLevel.NOTHING }).admin();
  try {
    await admin.connect();
    return (await admin.listTopics()).filter((topic) => topic.startsWith(`${service.topicPrefix}_`)).sort();
  } finally {
    await admin.disconnect();
  }
}

/** What a query finds in the store; while no service has it. */
function stored<Row>(query: string): Row[] {
  const store = new DatabaseSync(join(service.dataDir, 'batch.db'), { readOnly: true });
  try {
    return store.prepare(query).all() as Row[];
  } finally {
    store.close();
  }
}

/** The rows of jobs, of those that were not created, and of those that are being purged. */
function rows(): { job_id: string; phase: string | null }[] {
  return stored('SELECT job_id, phase FROM jobs ORDER BY seq');
}

/** The topics that rows say are made ahead. The row is written first, so some may not exist yet. */
function spareTopics(): string[] {
  const spares = stored<{ job_id: string }>('SELECT job_id FROM spare_topics');
  return spares.flatMap(({ job_id: jobId }) => topicsOf(jobId));
}

function topicsOf(jobId: string): string[] {
  const { data, dlq } = jobNames({ topicPrefix: service.topicPrefix, jobId });
  return [data, dlq];
}

function files(): string[] {
  return readdirSync(join(service.dataDir, 'spool'));
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 30_000; !(await what()); await sleep(100)) {
    if (Date.now() > deadline) throw new Error(`never: ${what.toString()}\n${service.log().slice(-3000)}`);
  }
}

async function ended(): Promise<Job> {
  const job = await api.ended((await api.createJob('rows', CSV)).job_id);
  expect(job.state).toBe('PARTIAL_SUCCESS');
  return job;
}

/** A broker lists what the controller has created or deleted a moment later. */
async function expectTopics(names: string[]): Promise<void> {
  const wanted = [...names].sort();
  await until(async () => isDeepStrictEqual(await topics(), wanted)).catch(() => undefined);
  expect(await topics()).toEqual(wanted);
}

describe('a job that was not created', () => {
  async function makeTopicsAhead(): Promise<void> {
    const job = await ended();
    await purged(job);
    await until(async () => {
      const made = await topics();
      return made.length === TOPICS_AHEAD && !made.some((topic) => topic.includes(job.job_id));
    });
  }

  it.each([
    ['before its topics are made', 'CreateTopics', 'request', 0],
    ['when its topics are there', 'CreateTopics', 'reply', 2],
    ['when it has topics that were made ahead', 'ListOffsets', 'request', TOPICS_AHEAD],
  ] as const)(
    'because the service was killed %s leaves nothing, and its key is free',
    async (description, request, moment, left) => {
      const key = { 'idempotency-key': `killed ${description}` };
      if (left === TOPICS_AHEAD) await makeTopicsAhead();
      const killed = killAt(request, `${service.topicPrefix}_`, moment);
      const upload = api.upload('rows', CSV, key).catch(() => undefined);
      await killed;
      await upload;
      const creating = rows();
      expect(creating).toEqual([{ job_id: expect.any(String), phase: 'CREATING' }]);
      const before = left === 0 ? [] : [...topicsOf(creating[0]!.job_id), ...spareTopics()];
      expect(before).toHaveLength(left);
      await expectTopics(before);

      await restart();
      expect(await (await fetch(`${api.url}/jobs`)).json()).toEqual([]);
      const again = await api.upload('rows', CSV, key);
      expect(again.status).toBe(202);
      const job = await api.ended(((await again.json()) as Job).job_id);
      expect(job.state).toBe('PARTIAL_SUCCESS');
      await until(() => service.log().includes(REMOVED));
      await until(async () => {
        const now = await topics();
        return now.length === 2 + TOPICS_AHEAD && !now.some((topic) => before.includes(topic));
      });
      expect(files().filter((name) => name !== job.job_id)).toEqual([]);
      await service.kill();
      expect(rows()).toEqual([{ job_id: job.job_id, phase: null }]);
      await expectTopics([...topicsOf(job.job_id), ...spareTopics()]);
      await restart();
      await purged(job);
      // Those made ahead by the start before this one are removed, too.
      await expectTopics([]);
    },
  );

  it.each([
    ['records', false],
    ['an open transaction', true],
  ])(
    'is removed by its row alone: a topic that no row names stays, and so do %s of somebody else',
    async (_, isOpen) => {
      const client = new Kafka({ brokers: [kafka.broker.brokers], logLevel: logLevel.NOTHING });
      const producer = client.producer(isOpen ? { transactionalId: 'stranger', maxInFlightRequests: 1 } : {});
      const admin = client.admin();
      await Promise.all([admin.connect(), producer.connect()]);
      const stranger = `${service.topicPrefix}_zzzzzzzz`;
      await admin.createTopics({ topics: [{ topic: stranger, numPartitions: 1, replicationFactor: 1 }] });
      const killed = killAt('CreateTopics', `${service.topicPrefix}_`, 'reply');
      const upload = api.upload('rows', CSV).catch(() => undefined);
      await killed;
      await upload;
      const left = `${service.topicPrefix}_${rows()[0]?.job_id}`;
      const transaction = isOpen ? await producer.transaction() : null;
      await (transaction ?? producer).send({ topic: left, messages: [{ value: 'of somebody else' }] });

      await restart();
      await until(() => service.log().includes(REMOVED));
      await expectTopics([left, stranger]);
      await service.kill();
      expect(rows()).toEqual([]);
      await transaction?.abort();
      await admin.deleteTopics({ topics: [left, stranger] });
      await Promise.all([admin.disconnect(), producer.disconnect()]);
    },
  );
});

describe('purging a job', () => {
  it.each([
    ['its file is gone', 'DeleteTopics', 'request'],
    ['its first topic is gone', 'DeleteTopics', 'reply'],
    ['its topics are gone', 'DeleteGroups', 'request'],
    ['its group is gone', 'DeleteGroups', 'reply'],
    ['its tombstone is written, but not known to be', 'Produce', 'reply'],
  ] as const)('goes on after a kill when %s', async (_, request, moment) => {
    const job = await ended();
    // Then the next Produce is the tombstone.
    await until(async () => (await published(job.job_id)).at(-1)?.includes('PARTIAL_SUCCESS') === true);
    const killed = killAt(request, job.job_id, moment);
    expect((await purge(job)).status).toBe(202);
    await killed;
    expect(rows()).toContainEqual({ job_id: job.job_id, phase: 'PURGING' });

    await restart();
    expect((await fetch(`${api.url}/jobs/${job.job_id}`)).status).toBe(404);
    expect(await (await fetch(`${api.url}/jobs`)).json()).toEqual([]);
    await until(() => service.log().includes(purgedLine(job)));
    expect(await groups()).toEqual([]);
    expect(files()).toEqual([]);
    expect((await published(job.job_id)).at(-1)).toBeNull();
    await service.kill();
    expect(rows()).toEqual([]);
    const spares = spareTopics();
    await until(async () => (await topics()).every((topic) => spares.includes(topic)));
  });

  it('is taken while no broker answers, and done when one does again', async () => {
    const job = await ended();
    let cut = 0;
    kafka.proxy.interference = {
      request() {
        cut++;
        return 'cut';
      },
    };
    expect((await purge(job)).status).toBe(202);
    expect((await fetch(`${api.url}/jobs/${job.job_id}`)).status).toBe(404);
    // The purge begins within a moment of the answer: what is asked from then on is asked for it, too.
    const before = cut;
    await until(() => cut >= before + 3);
    expect(service.log()).not.toContain(purgedLine(job));
    kafka.proxy.interference = {};
    await until(() => service.log().includes(purgedLine(job)));
    await until(async () => !(await topics()).some((topic) => topic.includes(job.job_id)));
    expect((await published(job.job_id)).at(-1)).toBeNull();
  });
});

async function purge({ job_id: jobId }: Job): Promise<Response> {
  return fetch(`${api.url}/jobs/${jobId}?purge=true&force=true`, { method: 'DELETE' });
}

async function purged(job: Job): Promise<void> {
  expect((await purge(job)).status).toBe(202);
  await until(() => service.log().includes(purgedLine(job)));
}

/** What the service logs when the job is purged. */
function purgedLine({ job_id: jobId }: Job): string {
  return `"job_id":"${jobId}","msg":"job purged"`;
}

async function groups(): Promise<string[]> {
  const admin = new Kafka({ brokers: [kafka.broker.brokers], logLevel: logLevel.NOTHING }).admin();
  try {
    await admin.connect();
    return (await admin.listGroups()).groups.map(({ groupId }) => groupId);
  } finally {
    await admin.disconnect();
  }
}

/** The values in the topic of the jobs under this key, in order; null: a tombstone. */
async function published(jobId: string): Promise<(string | null)[]> {
  const values: (string | null)[] = [];
  for await (const { key, value } of committedRecords(kafka.broker.brokers, `${service.topicPrefix}.jobs`)) {
    if (key?.toString() === jobId) values.push(value?.toString() ?? null);
  }
  return values;
}
