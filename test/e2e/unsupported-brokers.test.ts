import { jobNames, TransactionalSession } from '../../src/kafka/index.js';
import { Api } from '../kit/api.js';
import { changeBrokerConfig, VERIFICATION } from '../kit/broker-config.js';
import { kafkaAt } from '../kit/kafka-client.js';
import { lowerVersion } from '../kit/kafka-frames.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type ProxiedBroker, startProxiedBroker } from '../kit/proxied-broker.js';
import { readiness, readinessWhen } from '../kit/readiness.js';
import { type Service, startService } from '../kit/service.js';

const ORDERS = makeOrders(1_000, 7);
const OFFSET_FETCH = 9;
const TXN_OFFSET_COMMIT = 28;

let kafka: ProxiedBroker;
let service: Service;
let api: Api;

beforeAll(async () => {
  kafka = await startProxiedBroker({
    settings: [`${VERIFICATION}=false`, 'transaction.max.timeout.ms=15000', 'offsets.retention.minutes=90'],
  });
  service = await serve();
  api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
});

afterAll(async () => {
  await service.stop();
  await kafka.stop();
});

function serve(): Promise<Service> {
  return startService({ brokers: kafka.proxy.address });
}

describe('a broker that does not verify transactions', () => {
  it('is not ready for uploads, which are refused before their body', async () => {
    const { body } = await readinessWhen(service.url, ({ status }) => status === 503);
    const message = expect.stringContaining(`broker 1 has ${VERIFICATION}=false`);
    expect(body.details['kafka']).toMatchObject({ status: 'down', message });
    expect(await api.uploadWithoutBody('orders')).toMatchObject({
      status: 502,
      problem: { error: 'KAFKA_UNSUPPORTED', detail: message },
    });
  });

  it('is taken once it does, and what else is wrong with it is named', async () => {
    await changeBrokerConfig(kafka.broker.brokers, VERIFICATION, 'true');
    const { body } = await readinessWhen(service.url, ({ body }) => body.details['transaction_timeout'] !== undefined);
    expect(body.details).toMatchObject({
      kafka: { status: 'up', brokers: 1, transaction_timeout_ms: 10_000 },
      transaction_timeout: { status: 'degraded', message: expect.stringContaining('transaction.max.timeout.ms') },
      offsets_retention: { status: 'degraded', message: expect.stringContaining('offsets.retention.minutes is 90 ') },
    });
    // Neither is a trouble on a single broker.
    expect(body.details).not.toHaveProperty('internal_topics');
    expect(body.details).not.toHaveProperty('topic_replicas');
  });

  it('gets the rows, in transactions of ten seconds', async () => {
    const job = await api.ended((await api.createJob('orders', ORDERS.csv)).job_id);
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', error: null });
    await expectDelivered(kafka.broker.brokers, job, ORDERS);
    expect((await readiness(service.url)).body.details['kafka']).toMatchObject({ replication_factor: 1 });
  });
});

describe('a broker without an API', () => {
  beforeAll(() => {
    kafka.proxy.interference = {
      reply(exchange) {
        lowerVersion(exchange, OFFSET_FETCH, 6);
        lowerVersion(exchange, TXN_OFFSET_COMMIT, -1);
        return 'pass';
      },
    };
  });

  const MISSING = 'OffsetFetch in the versions 1 to 6, not 7, no TxnOffsetCommit';

  it('is not ready for uploads', async () => {
    const other = await serve();
    try {
      const { body } = await readinessWhen(other.url, ({ status }) => status === 503);
      expect(body.details['kafka']?.['message']).toContain(`broker 1 offers ${MISSING}`);
    } finally {
      await other.stop();
    }
  });

  it('is told from one that is away by a job that meets it', async () => {
    const names = jobNames({ topicPrefix: 'batch', jobId: 'nowhere1' });
    await expect(TransactionalSession.open(kafkaAt(kafka.proxy.address), names)).rejects.toMatchObject({
      code: 'KAFKA_UNSUPPORTED',
    });
  });
});
