import { createRequire } from 'node:module';
import { tokenFailure, UnexpectedAnswer } from './kafka-failure.js';
import { type Broker, destroyBroker } from './kafkajs-internals.js';
import { withTimeout } from './timeout.js';

interface BrokerPool {
  seedBroker?: Broker;
  versions: Broker['versions'];
  hasConnectedBrokers(): boolean;
  /** Takes the next server of the list. */
  createSeedBroker(): Promise<void>;
  retrier(attempt: (bail: (error: unknown) => void) => Promise<void>): Promise<void>;
  connect(): Promise<void>;
}

/** A broker answers within milliseconds, but a token endpoint, which is asked while connecting, may take 10 s. */
const ANSWER_MS = 11_000;

/**
 * kafkajs 2.2.4 begins with the first server of the list, and tries the next one only if that one refuses the connection
 * (cluster/brokerPool.js). If it is frozen, or takes connections and closes them, as a load balancer or a starting broker
 * does, nothing connects though all others are there. From here on each failure that may pass, or 11 s without an answer,
 * leads to the next server. Throws if kafkajs has changed.
 */
export function tryEveryServer(): void {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/cluster/brokerPool') as { prototype: BrokerPool };
  for (const method of ['connect', 'createSeedBroker', 'hasConnectedBrokers'] as const) {
    if (typeof prototype[method] !== 'function')
      throw new Error('kafkajs has another broker pool: see bootstrap-servers.ts');
  }
  prototype.connect = async function (this: BrokerPool): Promise<void> {
    if (this.hasConnectedBrokers()) return;
    if (this.seedBroker === undefined) await this.createSeedBroker();
    await this.retrier(async (bail) => {
      const server = this.seedBroker as Broker;
      try {
        await withTimeout(ANSWER_MS, 'connecting', server.connect());
        this.versions = server.versions;
      } catch (error) {
        destroyBroker(server, error as Error); // it may never answer what it was asked
        // Somebody who began at the same time may have gone on to the next one already.
        if (this.seedBroker === server) await this.createSeedBroker();
        const isSilent = error instanceof UnexpectedAnswer && tokenFailure(error) === null;
        if (isSilent || (error as { retriable?: boolean }).retriable) throw error;
        bail(error);
      }
    });
  };
}
