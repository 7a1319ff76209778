import { setTimeout as sleep } from 'node:timers/promises';
import { kafkaAt } from './kafka-client.js';

const WITHIN_MS = 60_000;

/**
 * Deletes topics; resolves when the broker no longer serves them. It answers the request when the controller has
 * decided, and for a moment gives what they held to whoever asks.
 */
export async function deleteTopics(brokers: string, topics: string[]): Promise<void> {
  const admin = kafkaAt(brokers).admin();
  await admin.connect();
  try {
    await admin.deleteTopics({ topics });
    for (const topic of topics) {
      for (const deadline = Date.now() + WITHIN_MS; await isServed(admin, topic); await sleep(20)) {
        if (Date.now() > deadline) throw new Error(`${topic} is still served`);
      }
    }
  } finally {
    await admin.disconnect();
  }
}

async function isServed(admin: ReturnType<ReturnType<typeof kafkaAt>['admin']>, topic: string): Promise<boolean> {
  try {
    await admin.fetchTopicOffsets(topic);
    return true;
  } catch (error) {
    if (/does not host this topic-partition/.test(String(error))) return false;
    throw error;
  }
}
