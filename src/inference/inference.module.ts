import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG, type Config } from '../config/index.js';
import { Spool, UploadReceiver } from '../upload/index.js';
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
      inject: [Spool, InferenceDesk, CONFIG],
      useFactory: (spool: Spool, desk: InferenceDesk, { maxUploadBytes: maxFileBytes, uploadIdleMs: idleMs }: Config) =>
        new UploadReceiver(spool, { maxFileBytes, idleMs }, async (query, fields) => {
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
