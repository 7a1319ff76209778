import { Api } from '../kit/api.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type ProxiedBroker, startProxiedBroker } from '../kit/proxied-broker.js';
import { type Service, startService } from '../kit/service.js';

const PASSWORD = 'right-and-secret';
const LOGIN = 'org.apache.kafka.common.security.plain.PlainLoginModule';
const CUTS = 10;
const LONG = makeOrders(200_000, 97);

let stage: ProxiedBroker;
let service: Service;
let api: Api;

beforeAll(async () => {
  stage = await startProxiedBroker({
    protocol: 'SASL_PLAINTEXT',
    settings: [
      'sasl.enabled.mechanisms=PLAIN',
      `listener.name.proxied.plain.sasl.jaas.config=${LOGIN} required user_batch="${PASSWORD}";`,
    ],
  });
  service = await startService({
    brokers: stage.proxy.address,
    env: { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'batch', KAFKA_SASL_PASSWORD: PASSWORD },
  });
  api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
});

afterAll(async () => {
  await service.stop();
  await stage.stop();
});

it.each(['SaslHandshake', 'SaslAuthenticate'])(
  'a connection that is closed at %s is not a refusal: the job goes on',
  async (request) => {
    let cuts = 0;
    let produced = 0;
    let hasLost = false;
    // From the start: on a machine that stands still, the job may have ended before one has seen its first rows.
    stage.proxy.interference = {
      request({ api: at, transactionalId }) {
        const isOfJob =
          transactionalId?.startsWith(`${service.topicPrefix}.`) && !transactionalId.endsWith('.publisher');
        if (!hasLost && at === 'Produce' && isOfJob && ++produced === 5) {
          hasLost = true; // so that its runner has to come anew
          return 'cut';
        }
        if (!hasLost || at !== request || cuts === CUTS) return 'pass';
        cuts += 1;
        return 'cut';
      },
    };
    const { job_id } = await api.createSlowJob('orders', LONG.csv);
    const job = await api.ended(job_id, 120_000);
    stage.proxy.interference = {};
    expect(job).toMatchObject({ state: 'PARTIAL_SUCCESS', error: null, attempt: 1 });
    expect(cuts).toBe(CUTS);
    await expectDelivered(stage.broker.brokers, job, LONG);
  },
);
