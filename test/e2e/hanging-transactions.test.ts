import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { topicEnds } from '../../scripts/lib/topic-reader.mjs';
import type { Job } from '../../src/jobs/domain/job.js';
import { type JobNames, RecordBatch, TopicAdmin, TransactionalSession } from '../../src/kafka/index.js';
import { Api } from '../kit/api.js';
import { type LostMarkers, loseMarkers, withoutVerification } from '../kit/hanging-transaction.js';
import type { Broker } from '../kit/kafka-broker.js';
import { kafkaAt } from '../kit/kafka-client.js';
import { untilLed } from '../kit/led-topics.js';
import { namesOf, SERVICE_TOPICS } from '../kit/names.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type ProxiedBroker, startProxiedBroker } from '../kit/proxied-broker.js';
import { type Service, startService } from '../kit/service.js';
import { readTopic } from '../kit/topic.js';

const ORDERS = makeOrders(100_000, 997);

const folder = mkdtempSync(join(tmpdir(), 'batch-hanging-'));
let kafka: ProxiedBroker;
let broker: Broker;
let service: Service;
let api: Api;
let reference: Buffer[];

async function start(): Promise<void> {
  service = await startService({ brokers: kafka.proxy.address, dataDir: join(folder, 'data') });
  api = new Api(service.url);
}

beforeAll(async () => {
  kafka = await startProxiedBroker();
  ({ broker } = kafka);
  await start();
  await api.createModel('orders', ORDERS_SCHEMA);
  const job = await api.ended((await api.createJob('orders', ORDERS.csv)).job_id);
  await expectDelivered(broker.brokers, job, ORDERS);
  reference = (await readTopic(broker.brokers, job.topics.dlq)).map(({ value }) => value);
});

afterAll(async () => {
  await service.stop();
  await kafka.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A job whose runner is killed in its second transaction, and which then loses that one's markers; the job as it ends. */
async function jobAfter(lost: LostMarkers): Promise<Job> {
  let isCommitted = false;
  kafka.proxy.interference = {
    request: (exchange) => (isCommitted && exchange.api === 'AddOffsetsToTxn' ? 'drop' : 'pass'),
    reply(exchange) {
      const isOfJob = exchange.transactionalId !== `${service.topicPrefix}.probe`;
      if (isOfJob && exchange.api === 'EndTxn' && exchange.error === 0) isCommitted = true;
      return 'pass';
    },
  };
  const { job_id } = await api.createSlowJob('orders', ORDERS.csv);
  const job = await api.until(job_id, ({ totals }) => totals.rows > 0);
  await service.kill('SIGKILL');
  kafka.proxy.interference = {};
  await withoutVerification(broker.brokers, () =>
    loseMarkers(broker.brokers, job, { ...ORDERS, dlq: reference }, lost),
  );
  await start();
  return api.ended(job_id);
}

function repairs(): { abort: string[]; commit: string[] }[] {
  const lines = service.log().split('\n');
  return lines.filter((line) => line.includes('a transaction marker was lost')).map((line) => JSON.parse(line));
}

// The crash programme has every kind.
describe('a job whose transaction markers were lost', () => {
  it('delivers every row once without any ABORT marker', async () => {
    const job = await jobAfter({ decision: 'abort', lost: ['data', 'dlq', 'offsets'] });
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', error: null });
    await expectDelivered(broker.brokers, job, ORDERS);
    expect(repairs()).toEqual([expect.objectContaining({ abort: ['data', 'dlq', 'offsets'], commit: [] })]);
  });

  it('delivers every row once without the COMMIT markers of its offsets and the data topic, the offsets first', async () => {
    const job = await jobAfter({ decision: 'commit', lost: ['data', 'offsets'] });
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', error: null });
    await expectDelivered(broker.brokers, job, ORDERS);
    const inOrder = [{ commit: ['offsets'] }, { commit: ['data'] }].map((each) => expect.objectContaining(each));
    expect(repairs()).toEqual(inOrder);
  });

  it('fails if a hanging transaction holds rows before and behind the checkpoint, and sends nothing', async () => {
    const job = await jobAfter({ decision: 'commit', lost: ['data'], beyond: true });
    expect(job).toMatchObject({ state: 'FAILED', error: { code: 'CHECKPOINT_LOST' }, end_offsets: null });
    expect(job.error?.message).toMatch(/a transaction hangs in the job's data topic, from offset \d+ on/);
    // A consumer stops where the transaction begins.
    const readable = await readTopic(broker.brokers, job.topics.data);
    expect(readable.map(({ value }) => value.toString())).toEqual(ORDERS.accepted.slice(0, readable.length));
    expect(repairs()).toEqual([]);
  });
});

describe('a session', () => {
  async function newTopics(jobId: string): Promise<JobNames> {
    const names = namesOf(jobId);
    const admin = new TopicAdmin(kafkaAt(broker.brokers), SERVICE_TOPICS, 1);
    await admin.createJobTopics(names);
    await untilLed(admin, names);
    await admin.close();
    return names;
  }

  async function sendRow(session: TransactionalSession, topic: string): Promise<number> {
    const batch = new RecordBatch();
    batch.append(Buffer.from('row'), 0, 3);
    await session.inspect(null);
    await session.enlist(topic);
    return session.produce(topic, batch);
  }

  it('never commits what its successor has open', async () => {
    const topics = await newTopics('frozen01');
    const frozen = await TransactionalSession.open(kafkaAt(broker.brokers), topics);
    const successor = await TransactionalSession.open(kafkaAt(broker.brokers), topics);
    try {
      await sendRow(successor, topics.data);
      await expect(frozen.commitHanging('data')).rejects.toMatchObject({ type: 'INVALID_PRODUCER_EPOCH' });
      expect(await topicEnds(broker.brokers, topics.data)).toEqual({ readable: 0, written: 1 });
    } finally {
      for (const session of [frozen, successor]) session.close();
    }
  });

  it('takes no commit for done whose checkpoint the group does not show', async () => {
    const topics = await newTopics('pending1');
    const session = await TransactionalSession.open(kafkaAt(broker.brokers), topics);
    try {
      const dataEnd = await sendRow(session, topics.data);
      const position = { row: 1, line: 2, byte: 4 };
      const checkpoint = { position, ok: 1, errors: 0, dataEnd, dlqEnd: 0, eof: false, bytesDone: 4, size: 8 };
      // The coordinator is not told of the group, and so sends it no marker.
      await withoutVerification(broker.brokers, () => session.commitOffsets(checkpoint));
      await session.endTransaction();
      await expect(session.readable(checkpoint)).rejects.toThrow('did not become readable');
      expect((await topicEnds(broker.brokers, topics.data)).readable).toBe(dataEnd + 1);
    } finally {
      session.close();
    }
  });
});
