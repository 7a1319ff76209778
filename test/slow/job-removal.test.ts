import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { committedRecords } from '../../scripts/lib/topic-reader.mjs';
import type { Job } from '../../src/jobs/domain/job.js';
import { Api } from '../kit/api.js';
import { makesJobTopics } from '../kit/kafka-frames.js';
import { type ProxiedBroker, startProxiedBroker } from '../kit/proxied-broker.js';
import { type Service, startService } from '../kit/service.js';

/** What the service logs when it has removed what was made for a job that was not created. */
const REMOVED = 'removed the topics and the file of a job that was not created';
/** A broker that has to refuse another factor first would have the moments below twice. */
const ENV = { KAFKA_REPLICATION_FACTOR: '1' };
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

afterAll(async () => {
  kafka.proxy.interference = {};
  await service.stop();
  await rm(service.dataDir, { recursive: true, force: true });
  await kafka.stop();
});

async function restart(): Promise<void> {
  service = await startService({ brokers: kafka.proxy.address, env: ENV, dataDir: service.dataDir });
  api.url = service.url;
}

/** Kills the service when it has sent a request of this kind, or has been sent the answer to it but did not get it. */
async function killAt(api: string, moment: 'request' | 'reply'): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    kafka.proxy.interference = {
      [moment]: async (exchange: { api: string; frame: Buffer }) => {
        // The topic of the jobs is made in the same way, and what would be refused is asked for.
        if (exchange.api !== api || (api === 'CreateTopics' && !makesJobTopics(exchange))) return 'pass';
        kafka.proxy.interference = {};
        await service.kill().then(resolve, reject);
        return moment === 'request' ? 'drop' : 'pass';
      },
    };
  });
}

async function topics(): Promise<string[]> {
  const admin = new Kafka({ brokers: [kafka.broker.brokers], logLevel: logLevel.NOTHING }).admin();
  try {
    await admin.connect();
    return (await admin.listTopics()).filter((topic) => topic.startsWith(`${service.topicPrefix}_`));
  } finally {
    await admin.disconnect();
  }
}

/** The rows of the store, jobs or not; while no service has it. */
function rows(): { job_id: string; phase: string | null }[] {
  const store = new DatabaseSync(join(service.dataDir, 'batch.db'), { readOnly: true });
  try {
    return store.prepare('SELECT job_id, phase FROM jobs ORDER BY seq').all() as ReturnType<typeof rows>;
  } finally {
    store.close();
  }
}

function files(): string[] {
  return readdirSync(join(service.dataDir, 'spool'));
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 30_000; !(await what()); await sleep(100)) {
    if (Date.now() > deadline) throw new Error(`never: ${what.toString()}\n${service.log().slice(-3000)}`);
  }
}

describe('a job that was not created', () => {
  it.each([
    ['before its topics are made', 'request'],
    ['when its topics are there', 'reply'],
  ] as const)('because the service was killed %s leaves nothing, and its key is free', async (_, moment) => {
    const upload = api.upload('rows', CSV, { 'idempotency-key': `killed at ${moment}` }).catch(() => undefined);
    await killAt('CreateTopics', moment);
    await upload;
    expect((await topics()).length).toBe(moment === 'request' ? 0 : 2);

    await restart();
    expect(await (await fetch(`${api.url}/jobs`)).json()).toEqual([]);
    const again = await api.upload('rows', CSV, { 'idempotency-key': `killed at ${moment}` });
    expect(again.status).toBe(202);
    const job = await api.ended(((await again.json()) as Job).job_id);
    expect(job.state).toBe('PARTIAL_SUCCESS');
    await until(() => service.log().includes(REMOVED));
    expect((await topics()).sort()).toEqual([job.topics.data, job.topics.dlq]);
    expect(files().filter((name) => name !== job.job_id)).toEqual([]);
    await service.kill();
    expect(rows()).toEqual([{ job_id: job.job_id, phase: null }]);
    await restart();
    expect((await purge(job)).status).toBe(202);
    await until(async () => (await topics()).length === 0);
  });

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
      const upload = api.upload('rows', CSV).catch(() => undefined);
      await killAt('CreateTopics', 'reply');
      await upload;
      const left = `${service.topicPrefix}_${rows()[0]?.job_id}`;
      const transaction = isOpen ? await producer.transaction() : null;
      await (transaction ?? producer).send({ topic: left, messages: [{ value: 'of somebody else' }] });

      await restart();
      await until(() => service.log().includes(REMOVED));
      expect((await topics()).sort()).toEqual([left, stranger].sort());
      await service.kill();
      expect(rows()).toEqual([]);
      await transaction?.abort();
      await admin.deleteTopics({ topics: [left, stranger] });
      await Promise.all([admin.disconnect(), producer.disconnect()]);
      await restart();
    },
  );
});

describe('purging a job', () => {
  async function ended(): Promise<Job> {
    const job = await api.ended((await api.createJob('rows', CSV)).job_id);
    expect(job.state).toBe('PARTIAL_SUCCESS');
    return job;
  }

  it.each([
    ['its file is gone', 'DeleteTopics', 'request'],
    ['its first topic is gone', 'DeleteTopics', 'reply'],
    ['its topics are gone', 'DeleteGroups', 'request'],
    ['its group is gone', 'DeleteGroups', 'reply'],
    ['its tombstone is written, but not known to be', 'Produce', 'reply'],
  ] as const)('goes on after a kill when %s', async (_, request, moment) => {
    const job = await ended();
    const others = (await topics()).filter((topic) => !topic.includes(job.job_id));
    // Then the next Produce is the tombstone.
    await until(async () => (await published(job.job_id)).at(-1)?.includes('PARTIAL_SUCCESS') === true);
    const killed = killAt(request, moment);
    expect((await purge(job)).status).toBe(202);
    await killed;
    expect(rows()).toContainEqual({ job_id: job.job_id, phase: 'PURGING' });

    await restart();
    expect((await fetch(`${api.url}/jobs/${job.job_id}`)).status).toBe(404);
    expect(await (await fetch(`${api.url}/jobs`)).json()).toEqual([]);
    await until(() => service.log().includes('job purged'));
    expect(await topics()).toEqual(others);
    expect(await groups()).toEqual([]);
    expect(files()).toEqual([]);
    expect((await published(job.job_id)).at(-1)).toBeNull();
    await service.kill();
    expect(rows()).toEqual([]);
    await restart();
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
    expect(service.log()).not.toContain(`"job_id":"${job.job_id}","msg":"job purged"`);
    kafka.proxy.interference = {};
    await until(() => service.log().includes(`"job_id":"${job.job_id}","msg":"job purged"`));
    expect((await topics()).filter((topic) => topic.includes(job.job_id))).toEqual([]);
    expect((await published(job.job_id)).at(-1)).toBeNull();
  });
});

async function purge({ job_id: jobId }: Job): Promise<Response> {
  return fetch(`${api.url}/jobs/${jobId}?purge=true&force=true`, { method: 'DELETE' });
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
