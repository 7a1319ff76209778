import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG, type Config } from '../config/index.js';
import type { ConcurrencyLimit } from '../http/index.js';
import { Spool, UPLOAD_LIMIT, UploadReceiver } from '../upload/index.js';
import { parseInferOptions } from './infer-options.js';
import { InferenceController } from './inference.controller.js';
import { InferenceDesk } from './inference-desk.js';

const LIMITS = { concurrency: 2, maxWaiting: 8, maxWaitMs: 10_000, timeoutMs: 60_000 };

@Module({
  controllers: [InferenceController],
  providers: [
    {
      provide: InferenceDesk,
      inject: [CONFIG],
      useFactory: ({ runnerMaxRssBytes: maxRssBytes }: Config) => new InferenceDesk({ ...LIMITS, maxRssBytes }),
    },
    {
      provide: UploadReceiver,
      inject: [Spool, InferenceDesk, UPLOAD_LIMIT, CONFIG],
      useFactory: (
        spool: Spool,
        desk: InferenceDesk,
        concurrency: ConcurrencyLimit,
        { maxUploadBytes: maxFileBytes, uploadPace: pace }: Config,
      ) =>
        new UploadReceiver(spool, { maxFileBytes, pace, concurrency }, async (query, fields) => {
          desk.requirePlace();
          parseInferOptions(query, fields);
        }),
    },
  ],
})
export class InferenceModule implements OnApplicationShutdown {
  constructor(private readonly desk: InferenceDesk) {}

  onApplicationShutdown(): void {
    this.desk.close();
  }
}
