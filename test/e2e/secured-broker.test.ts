import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/index.js';
import { createKafka } from '../../src/kafka/index.js';
import { destroyCluster, openCluster, requestConnection } from '../../src/kafka/kafkajs-internals.js';
import { sendRaw } from '../../src/kafka/raw-request.js';
import { Api } from '../kit/api.js';
import { joinPem, makeAuthority, makeCertificate } from '../kit/certificates.js';
import { type Broker, startBroker } from '../kit/kafka-broker.js';
import { alterConfigs } from '../kit/kafka-configs.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { freePort } from '../kit/ports.js';
import { type Service, startService } from '../kit/service.js';

const PASSWORD = 'right-and-secret';
const WRONG = 'wrong-and-secret';
/** kafkajs renews a session 10 s before it ends: with this one, every 1.1 s. Kafka allows one renewal a second. */
const SESSION_MS = 11_100;
const LONG = makeOrders(400_000, 97);

let dir: string;
let broker: Broker;
/** The listener with TLS and SASL. */
let secured: string;
/** Settings with which everything works. */
let good: Record<string, string>;
let services: Service[] = [];

async function writeProperties(): Promise<void> {
  const listener = 'listener.name.sasl_ssl';
  const login = 'org.apache.kafka.common.security';
  const lines = [
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL',
    'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    `${listener}.plain.sasl.jaas.config=${login}.plain.PlainLoginModule required user_batch="${PASSWORD}";`,
    `${listener}.scram-sha-256.sasl.jaas.config=${login}.scram.ScramLoginModule required;`,
    `${listener}.scram-sha-512.sasl.jaas.config=${login}.scram.ScramLoginModule required;`,
    `${listener}.plain.connections.max.reauth.ms=${SESSION_MS}`,
    `${listener}.scram-sha-512.connections.max.reauth.ms=${SESSION_MS}`,
    `${listener}.ssl.keystore.type=PEM`,
    `${listener}.ssl.keystore.location=${join(dir, 'keystore.pem')}`,
    `${listener}.ssl.truststore.type=PEM`,
    `${listener}.ssl.truststore.location=${join(dir, 'authority.pem')}`,
    `${listener}.ssl.client.auth=required`,
  ];
  await writeFile(join(dir, 'broker.properties'), `${lines.join('\n')}\n`);
}

/** Adds a user for SCRAM, whose passwords Kafka keeps itself. */
async function addScramUser(mechanism: string): Promise<void> {
  const user = ['--entity-type', 'users', '--entity-name', 'batch'];
  await alterConfigs(broker.brokers, user, ['--add-config', `${mechanism}=[password=${PASSWORD}]`]);
}

/** A service at the secured listener, with a model. */
async function serve(env: Record<string, string>): Promise<{ service: Service; api: Api }> {
  const service = await startService({ brokers: secured, env });
  services.push(service);
  const api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
  return { service, api };
}

/** Only these, because a failed test shows them. */
function linesWith(service: Service, words: string): string[] {
  return service
    .log()
    .split('\n')
    .filter((line) => line.includes(words));
}

/**
 * Why neither readiness nor an upload is possible; the same for both. A broker that does not answer in time is one that does
 * not answer: on a busy machine it is asked again.
 */
async function refusal(api: Api): Promise<string> {
  for (let attempts = 1; ; attempts++) {
    const ready = await fetch(`${api.url}/readyz`);
    const report = (await ready.json()) as { error: { kafka: { message: string } } };
    const refused = await api.upload('orders', makeOrders(3).csv);
    const { error, detail } = (await refused.json()) as { error: string; detail: string };
    expect([ready.status, refused.status, error]).toEqual([503, 503, 'KAFKA_UNAVAILABLE']);
    const { message } = report.error.kafka;
    if (attempts < 20 && [message, detail].some((each) => each.startsWith('no broker answers'))) continue;
    expect(message).toBe(detail);
    return detail;
  }
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'batch-secured-'));
  const authority = await makeAuthority(dir, 'authority');
  await makeAuthority(dir, 'stranger');
  await joinPem(join(dir, 'keystore.pem'), await makeCertificate(dir, 'broker', authority));
  const client = await makeCertificate(dir, 'client', authority);
  await writeProperties();
  const port = await freePort();
  secured = `127.0.0.1:${port}`;
  broker = await startBroker({ listener: `SASL_SSL://${secured}`, properties: join(dir, 'broker.properties') });
  good = {
    KAFKA_SSL: 'true',
    KAFKA_SSL_CA: authority.cert,
    KAFKA_SSL_CERT: client.cert,
    KAFKA_SSL_KEY: client.key,
    KAFKA_SASL_MECHANISM: 'plain',
    KAFKA_SASL_USERNAME: 'batch',
    KAFKA_SASL_PASSWORD: PASSWORD,
  };
});

afterEach(async () => {
  for (const service of services) {
    expect(linesWith(service, '-and-secret')).toEqual([]);
    await service.stop();
  }
  services = [];
});

afterAll(async () => {
  await broker.stop();
  await rm(dir, { recursive: true, force: true });
});

describe('a broker with TLS and SASL', () => {
  it.each(['plain', 'scram-sha-512'])(
    'gets every row in order by %s, renewing its session on the way',
    async (mechanism) => {
      if (mechanism !== 'plain') await addScramUser(mechanism.toUpperCase());
      const { service, api } = await serve({ ...good, KAFKA_SASL_MECHANISM: mechanism });
      expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
      // The first job of a broker may find its coordinators not there yet.
      await api.ended((await api.createJob('orders', makeOrders(10).csv)).job_id);
      const job = await api.ended((await api.createJob('orders', LONG.csv)).job_id);
      expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', error: null, totals: { rows: 400_000 } });
      await expectDelivered(broker.brokers, job, LONG);
      expect(linesWith(service, 'kafka call failed').filter((line) => line.includes(job.job_id))).toEqual([]);
      const rejected = await fetch(`${service.url}/jobs/${job.job_id}/rejected`);
      expect(rejected.status).toBe(200);
    },
  );

  it('gets requests in the order of their calls, whenever the session is renewed', async () => {
    const cluster = openCluster(createKafka(loadConfig({ ...good, KAFKA_BROKERS: secured }).kafka));
    await cluster.connect();
    await cluster.refreshMetadata();
    const connection = await requestConnection(await cluster.findBroker({ nodeId: 1 }));
    const called: number[] = [];
    const answered: number[] = [];
    const call = async (): Promise<void> => {
      const number = called.push(called.length) - 1;
      await sendRaw(connection, { apiKey: 18, apiName: 'ApiVersions', apiVersion: 0 }, []);
      answered.push(number);
    };
    const until = Date.now() + 4_000;
    const keepCalling = async (): Promise<void> => {
      while (Date.now() < until) await call();
    };
    // The worst moment: the session is renewed, and those who waited for that do not know it yet.
    const late: Promise<void>[] = [];
    let authenticatedAt: unknown;
    Object.defineProperty(connection, 'authenticatedAt', {
      get: () => authenticatedAt,
      set: (at: unknown) => {
        authenticatedAt = at;
        if (at !== null) queueMicrotask(() => late.push(call()));
      },
    });
    // Kafka answers in the order in which requests arrive.
    await Promise.all(Array.from({ length: 16 }, keepCalling));
    await Promise.all(late);
    destroyCluster(cluster, new Error('the test is over'));
    expect(late.length).toBeGreaterThan(1);
    expect(answered.length).toBe(called.length);
    expect(answered.findIndex((call, at) => call !== called[at])).toBe(-1);
  });

  it('says that it refused the password, and never which', async () => {
    const { api } = await serve({ ...good, KAFKA_SASL_PASSWORD: WRONG });
    const detail = await refusal(api);
    expect(detail).toMatch(/the broker refused the authentication .*Invalid username or password/);
    expect(detail).not.toContain(WRONG);
  });

  it('says that it refused a user of SCRAM', async () => {
    const { api } = await serve({ ...good, KAFKA_SASL_MECHANISM: 'scram-sha-256', KAFKA_SASL_USERNAME: 'nobody' });
    expect(await refusal(api)).toMatch(/the broker refused the authentication .*SCRAM-SHA-256/);
  });

  it('is not trusted with a certificate of a foreign authority', async () => {
    const { api } = await serve({ ...good, KAFKA_SSL_CA: join(dir, 'stranger.pem') });
    expect(await refusal(api)).toMatch(/there is no TLS connection .*certificate/);
  });

  it('that asks for a client certificate says so', async () => {
    const { api } = await serve({ ...good, KAFKA_SSL_CERT: '', KAFKA_SSL_KEY: '' });
    expect(await refusal(api)).toMatch(/there is no TLS connection .*certificate/);
  });
});
