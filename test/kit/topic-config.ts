import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, ConfigResourceTypes, type DescribeConfigResponse, Kafka, logLevel } from 'kafkajs';

const KNOWN_WITHIN_MS = 30_000;

/** The configs that a topic was given itself: not those that are the broker's. */
export async function ownConfig(brokers: string, topic: string): Promise<Record<string, string>> {
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const resources = await untilKnown(() => describe(admin, topic));
    const given = resources
      .flatMap(({ configEntries }) => configEntries)
      .filter(({ configSource }) => configSource === 1);
    return Object.fromEntries(given.map(({ configName, configValue }) => [configName, configValue]));
  } finally {
    await admin.disconnect();
  }
}

async function describe(admin: Admin, topic: string): Promise<DescribeConfigResponse['resources']> {
  const asked = { includeSynonyms: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }] };
  return (await admin.describeConfigs(asked)).resources;
}

/** A node may hear of a new topic a moment after its creation. */
async function untilKnown<T>(call: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + KNOWN_WITHIN_MS; ; await sleep(50)) {
    try {
      return await call();
    } catch (error) {
      if ((error as { type?: string }).type !== 'UNKNOWN_TOPIC_OR_PARTITION' || Date.now() > deadline) throw error;
    }
  }
}
