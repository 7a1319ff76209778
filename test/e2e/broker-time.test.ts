import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs';
import { readBrokerTime, TopicAdmin } from '../../src/kafka/index.js';
import { type Broker, startBroker } from '../kit/kafka-broker.js';
import { kafkaAt } from '../kit/kafka-client.js';
import { SERVICE_TOPICS } from '../kit/names.js';

const MINUTE_MS = 60_000;

let broker: Broker;
let topics: TopicAdmin;
let kafka: Kafka;

beforeAll(async () => {
  broker = await startBroker();
  kafka = kafkaAt(broker.brokers);
  topics = new TopicAdmin(kafka, SERVICE_TOPICS, 3);
});
afterAll(async () => {
  await topics.close();
  await broker.stop();
});

describe("the broker's time", () => {
  it('is read from a separate topic, which is made on the way', async () => {
    for (let i = 0; i < 2; i++) {
      const before = Date.now();
      const time = await readBrokerTime(kafka, topics);
      expect(time).toBeGreaterThan(before - MINUTE_MS);
      expect(time).toBeLessThan(Date.now() + MINUTE_MS);
    }
  });

  it("is never the producer's own, whatever the topic is set to", async () => {
    const admin = new Kafka({ brokers: [broker.brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: ConfigResourceTypes.TOPIC,
          name: 'batch.clock',
          configEntries: [{ name: 'message.timestamp.type', value: 'CreateTime' }],
        },
      ],
    });
    await admin.disconnect();
    await expect(readBrokerTime(kafka, topics)).rejects.toThrow(
      'set message.timestamp.type=LogAppendTime on the topic batch.clock',
    );
  });

  it('is not known while no broker answers', async () => {
    await broker.kill();
    await expect(readBrokerTime(kafka, topics)).rejects.toThrow();
  });
});
