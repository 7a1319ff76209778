import type { KafkaConfig } from '../../config/index.js';
import { ClusterInspector, createKafka, type DescribedCluster } from '../../kafka/index.js';

/** What several checks ask of the brokers, each asked once. */
export class KafkaFacts {
  readonly inspector: ClusterInspector;
  #everything: Promise<DescribedCluster> | undefined;

  constructor(readonly config: KafkaConfig) {
    this.inspector = new ClusterInspector(createKafka(config));
  }

  /** All topics that we may describe. */
  describe(): Promise<DescribedCluster> {
    this.#everything ??= this.inspector.describe(null);
    return this.#everything;
  }

  /** For commands of Kafka's own tools. */
  get bootstrap(): string {
    return `--bootstrap-server ${this.config.brokers.join(',')}`;
  }

  close(): void {
    this.inspector.close();
  }
}
