import { Global, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller.js';
import { HealthDetails } from './health-details.js';
import { ServiceHealth } from './service.health.js';

/** Global, so that every module can add what it knows to HealthDetails. */
@Global()
@Module({
  // The report is in the answer, and a failing probe every few seconds would drown the log.
  imports: [TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
  providers: [ServiceHealth, HealthDetails],
  exports: [HealthDetails],
})
export class HealthModule {}
