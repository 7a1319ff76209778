import { type DynamicModule, Module } from '@nestjs/common';
import type { Role } from '../config/index.js';
import { ModelsModule } from '../models/index.js';
import { Sources } from '../sources/index.js';
import { ApiLifecycle } from './api-lifecycle.js';
import { apiProviders } from './api-providers.js';
import { JobAdmission } from './coordination/admission.js';
import { JobCommands } from './coordination/commands.js';
import { LEADER } from './coordination/leadership.js';
import { PrefixOwnership } from './coordination/prefix-ownership.js';
import { JobSubmission } from './coordination/submission.js';
import { JobsController } from './http/jobs.controller.js';
import { RejectedRowsController } from './http/rejected-rows.controller.js';
import { SinksController } from './http/sinks.controller.js';
import { sharedProviders } from './shared-providers.js';
import { JobStore } from './store/job-store.js';
import { WorkerLifecycle } from './worker-lifecycle.js';
import { workerProviders } from './worker-providers.js';

@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a module of Nest is a class
export class JobsModule {
  static of(role: Role): DynamicModule {
    const isApi = role !== 'worker';
    return {
      module: JobsModule,
      imports: [ModelsModule],
      controllers: isApi ? [JobsController, RejectedRowsController, SinksController] : [],
      providers: [
        ...sharedProviders,
        ...(isApi ? [...apiProviders, ApiLifecycle] : [WorkerLifecycle]),
        ...(role === 'api' ? [] : workerProviders),
      ],
      exports: isApi ? [LEADER, JobAdmission, JobCommands, JobStore, JobSubmission, PrefixOwnership, Sources] : [],
    };
  }
}
