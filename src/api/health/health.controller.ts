import { Controller, Get, Inject, Req, Res, ServiceUnavailableException } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { type HealthCheckResult, HealthCheckService, type HealthIndicatorResult } from '@nestjs/terminus';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../../config/index.js';
import { HealthDetails } from './health-details.js';
import { ServiceHealth } from './service.health.js';

@Controller()
export class HealthController {
  constructor(
    private readonly checks: HealthCheckService,
    private readonly service: ServiceHealth,
    private readonly details: HealthDetails,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Liveness: the process serves requests. */
  @Get('healthz')
  @RouteConfig({ access: 'public' })
  live(): { status: string; timestamp: string } {
    return { status: 'healthy', timestamp: new Date().toISOString() };
  }

  /**
   * Readiness: Terminus' report, 503 only if uploads would fail, or of a worker if it could not work on jobs; other
   * troubles are among its details.
   */
  @Get('readyz')
  @RouteConfig({ access: 'report' })
  async ready(@Req() { access }: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const report = await this.#report();
    if (report.status !== 'ok') reply.code(503);
    const full = { ...report, details: { ...this.details.degraded(), ...report.details } };
    return access === null ? withoutDetail(full) : full;
  }

  async #report(): Promise<HealthCheckResult> {
    try {
      return await this.checks.check([
        () => this.service.kafka(),
        () => this.service.store(),
        () => this.service.storage(),
        // Only uploads take room.
        ...(this.config.role === 'worker' ? [] : [() => this.service.disk()]),
        ...this.details.unmet().map(
          ([name, message]) =>
            () =>
              this.service.unmet(name, message),
        ),
      ]);
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      return error.getResponse() as HealthCheckResult;
    }
  }
}

/** Which parts work, and not what is known of them: addresses, free space, what brokers say. */
function withoutDetail({ status, info, error, details }: HealthCheckResult): object {
  const statuses = (parts: Partial<HealthIndicatorResult> = {}): object =>
    Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, { status: part?.status }]));
  return { status, info: statuses(info), error: statuses(error), details: statuses(details) };
}
