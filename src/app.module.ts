import { type DynamicModule, Module } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import type { Logger } from 'pino';
import { HealthModule } from './api/health/index.js';
import { requestLogging } from './api/index.js';
import { KeysModule } from './api/keys/index.js';
import { MetricsModule } from './api/metrics/index.js';
import { AuthModule } from './auth/index.js';
import { BackupModule } from './backup/index.js';
import type { Config } from './config/index.js';
import type { SqliteThread } from './database/sqlite/index.js';
import { DiagnosticsModule } from './diagnostics/index.js';
import { FeedsModule } from './feeds/index.js';
import { InferenceModule } from './inference/index.js';
import { JobsModule } from './jobs/index.js';
import { ModelsApiModule } from './models/index.js';
import type { Metrics } from './observability/metrics/index.js';
import type { Tracing } from './observability/tracing/index.js';
import { PlatformModule } from './platform.module.js';

/** What a process of this role does; each tells its health. */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a module of Nest is a class
export class AppModule {
  /** `sqlite`: the database, if it is being opened already. */
  static of(config: Config, log: Logger, metrics: Metrics, tracing: Tracing, sqlite?: SqliteThread): DynamicModule {
    const jobs = JobsModule.of(config.role);
    return {
      module: AppModule,
      imports: [
        LoggerModule.forRoot(requestLogging(log)),
        PlatformModule.of(config, log, metrics, tracing, sqlite),
        AuthModule,
        ...(config.role === 'worker' ? [] : [KeysModule, ModelsApiModule, InferenceModule]),
        jobs,
        ...(config.role === 'worker' ? [] : [FeedsModule.of(jobs), DiagnosticsModule, BackupModule]),
        HealthModule,
        MetricsModule,
      ],
    };
  }
}
