import { Inject, Module } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/index.js';
import { KafkaProbe } from '../../kafka/index.js';
import { METRICS, type Metrics } from '../../observability/metrics/index.js';
import { LocalFileStore } from '../../storage/index.js';
import { HealthDetails } from '../health/index.js';
import { MetricsController } from './metrics.controller.js';

/** /metrics, and what every process can say of itself. */
@Module({ controllers: [MetricsController] })
export class MetricsModule {
  constructor(
    @Inject(METRICS) metrics: Metrics,
    health: HealthDetails,
    kafka: KafkaProbe,
    localFiles: LocalFileStore,
    @Inject(CONFIG) { role, minFreeBytes, maxUploads, jobConcurrency }: Config,
  ) {
    metrics.gauge('batch_kafka_up', '1 if a broker answers.', async () => {
      const isUp = await kafka.check().then(
        () => true,
        () => false,
      );
      return Number(isUp);
    });
    metrics.gauge(
      'batch_degraded',
      '1 for each detail of /readyz that is degraded.',
      () => health.states().map(({ name, isDegraded }) => ({ labels: { part: name }, value: Number(isDegraded) })),
      ['part'],
    );
    if (role !== 'worker') {
      metrics.gauge(
        'batch_storage_free_bytes',
        'Bytes that files may still take on the disk, above MIN_FREE_BYTES.',
        () => localFiles.room(),
      );
      metrics.gauge('batch_storage_min_free_bytes', 'MIN_FREE_BYTES.', () => minFreeBytes);
      metrics.gauge('batch_uploads_limit', 'MAX_UPLOADS.', () => maxUploads);
    }
    if (role !== 'api') metrics.gauge('batch_job_concurrency', 'JOB_CONCURRENCY.', () => jobConcurrency);
  }
}
