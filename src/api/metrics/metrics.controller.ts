import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { type Access, CurrentAccess } from '../../auth/index.js';
import { METRICS, type Metrics } from '../../observability/metrics/index.js';

@Controller()
export class MetricsController {
  constructor(@Inject(METRICS) private readonly metrics: Metrics) {}

  /** What this process has counted, in the text format of Prometheus. */
  @Get('metrics')
  async scrape(@CurrentAccess() access: Access, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    access.requireAllModels('metrics count those of all');
    const { registry } = this.metrics;
    reply.type(registry.contentType);
    return registry.metrics();
  }
}
