import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { type Admin } from 'kafkajs';
import { kafkaAt } from './kafka-client.js';

/** If it is off, a producer may write without telling the coordinator, as if that had forgotten the transaction. */
export const VERIFICATION = 'transaction.partition.verification.enable';

const BROKER = { type: kafkajs.ConfigResourceTypes.BROKER, name: '1' };
const APPLIED_WITHIN_MS = 30_000;

/**
 * Changes one setting of a single broker while it runs, and waits until the broker goes by it; others that were changed
 * before go back to what they were.
 */
export async function changeBrokerConfig(brokers: string, name: string, value: string): Promise<void> {
  const admin = kafkaAt(brokers).admin();
  await admin.connect();
  try {
    await admin.alterConfigs({ validateOnly: false, resources: [{ ...BROKER, configEntries: [{ name, value }] }] });
    for (const deadline = Date.now() + APPLIED_WITHIN_MS; (await configOf(admin, name)) !== value; await sleep(20)) {
      if (Date.now() > deadline) throw new Error(`the broker does not apply ${name}=${value}`);
    }
  } finally {
    await admin.disconnect();
  }
}

async function configOf(admin: Admin, name: string): Promise<string | undefined> {
  const asked = { includeSynonyms: false, resources: [{ ...BROKER, configNames: [name] }] };
  return (await admin.describeConfigs(asked)).resources[0]?.configEntries[0]?.configValue;
}
