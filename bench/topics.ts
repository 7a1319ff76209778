import { type Admin, Kafka, logLevel } from 'kafkajs';

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
