import type { Config } from '../../config/index.js';
import { ServiceError } from '../../errors/index.js';
import type { ClusterProbe, JobProbe, KafkaProbe } from '../../kafka/index.js';
import type { RemovalStore } from '../store/removal-store.js';
import type { PrefixOwnership } from './prefix-ownership.js';

export interface JobAdmissionOptions {
  kafka: Pick<KafkaProbe, 'check'>;
  cluster: Pick<ClusterProbe, 'check'>;
  ownership: Pick<PrefixOwnership, 'require'>;
  probe: Pick<JobProbe, 'check'>;
  rows: Pick<RemovalStore, 'areThere'>;
  config: Pick<Config, 'maxJobTopics'>;
}

/** Whether the service can take jobs now, whatever their files. */
export class JobAdmission {
  constructor(private readonly options: JobAdmissionOptions) {}

  /** Throws KAFKA_UNAVAILABLE, KAFKA_REJECTED, SERVICE_BUSY. */
  async requireKafka(): Promise<void> {
    await this.options.kafka.check();
    await this.options.ownership.require();
  }

  /** Throws TOPIC_LIMIT, KAFKA_UNSUPPORTED, KAFKA_UNAVAILABLE, KAFKA_REJECTED, SERVICE_BUSY. */
  async requireRoom(): Promise<void> {
    const { rows, config, cluster, probe } = this.options;
    // Uploads that are under way may each add theirs.
    if (await rows.areThere(Math.floor(config.maxJobTopics / 2))) {
      const limit = `MAX_JOB_TOPICS (${config.maxJobTopics})`;
      throw new ServiceError('TOPIC_LIMIT', `The jobs have as many topics as ${limit} allows`);
    }
    // What cannot be done at all is said before what is refused for this reason.
    const [ofCluster, ofJob] = await Promise.allSettled([cluster.check(), probe.check()]);
    for (const answer of [ofCluster, ofJob]) if (answer.status === 'rejected') throw answer.reason;
  }
}
