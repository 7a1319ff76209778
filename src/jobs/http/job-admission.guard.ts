import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type Access, accessOf } from '../../auth/index.js';
import { parsePartialRequest } from '../../ingest/index.js';
import { ModelService } from '../../models/index.js';
import { JobAdmission } from '../coordination/admission.js';
import { JobStore } from '../store/job-store.js';
import { idempotencyKey } from './idempotency-key.js';

type Given = Readonly<Record<string, unknown>>;

/** Judges a part of a request for a job. Throws INVALID_OPTION, FORBIDDEN, MODEL_NOT_FOUND. */
export async function admitJob(models: ModelService, access: Access, query: Given, fields: Given = {}): Promise<void> {
  const { modelId } = parsePartialRequest(query, fields);
  if (modelId === null) return;
  access.requireModel(modelId);
  await models.require(modelId);
}

/**
 * What can be said about an upload before its body is read. Kafka comes first: without it there is no use in
 * anything else.
 */
@Injectable()
export class JobAdmissionGuard implements CanActivate {
  constructor(
    private readonly admission: JobAdmission,
    private readonly models: ModelService,
    private readonly jobs: JobStore,
  ) {}

  /** Throws KAFKA_UNAVAILABLE, KAFKA_UNSUPPORTED, KAFKA_REJECTED, SERVICE_BUSY, TOPIC_LIMIT, INVALID_REQUEST, INVALID_OPTION, FORBIDDEN, MODEL_NOT_FOUND. */
  async canActivate(context: ExecutionContext): Promise<true> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const access = accessOf(request);
    await this.admission.requireKafka();
    const key = idempotencyKey(request.headers, access);
    await admitJob(this.models, access, request.query as Given);
    try {
      await this.admission.requireRoom();
    } catch (error) {
      // An upload whose job exists needs no topics.
      if (key === null || (await this.jobs.findByIdempotencyKey(key)) === undefined) throw error;
    }
    return true;
  }
}
