import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { KafkaProbe } from '../kafka/index.js';
import { ModelService } from '../models/index.js';
import { idempotencyKey } from './idempotency-key.js';
import { parsePartialOptions } from './job-options.js';

/**
 * What can be said about an upload before its body is read. Kafka comes first: without it there is no use in
 * anything else.
 */
@Injectable()
export class JobAdmissionGuard implements CanActivate {
  constructor(
    private readonly kafka: KafkaProbe,
    private readonly models: ModelService,
  ) {}

  /** Throws KAFKA_UNAVAILABLE, INVALID_REQUEST, INVALID_OPTION, MODEL_NOT_FOUND. */
  async canActivate(context: ExecutionContext): Promise<true> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    await this.kafka.check();
    idempotencyKey(request.headers);
    const { modelId } = parsePartialOptions(request.query as Record<string, unknown>);
    if (modelId !== null) await this.models.require(modelId);
    return true;
  }
}
