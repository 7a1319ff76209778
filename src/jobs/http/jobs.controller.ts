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
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { nextPageLink } from '../../api/index.js';
import { ServiceError } from '../../errors/index.js';
import { LOG } from '../../observability/index.js';
import { type ReceivedUpload, Upload, UploadInterceptor } from '../../upload/index.js';
import type { Job, JobSummary } from '../domain/job.js';
import { JobService } from '../job-service.js';
import { idempotencyKey } from './idempotency-key.js';
import { JobAdmissionGuard } from './job-admission.guard.js';
import { JobDeleteDto } from './job-delete.dto.js';
import { JobListDto } from './job-list.dto.js';

@Controller('jobs')
export class JobsController {
  constructor(
    private readonly jobs: JobService,
    @Inject(LOG) private readonly log: Logger,
  ) {}

  @Post()
  @HttpCode(202)
  @UseGuards(JobAdmissionGuard)
  @UseInterceptors(UploadInterceptor)
  async create(
    @Upload() upload: ReceivedUpload,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Job> {
    const query = request.query as Record<string, unknown>;
    const { job, replayed } = await this.jobs.create(upload, query, idempotencyKey(request.headers));
    reply.header('location', `/jobs/${job.job_id}`);
    if (replayed) reply.code(200).header('idempotency-replayed', 'true');
    else this.log.info({ job_id: job.job_id, bytes: job.size_bytes, request_id: request.id }, 'job accepted');
    return job;
  }

  @Get()
  async list(
    @Query() { model_id: modelId, ...query }: JobListDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobSummary[]> {
    const { items, nextCursor } = await this.jobs.list({ ...query, modelId });
    if (nextCursor !== null) reply.header('link', nextPageLink(request.url, nextCursor));
    return items;
  }

  @Get(':id')
  async get(@Param('id') id: string): Promise<Job> {
    return this.jobs.get(id);
  }

  @Delete(':id')
  @HttpCode(202)
  async delete(
    @Param('id') id: string,
    @Query() { purge, force }: JobDeleteDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Job> {
    if (purge === 'true') {
      const purged = await this.jobs.purge(id, force === 'true');
      this.log.info({ job_id: id, state: purged.state, request_id: request.id }, 'job is being purged');
      return purged;
    }
    if (force === 'true') throw new ServiceError('INVALID_REQUEST', 'force goes with purge=true only');
    const { job, already } = await this.jobs.cancel(id);
    if (already) reply.code(200);
    return job;
  }

  @Post(':id/resume')
  @HttpCode(202)
  async resume(@Param('id') id: string): Promise<Job> {
    return this.jobs.resume(id);
  }
}
