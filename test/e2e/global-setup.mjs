// Jest runs this file outside its own module system: Node reads the kit's TypeScript itself.
import '../kit/typescript-hooks.mjs';
import { openHandles } from './open-handles.mjs';

/** Starts one broker for all end-to-end tests and names it in E2E_KAFKA_BROKERS, unless that names one already. */
export default async function startSharedBroker() {
  globalThis.handlesBeforeTests = openHandles();
  // The tests' brokers live for a minute: what the JVM's second compiler would win, it costs.
  process.env.KAFKA_JVM_FLAGS ??= '-XX:TieredStopAtLevel=1';
  if (process.env.E2E_KAFKA_BROKERS) return;
  const { startBroker } = await import('../kit/kafka-broker.ts');
  globalThis.sharedBroker = await startBroker();
  process.env.E2E_KAFKA_BROKERS = globalThis.sharedBroker.brokers;
}
