// Jest runs this file outside its own module system: Node reads the kit's TypeScript itself.
import '../kit/typescript-hooks.mjs';
import { openHandles } from './open-handles.mjs';

/**
 * Starts one broker for all end-to-end tests and names it in E2E_KAFKA_BROKERS, unless that names one already. With
 * E2E_COMPOSITION=cluster the services are APIs and workers on a PostgreSQL, which it names in E2E_POSTGRES_URL.
 */
export default async function startSharedBroker() {
  globalThis.handlesBeforeTests = openHandles();
  // The tests' brokers live for a minute: what the JVM's second compiler would win, it costs.
  process.env.KAFKA_JVM_FLAGS ??= '-XX:TieredStopAtLevel=1';
  if (process.env.E2E_COMPOSITION === 'cluster') {
    const { startPostgres } = await import('../kit/postgres.ts');
    globalThis.sharedPostgres = await startPostgres({ settings: ['max_connections=500'] });
    process.env.E2E_POSTGRES_URL = `postgres://batch@127.0.0.1:${globalThis.sharedPostgres.port}/postgres`;
  }
  if (process.env.E2E_KAFKA_BROKERS) return;
  const { startBroker } = await import('../kit/kafka-broker.ts');
  globalThis.sharedBroker = await startBroker();
  process.env.E2E_KAFKA_BROKERS = globalThis.sharedBroker.brokers;
}
