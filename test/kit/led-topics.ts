import { setTimeout as sleep } from 'node:timers/promises';
import type { JobTopics, TopicAdmin } from '../../src/kafka/index.js';

const PATIENCE_MS = 60_000;

/** Waits until a broker leads the new topics of a job, which a busy one does some time after it has said that they are created. */
export async function untilLed(admin: TopicAdmin, topics: JobTopics): Promise<void> {
  for (const giveUpAt = performance.now() + PATIENCE_MS; ; await sleep(50)) {
    try {
      if ((await admin.lookAtJobTopics(topics, { data: 0, dlq: 0 })) !== 'unknown topic') return;
    } catch (error) {
      if (performance.now() >= giveUpAt) throw error;
    }
    if (performance.now() >= giveUpAt) throw new Error(`no broker leads ${topics.data} and ${topics.dlq}`);
  }
}
