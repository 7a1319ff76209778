import type { Broker } from '../kit/kafka-broker.js';
import type { KafkaProxy } from '../kit/kafka-proxy.js';
import { type ProxiedBroker, type ProxiedOptions, startProxiedBroker } from '../kit/proxied-broker.js';
import { JobStage } from './job-stage.js';

export { MODEL, signal, until } from './job-stage.js';

/** One broker behind a proxy. */
export class Stage extends JobStage {
  private constructor(
    seed: number,
    private readonly proxied: ProxiedBroker,
  ) {
    super(seed, { direct: proxied.broker.brokers, proxies: [proxied.proxy] });
  }

  static async open(seed: number, options: ProxiedOptions = {}): Promise<Stage> {
    return new Stage(seed, await startProxiedBroker(options));
  }

  get broker(): Broker {
    return this.proxied.broker;
  }

  get proxy(): KafkaProxy {
    return this.proxied.proxy;
  }

  override async close(): Promise<void> {
    await super.close();
    await this.proxied.stop();
  }
}

/** What is wanted in these numbers by the long programme and the short one. */
export interface Scenario<S extends JobStage = Stage> {
  readonly name: string;
  readonly what: string;
  readonly times: { long: number; short: number };
  run(stage: S, times: number): Promise<void>;
}
