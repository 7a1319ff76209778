import { Inject, Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { DATABASE, type Database } from '../../database/index.js';
import { ServiceError } from '../../errors/index.js';
import { ClusterProbe, KafkaProbe, TopicAdmin } from '../../kafka/index.js';
import { FILE_STORE, type FileStore, LocalFileStore } from '../../storage/index.js';

const TIMEOUT_MS = 2_000;

/** What is known of the cluster: the brokers that are there, the replicas of new topics, the time that transactions have. */
type KafkaFacts = {
  brokers?: number;
  replication_factor?: number;
  transaction_timeout_ms?: number;
};

/** What an upload needs: a broker that can do exactly once, the database, a store that takes files, room on the disk. */
@Injectable()
export class ServiceHealth {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly probe: KafkaProbe,
    private readonly cluster: ClusterProbe,
    private readonly topics: TopicAdmin,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(FILE_STORE) private readonly files: FileStore,
    private readonly localFiles: LocalFileStore,
  ) {}

  async kafka(): Promise<HealthIndicatorResult<'kafka'>> {
    const ask = async (): Promise<KafkaFacts> => {
      await Promise.all([this.probe.check(), this.cluster.check()]);
      const { brokers, transactionTimeoutMs } = this.cluster.state ?? {};
      return {
        ...(brokers !== undefined && { brokers }),
        ...(this.topics.obtainedReplicas !== null && { replication_factor: this.topics.obtainedReplicas }),
        ...(typeof transactionTimeoutMs === 'number' && { transaction_timeout_ms: transactionTimeoutMs }),
      };
    };
    return this.indicators.check('kafka').attempt(ask).withTimeout(TIMEOUT_MS);
  }

  async store(): Promise<HealthIndicatorResult<'store'>> {
    const ask = async (): Promise<void> => {
      await this.database.selectFrom('models').select('id').limit(1).execute();
    };
    return this.indicators.check('store').attempt(ask).withTimeout(TIMEOUT_MS);
  }

  async storage(): Promise<HealthIndicatorResult<'storage'>> {
    return this.indicators
      .check('storage')
      .attempt(() => this.files.requireWritable())
      .withTimeout(TIMEOUT_MS);
  }

  /** A need that somebody else watches over. */
  unmet(name: string, message: string): HealthIndicatorResult {
    return this.indicators.check(name).down(message);
  }

  async disk(): Promise<HealthIndicatorResult<'disk'>> {
    const ask = async (): Promise<{ free_bytes: number }> => {
      const room = await this.localFiles.room();
      // Not even an upload of one byte would be taken.
      if (room < 1) throw new ServiceError('INSUFFICIENT_STORAGE', `${1 - room} bytes short of MIN_FREE_BYTES`);
      return { free_bytes: room };
    };
    return this.indicators.check('disk').attempt(ask).withTimeout(TIMEOUT_MS);
  }
}
