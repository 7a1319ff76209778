import {
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Post,
  Query,
  Req,
  Res,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { ConcurrencyLimit, nextPageLink, traceContextOf } from '../../api/index.js';
import { type Access, CurrentAccess } from '../../auth/index.js';
import { ServiceError } from '../../errors/index.js';
import { parseJobRequest, parseSourceRequest } from '../../ingest/index.js';
import { ModelService } from '../../models/index.js';
import { LOG } from '../../observability/index.js';
import { Sources } from '../../sources/index.js';
import { type ReceivedUpload, UPLOAD_LIMIT, Upload, UploadInterceptor } from '../../upload/index.js';
import { JobCommands } from '../coordination/commands.js';
import { openSettledSource } from '../coordination/given-file.js';
import { type Intake, JobSubmission, type Submitter } from '../coordination/submission.js';
import type { Job, JobSummary } from '../domain/job.js';
import { idempotencyKey } from './idempotency-key.js';
import { JobAccessGuard } from './job-access.guard.js';
import { JobAdmissionGuard } from './job-admission.guard.js';
import { JobDeleteDto } from './job-delete.dto.js';
import { JobIdPipe } from './job-id.pipe.js';
import { JobListDto } from './job-list.dto.js';
import { JobQueries } from './job-queries.js';

@Controller('jobs')
@UseGuards(JobAccessGuard)
export class JobsController {
  constructor(
    private readonly submission: JobSubmission,
    private readonly commands: JobCommands,
    private readonly queries: JobQueries,
    private readonly models: ModelService,
    private readonly sources: Sources,
    @Inject(UPLOAD_LIMIT) private readonly limit: ConcurrencyLimit,
    @Inject(LOG) private readonly log: Logger,
  ) {}

  @Post()
  @HttpCode(202)
  @UseGuards(JobAdmissionGuard)
  @RouteConfig({ body: 'json or form' })
  @UseInterceptors(UploadInterceptor)
  async create(
    @CurrentAccess() access: Access,
    @Upload() upload: ReceivedUpload | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Job> {
    const query = request.query as Record<string, unknown>;
    const key = idempotencyKey(request.headers, access);
    const by: Submitter = { owner: access.key?.name ?? null, parent: traceContextOf(request.raw) };
    const { record, replayed } = await (upload === undefined
      ? this.#createFromSource(query, request.body, key, access, by)
      : this.#createFromUpload(query, upload, key, access, by));
    const { jobId, sizeBytes } = record;
    reply.header('location', `/jobs/${jobId}`);
    if (replayed) reply.code(200).header('idempotency-replayed', 'true');
    else this.log.info({ job_id: jobId, bytes: sizeBytes, request_id: request.id }, 'job accepted');
    return this.queries.view(record);
  }

  async #createFromUpload(
    query: Record<string, unknown>,
    upload: ReceivedUpload,
    key: string | null,
    access: Access,
    by: Submitter,
  ): Promise<Intake> {
    const request = parseJobRequest(query, upload.fields);
    access.requireModel(request.modelId);
    return this.submission.accept(upload, request, key, by);
  }

  async #createFromSource(
    query: Record<string, unknown>,
    body: unknown,
    key: string | null,
    access: Access,
    by: Submitter,
  ): Promise<Intake> {
    const { uri, request } = parseSourceRequest(query, body);
    access.requireModel(request.modelId);
    await this.models.require(request.modelId);
    // Its beginning is in memory, as that of an upload is.
    const leave = this.limit.enter();
    try {
      return await this.submission.acceptSource(uri, () => openSettledSource(this.sources, uri), request, key, by);
    } finally {
      leave();
    }
  }

  @Get()
  async list(
    @CurrentAccess() access: Access,
    @Query() { model_id: modelId, resumable, ...query }: JobListDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobSummary[]> {
    if (modelId !== undefined) access.requireModel(modelId);
    const filter = { ...query, modelId, models: access.models, resumable: resumable && resumable === 'true' };
    const { items, nextCursor } = await this.queries.list(filter);
    if (nextCursor !== null) reply.header('link', nextPageLink(request.url, nextCursor));
    return items;
  }

  @Get(':id')
  async get(@Param('id', JobIdPipe) id: string): Promise<Job> {
    return this.queries.get(id);
  }

  @Delete(':id')
  @HttpCode(202)
  async delete(
    @Param('id', JobIdPipe) id: string,
    @Query() { purge, force }: JobDeleteDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Job> {
    if (purge === 'true') {
      const purged = await this.commands.purge(id, force === 'true');
      this.log.info({ job_id: id, state: purged.state, request_id: request.id }, 'job is being purged');
      return this.queries.view(purged);
    }
    if (force === 'true') throw new ServiceError('INVALID_REQUEST', 'force requires purge=true');
    const { record, already } = await this.commands.cancel(id);
    if (already) reply.code(200);
    return this.queries.view(record);
  }

  @Post(':id/resume')
  @HttpCode(202)
  async resume(@Param('id', JobIdPipe) id: string): Promise<Job> {
    return this.queries.view(await this.commands.resume(id));
  }
}
