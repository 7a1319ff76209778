import { Module, type OnApplicationShutdown } from '@nestjs/common';
import type { ConcurrencyLimit } from '../api/index.js';
import { CONFIG, type Config } from '../config/index.js';
import { METRICS, type Metrics } from '../observability/metrics/index.js';
import { TRACING, type Tracing } from '../observability/tracing/index.js';
import { LocalFileStore, untracked } from '../storage/index.js';
import { UPLOAD_LIMIT, UploadReceiver } from '../upload/index.js';
import { parseInferOptions } from './infer-options.js';
import { InferenceController } from './inference.controller.js';
import { InferenceLimiter } from './inference-limiter.js';

const LIMITS = { concurrency: 2, maxWaiting: 8, maxWaitMs: 10_000, timeoutMs: 60_000 };

@Module({
  controllers: [InferenceController],
  providers: [
    {
      provide: InferenceLimiter,
      inject: [CONFIG],
      useFactory: ({ runnerMaxRssBytes: maxRssBytes }: Config) => new InferenceLimiter({ ...LIMITS, maxRssBytes }),
    },
    {
      provide: UploadReceiver,
      inject: [LocalFileStore, InferenceLimiter, UPLOAD_LIMIT, METRICS, TRACING, CONFIG],
      useFactory: (
        files: LocalFileStore,
        limiter: InferenceLimiter,
        concurrency: ConcurrencyLimit,
        metrics: Metrics,
        tracing: Tracing,
        { maxUploadBytes: maxFileBytes, uploadPace: pace }: Config,
      ) =>
        new UploadReceiver(
          untracked(files),
          { maxFileBytes, pace, concurrency, metrics, tracing },
          async (_access, query, fields) => {
            limiter.requireCapacity();
            parseInferOptions(query, fields);
          },
        ),
    },
  ],
})
export class InferenceModule implements OnApplicationShutdown {
  constructor(private readonly limiter: InferenceLimiter) {}

  onApplicationShutdown(): void {
    this.limiter.close();
  }
}
