import { type Admin, Kafka, logLevel } from 'kafkajs';
import type * as TopicConfigs from '../src/kafka/topic-configs.js';
import { built } from './built.js';

/** The end of the names of topics that running services use. */
const KEPT = '.jobs';

/** A topic of one partition, with a leader that answers for it: some programs take no "in a moment". */
export async function createTopic(brokers: string, topic: string): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    const configEntries = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }]; // as those of jobs
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }], waitForLeaders: true });
    await admin.fetchTopicOffsets(topic); // kafkajs tries again until it is there
  });
}

/** Creates as many pairs of topics as there are jobs, `atOnce` requests at a time, and nothing else. */
export async function createPairs(brokers: string, name: string, count: number, atOnce: number): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    let next = 0;
    const { JOB_TOPIC_CONFIG } = await built<typeof TopicConfigs>('kafka/topic-configs.js');
    // Two replicas need two brokers.
    const { 'min.insync.replicas': _, ...configs } = JOB_TOPIC_CONFIG;
    const configEntries = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
    const lane = async (): Promise<void> => {
      for (let pair = next++; pair < count; pair = next++) {
        const topics = ['data', 'dlq'].map((end) => ({
          topic: `${name}.${pair}.${end}`,
          numPartitions: 1,
          replicationFactor: 1,
          configEntries,
        }));
        await admin.createTopics({ topics, waitForLeaders: false });
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
  });
}

/** Every topic that a run has filled. */
export async function deleteTopics(brokers: string): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    const topics = (await admin.listTopics()).filter((topic) => !topic.endsWith(KEPT) && !topic.startsWith('__'));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  });
}

async function withAdmin(brokers: string, work: (admin: Admin) => Promise<void>): Promise<void> {
  const admin = new Kafka({ clientId: 'bench', brokers: [brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.disconnect();
  }
}
