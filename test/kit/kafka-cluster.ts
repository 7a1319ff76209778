import { type Broker, startBroker } from './kafka-broker.js';
import { freePort } from './ports.js';

/** Apache Kafka on several nodes of the test's own; internal topics have a replica on each. */
export interface Cluster {
  /** host:port of every node, comma-separated, as KAFKA_BROKERS wants it. */
  readonly brokers: string;
  /** By node id, from 1 on. */
  readonly nodes: ReadonlyMap<number, Broker>;
  stop(): Promise<void>;
}

/** Starts that many nodes and waits until each answers. */
export async function startCluster(count: number): Promise<Cluster> {
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  const ports = new Map<number, number>();
  for (const id of ids) ports.set(id, await freePort());
  const voters = ids.map((id) => `${id}@127.0.0.1:${ports.get(id)}`).join(',');
  const started = await Promise.allSettled(
    ids.map((id) => startBroker({ node: { id, controllerPort: ports.get(id) as number, voters } })),
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
