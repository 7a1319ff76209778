import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller.js';
import { ServiceHealth } from './service.health.js';

@Module({
  // The report is in the answer, and a failing probe every few seconds would drown the log.
  imports: [TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
  providers: [ServiceHealth],
})
export class HealthModule {}
