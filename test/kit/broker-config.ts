import { ConfigResourceTypes } from 'kafkajs';
import { kafkaAt } from './kafka-client.js';

/** Changes one setting of a single broker while it runs; others that were changed before go back to what they were. */
export async function changeBrokerConfig(brokers: string, name: string, value: string): Promise<void> {
  const admin = kafkaAt(brokers).admin();
  await admin.connect();
  try {
    const broker = { type: ConfigResourceTypes.BROKER, name: '1', configEntries: [{ name, value }] };
    await admin.alterConfigs({ validateOnly: false, resources: [broker] });
  } finally {
    await admin.disconnect();
  }
}
