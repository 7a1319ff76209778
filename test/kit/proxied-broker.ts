import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, type BrokerOptions, startBroker } from './kafka-broker.js';
import { KafkaProxy } from './kafka-proxy.js';
import { freePort } from './ports.js';

export interface ProxiedBroker {
  /** Its `brokers` lead past the proxy. */
  readonly broker: Broker;
  /** Whoever starts at the proxy's address stays behind it. */
  readonly proxy: KafkaProxy;
  stop(): Promise<void>;
}

export interface ProxiedOptions {
  /** What the listener behind the proxy speaks; PLAINTEXT unless told otherwise. */
  protocol?: 'PLAINTEXT' | 'SASL_PLAINTEXT';
  /** Further broker settings, each a line. */
  settings?: readonly string[];
}

/** A broker with two listeners, of which one leads through a proxy. */
export async function startProxiedBroker(proxied: ProxiedOptions = {}): Promise<ProxiedBroker> {
  const folder = mkdtempSync(join(tmpdir(), 'batch-proxied-'));
  const { proxy, options } = await behindProxy(join(folder, 'broker.properties'), proxied);
  const broker = await startBroker(options);
  return {
    broker,
    proxy,
    async stop() {
      await proxy.stop();
      await broker.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Starts a proxy, and writes into `properties` what the broker behind it has to be started with. */
export async function behindProxy(
  properties: string,
  { protocol = 'PLAINTEXT', settings = [] }: ProxiedOptions = {},
): Promise<{ proxy: KafkaProxy; options: BrokerOptions }> {
  const [port, proxiedPort] = [await freePort(), await freePort()];
  const proxy = await KafkaProxy.start(proxiedPort);
  const lines = [
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port},PROXIED://${proxy.address}`,
    `listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:${protocol}`,
    'inter.broker.listener.name=PLAINTEXT',
    ...settings,
  ];
  writeFileSync(properties, `${lines.join('\n')}\n`);
  return { proxy, options: { port, properties, listener: `PROXIED://127.0.0.1:${proxiedPort}` } };
}
