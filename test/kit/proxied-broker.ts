import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, startBroker } from './kafka-broker.js';
import { KafkaProxy } from './kafka-proxy.js';
import { freePort } from './ports.js';

export interface ProxiedBroker {
  /** Its `brokers` lead past the proxy. */
  readonly broker: Broker;
  /** Whoever starts at the proxy's address stays behind it. */
  readonly proxy: KafkaProxy;
  stop(): Promise<void>;
}

/** A broker with two listeners, of which one leads through a proxy; it speaks PLAINTEXT unless told otherwise. */
export async function startProxiedBroker(
  proxied: { protocol?: 'PLAINTEXT' | 'SASL_PLAINTEXT'; settings?: string[] } = {},
): Promise<ProxiedBroker> {
  const folder = mkdtempSync(join(tmpdir(), 'batch-proxied-'));
  const [port, proxiedPort] = [await freePort(), await freePort()];
  const proxy = await KafkaProxy.start(proxiedPort);
  const properties = join(folder, 'broker.properties');
  const settings = [
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port},PROXIED://${proxy.address}`,
    `listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:${proxied.protocol ?? 'PLAINTEXT'}`,
    'inter.broker.listener.name=PLAINTEXT',
    ...(proxied.settings ?? []),
  ];
  writeFileSync(properties, `${settings.join('\n')}\n`);
  const broker = await startBroker({ port, properties, listener: `PROXIED://127.0.0.1:${proxiedPort}` });
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
