import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../../config/index.js';
import { ServiceError } from '../../errors/index.js';
import { parsePartialRequest } from '../../ingest/index.js';
import { ClusterProbe, JobProbe, KafkaProbe } from '../../kafka/index.js';
import { ModelService } from '../../models/index.js';
import { PrefixOwnership } from '../coordination/prefix-ownership.js';
import { JobStore } from '../store/job-store.js';
import { RemovalStore } from '../store/removal-store.js';
import { idempotencyKey } from './idempotency-key.js';

type Given = Readonly<Record<string, unknown>>;

/** Judges a part of a request for a job. Throws INVALID_OPTION, MODEL_NOT_FOUND. */
export async function admitJob(models: ModelService, query: Given, fields: Given = {}): Promise<void> {
  const { modelId } = parsePartialRequest(query, fields);
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
    private readonly cluster: ClusterProbe,
    private readonly ownership: PrefixOwnership,
    private readonly probe: JobProbe,
    private readonly models: ModelService,
    private readonly jobs: JobStore,
    private readonly rows: RemovalStore,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Throws KAFKA_UNAVAILABLE, KAFKA_UNSUPPORTED, KAFKA_REJECTED, SERVICE_BUSY, TOPIC_LIMIT, INVALID_REQUEST, INVALID_OPTION, MODEL_NOT_FOUND. */
  async canActivate(context: ExecutionContext): Promise<true> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    await this.kafka.check();
    await this.ownership.require();
    const key = idempotencyKey(request.headers);
    await admitJob(this.models, request.query as Given);
    try {
      await this.#requireRoomForTopics();
      await this.#requireKafka();
    } catch (error) {
      // An upload whose job exists needs no topics.
      if (key === null || (await this.jobs.findByIdempotencyKey(key)) === undefined) throw error;
    }
    return true;
  }

  /** What cannot be done at all is said before what is refused for this reason. */
  async #requireKafka(): Promise<void> {
    const [cluster, job] = await Promise.allSettled([this.cluster.check(), this.probe.check()]);
    for (const answer of [cluster, job]) if (answer.status === 'rejected') throw answer.reason;
  }

  /** Uploads that are under way may each add theirs. */
  async #requireRoomForTopics(): Promise<void> {
    const { maxJobTopics } = this.config;
    if (!(await this.rows.areThere(Math.floor(maxJobTopics / 2)))) return;
    throw new ServiceError('TOPIC_LIMIT', `The jobs have as many topics as MAX_JOB_TOPICS (${maxJobTopics}) allows`);
  }
}
