import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Req, UseGuards } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { type Access, CurrentAccess } from '../../auth/index.js';
import type { SinkName } from '../../ingest/index.js';
import { LOG } from '../../observability/index.js';
import { SinkCommands, type SinkStatus } from '../coordination/sink-commands.js';
import type { Job } from '../domain/job.js';
import { JobAccessGuard } from './job-access.guard.js';
import { JobIdPipe } from './job-id.pipe.js';
import { JobQueries } from './job-queries.js';
import { SinkNamePipe } from './sink-name.pipe.js';
import { SinksToAddDto } from './sinks.dto.js';

@Controller()
@UseGuards(JobAccessGuard)
export class SinksController {
  constructor(
    private readonly commands: SinkCommands,
    private readonly queries: JobQueries,
    @Inject(LOG) private readonly log: Logger,
  ) {}

  @Get('sinks')
  async list(@CurrentAccess() access: Access): Promise<SinkStatus[]> {
    access.requireAllModels('sinks show the errors of all');
    return this.commands.list();
  }

  @Post('jobs/:id/sinks')
  @HttpCode(202)
  @RouteConfig({ body: 'json' })
  async add(@Param('id', JobIdPipe) id: string, @Body() { sinks }: SinksToAddDto): Promise<Job> {
    return this.queries.view(await this.commands.add(id, sinks));
  }

  @Post('jobs/:id/sinks/:name/retry')
  @HttpCode(202)
  async retry(@Param('id', JobIdPipe) id: string, @Param('name', SinkNamePipe) name: SinkName): Promise<Job> {
    return this.queries.view(await this.commands.retry(id, name));
  }

  @Delete('jobs/:id/sinks/:name/rows')
  @HttpCode(202)
  async remove(
    @Param('id', JobIdPipe) id: string,
    @Param('name', SinkNamePipe) name: SinkName,
    @Req() request: FastifyRequest,
  ): Promise<Job> {
    const job = await this.commands.remove(id, name);
    this.log.info({ job_id: id, sink: name, request_id: request.id }, "a job's rows are being removed from a sink");
    return this.queries.view(job);
  }
}
