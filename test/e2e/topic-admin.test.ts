import { TopicAdmin } from '../../src/kafka/index.js';
import { kafkaAt } from '../kit/kafka-client.js';
import { namesOf, SERVICE_TOPICS } from '../kit/names.js';
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
    await topics.validateJob(namesOf('asked001')); // a name that is taken is no reason against a job
  });
});
