import { Controller, Get, Inject, Res, ServiceUnavailableException } from '@nestjs/common';
import { type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
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
  live(): { status: string; timestamp: string } {
    return { status: 'healthy', timestamp: new Date().toISOString() };
  }

  /**
   * Readiness: Terminus' report, 503 only if uploads would fail, or of a worker if it could not work on jobs; other
   * troubles are among its details.
   */
  @Get('readyz')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const report = await this.#report();
    if (report.status !== 'ok') reply.code(503);
    return { ...report, details: { ...this.details.degraded(), ...report.details } };
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
