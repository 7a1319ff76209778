import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { StoredJob } from '../../src/jobs/domain/stored-job.js';
import { RejectedRows } from '../../src/jobs/http/rejected-rows.js';
import { TopicAdmin } from '../../src/kafka/index.js';
import { kafkaAt } from '../kit/kafka-client.js';
import { namesOf, SERVICE_TOPICS, TOPIC_PREFIX } from '../kit/names.js';
import { type ProxiedBroker, startProxiedBroker } from '../kit/proxied-broker.js';

let kafka: ProxiedBroker;
let topics: TopicAdmin;

beforeAll(async () => {
  kafka = await startProxiedBroker();
  const client = kafkaAt(kafka.proxy.address);
  topics = new TopicAdmin(client, SERVICE_TOPICS, 1);
});

afterAll(async () => {
  await topics.close();
  await kafka.stop();
});

/** Cuts the connection over which the next request of this kind comes. */
function cutAt(api: string): { isCut(): boolean } {
  let isCut = false;
  kafka.proxy.interference = {
    request: (exchange) => {
      if (isCut || exchange.api !== api) return 'pass';
      isCut = true;
      return 'cut';
    },
  };
  return { isCut: () => isCut };
}

describe('topic administration', () => {
  beforeEach(() => topics.ping());

  it.each([
    ['Metadata', () => topics.ping(), undefined],
    ['CreateTopics', () => topics.createJobTopics(namesOf('cut00001')), true],
    ['FindCoordinator', () => topics.validateJob(namesOf('cut00002')), undefined],
    ['DeleteTopics', () => topics.deleteJobTopics(namesOf('cut00001')), undefined],
    ['DeleteGroups', () => topics.deleteJobGroup(namesOf('cut00001')), undefined],
  ] as const)('meets a connection that breaks at %s with a fresh one', async (api, call, expected) => {
    const { isCut } = cutAt(api);
    expect(await call()).toBe(expected);
    expect(isCut()).toBe(true);
  });

  it('creates nothing by asking', async () => {
    await topics.validateJob(namesOf('asked001'));
    expect(await topics.createJobTopics(namesOf('asked001'))).toBe(true);
    await topics.validateJob(namesOf('asked001')); // a name that is taken is not a reason against a job
  });
});

describe('the first of several bootstrap servers', () => {
  it.each([
    ['closes what connects', (socket: Socket) => socket.destroy()],
    ['takes connections and says nothing', (socket: Socket) => socket.resume()],
  ])('may be one that %s', async (_, meet) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      meet(socket);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const admin = new TopicAdmin(kafkaAt(`127.0.0.1:${port},${kafka.proxy.address}`), SERVICE_TOPICS, 1);
    await admin.ping();
    expect(sockets.size).toBe(1);
    await admin.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
});

describe('a topic that the broker which was asked does not know', () => {
  it('is not gone before the controller says so, and neither are the rejected rows in it', async () => {
    const [there, gone] = ['unheard1', 'unheard2'];
    await topics.createJobTopics(namesOf(there));
    expect(await topics.isGone(namesOf(there).dlq)).toBe(false);
    expect(await topics.isGone(namesOf(gone).dlq)).toBe(true);
    // Another cluster's broker knows neither, as one that has just started.
    const unaware = kafkaAt(process.env['E2E_KAFKA_BROKERS'] as string);
    const rows = new RejectedRows(unaware, { check: async () => undefined }, topics, { rejects: async () => [] });
    const page = (jobId: string) => {
      const job = {
        jobId,
        topicPrefix: TOPIC_PREFIX,
        checkpoint: { errors: 1 },
        sinks: [] as StoredJob['sinks'],
      } as StoredJob;
      return rows.page(job, 10, undefined, new AbortController().signal);
    };
    await expect(page(there)).rejects.toMatchObject({ code: 'KAFKA_UNAVAILABLE' });
    await expect(page(gone)).rejects.toMatchObject({ code: 'REJECTED_EXPIRED' });
  });
});
