import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Api } from '../kit/api.js';
import { type Broker, startBroker } from '../kit/kafka-broker.js';
import { expectDelivered, expectPrefix, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { freePort } from '../kit/ports.js';
import { type Service, startService } from '../kit/service.js';

const PASSWORD = 'right-and-secret';
/** The broker restarts twice, and for a minute a refusal is not final. */
const TEST_MS = 400_000;
const LONG = makeOrders(400_000, 97);

let dir: string;
let broker: Broker;
/** The listener with SASL. */
let secured: string;
let service: Service;
let api: Api;

/** What the broker takes from its next start on. */
async function setPassword(password: string): Promise<void> {
  const login = 'org.apache.kafka.common.security.plain.PlainLoginModule';
  const lines = [
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT',
    'sasl.enabled.mechanisms=PLAIN',
    `listener.name.sasl_plaintext.plain.sasl.jaas.config=${login} required user_batch="${password}";`,
  ];
  await writeFile(join(dir, 'broker.properties'), `${lines.join('\n')}\n`);
}

async function restartWith(password: string): Promise<void> {
  await broker.kill('SIGKILL'); // at once: a broker that shuts down in order would still let the job finish
  await setPassword(password);
  await broker.restart();
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'batch-password-'));
  await setPassword(PASSWORD);
  secured = `127.0.0.1:${await freePort()}`;
  broker = await startBroker({ listener: `SASL_PLAINTEXT://${secured}`, properties: join(dir, 'broker.properties') });
});

beforeEach(async () => {
  const env = { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'batch', KAFKA_SASL_PASSWORD: PASSWORD };
  service = await startService({ brokers: secured, env });
  api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
});

afterEach(() => service.stop());

afterAll(async () => {
  await broker.stop();
  await rm(dir, { recursive: true, force: true });
});

describe('a broker that takes another password', () => {
  it(
    'for less than a minute ends no job',
    async () => {
      const { job_id } = await api.createSlowJob('orders', LONG.csv);
      await api.until(job_id, (job) => job.totals.rows > 0);
      await restartWith('another');
      const refused = /kafka call failed.*SASL_AUTHENTICATION_FAILED|SASL_AUTHENTICATION_FAILED.*kafka call failed/;
      for (const deadline = Date.now() + 60_000; !refused.test(service.log()); await sleep(20)) {
        if (Date.now() > deadline) throw new Error('nothing was refused');
      }
      await restartWith(PASSWORD);
      const job = await api.ended(job_id, 120_000);
      expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', error: null, attempt: 1 });
      await expectDelivered(broker.brokers, job, LONG);
    },
    TEST_MS,
  );

  it(
    'for longer fails a running job, which goes on by `resume` once the right one counts',
    async () => {
      const { job_id } = await api.createSlowJob('orders', LONG.csv);
      await api.until(job_id, (job) => job.totals.rows > 0);
      await restartWith('another');
      const failed = await api.ended(job_id, 150_000);
      expect(failed).toMatchObject({ state: 'FAILED', error: { code: 'KAFKA_REJECTED' } });
      expect(failed.error?.message).toMatch(/SASL_AUTHENTICATION_FAILED: .*Invalid username or password/);
      const upload = await api.upload('orders', makeOrders(3).csv);
      expect(await upload.text()).toMatch(/the broker refused the authentication/);

      await restartWith(PASSWORD);
      const { totals } = await api.until(job_id, (reconciled) => reconciled.end_offsets !== null);
      await expectPrefix(broker.brokers, await api.job(job_id), LONG, totals.ok, totals.errors);
      expect((await api.resume(job_id)).status).toBe(202);
      await expectDelivered(broker.brokers, await api.ended(job_id, 120_000), LONG);
      const orders = makeOrders(100);
      const job = await api.ended((await api.createJob('orders', orders.csv)).job_id);
      expect(job.state).toBe('SUCCESS');
      await expectDelivered(broker.brokers, job, orders);
    },
    TEST_MS,
  );
});
