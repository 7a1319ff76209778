import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, type BrokerOptions, startBroker } from './kafka-broker.js';
import type { KafkaProxy } from './kafka-proxy.js';
import { freePort } from './ports.js';
import { behindProxy, type ProxiedOptions } from './proxied-broker.js';

/** Apache Kafka on several nodes of the test's own; internal topics have a replica on each. */
export interface Cluster {
  /** host:port of every node, comma-separated, as KAFKA_BROKERS wants it. */
  readonly brokers: string;
  /** By node id, from 1 on. */
  readonly nodes: ReadonlyMap<number, Broker>;
  stop(): Promise<void>;
}

/** A cluster whose every node has one more listener, which leads through a proxy. Nodes reach each other past them. */
export interface ProxiedCluster extends Cluster {
  /** By node id. */
  readonly proxies: ReadonlyMap<number, KafkaProxy>;
}

/** Starts that many nodes and waits until each answers. */
export async function startCluster(
  count: number,
  optionsOf: (id: number) => BrokerOptions = () => ({}),
): Promise<Cluster> {
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  const ports = new Map<number, number>();
  for (const id of ids) ports.set(id, await freePort());
  const voters = ids.map((id) => `${id}@127.0.0.1:${ports.get(id)}`).join(',');
  const started = await Promise.allSettled(
    ids.map((id) => startBroker({ ...optionsOf(id), node: { id, controllerPort: ports.get(id) as number, voters } })),
  );
  const running = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const stop = async (): Promise<void> => {
    await Promise.all(running.map((broker) => broker.stop()));
  };
  const failed = started.find((each) => each.status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  const nodes = new Map(running.map((broker, index) => [index + 1, broker]));
  return { brokers: running.map(({ brokers }) => brokers).join(','), nodes, stop };
}

/** Starts that many nodes, each behind its own proxy. */
export async function startProxiedCluster(count: number, proxied: ProxiedOptions = {}): Promise<ProxiedCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'batch-cluster-'));
  const proxies = new Map<number, KafkaProxy>();
  const options = new Map<number, BrokerOptions>();
  for (let id = 1; id <= count; id++) {
    const behind = await behindProxy(join(folder, `${id}.properties`), proxied);
    proxies.set(id, behind.proxy);
    options.set(id, behind.options);
  }
  const stopProxies = async (): Promise<void> => {
    await Promise.all([...proxies.values()].map((proxy) => proxy.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const cluster = await startCluster(count, (id) => options.get(id) as BrokerOptions);
    return {
      ...cluster,
      proxies,
      async stop() {
        await cluster.stop();
        await stopProxies();
      },
    };
  } catch (error) {
    await stopProxies();
    throw error;
  }
}
