import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { KafkaProbe } from '../kafka/index.js';
import { ModelService } from '../models/index.js';
import { idempotencyKey } from './idempotency-key.js';
import { parsePartialOptions } from './job-options.js';

type Given = Readonly<Record<string, unknown>>;

/** Judges a part of a request for a job. Throws INVALID_OPTION, MODEL_NOT_FOUND. */
export async function admitJob(models: ModelService, query: Given, fields: Given = {}): Promise<void> {
  const { modelId } = parsePartialOptions(query, fields);
  if (modelId !== null) await models.require(modelId);
}

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
    await admitJob(this.models, request.query as Given);
    return true;
  }
}
