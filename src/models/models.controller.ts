import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, Req, Res, UseGuards } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { nextPageLink, PageQueryDto } from '../api/index.js';
import { type Access, CurrentAccess } from '../auth/index.js';
import { ModelCreateDto, ModelUpdateDto } from './model.dto.js';
import type { Model } from './model.js';
import { ModelAccessGuard } from './model-access.guard.js';
import { ModelService } from './model-service.js';

@Controller('models')
@UseGuards(ModelAccessGuard)
export class ModelsController {
  constructor(private readonly models: ModelService) {}

  @Post()
  @HttpCode(201)
  @RouteConfig({ body: 'json' })
  async create(
    @CurrentAccess() access: Access,
    @Body() body: ModelCreateDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Model> {
    // Without an id, the name is the id, or a name that cannot be one leads to a new id.
    access.requireModel(body.id ?? body.name);
    const model = await this.models.create(body);
    reply.header('location', `/models/${model.id}`);
    return model;
  }

  @Get()
  async list(
    @CurrentAccess() { models }: Access,
    @Query() query: PageQueryDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Model[]> {
    const { items, nextCursor } = await this.models.list({ ...query, models });
    if (nextCursor !== null) reply.header('link', nextPageLink(request.url, nextCursor));
    return items;
  }

  @Get(':id')
  async get(@Param('id') id: string): Promise<Model> {
    return this.models.get(id);
  }

  @Get(':id/versions')
  async versions(
    @Param('id') id: string,
    @Query() query: PageQueryDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Model[]> {
    const { items, nextCursor } = await this.models.versions(id, query);
    if (nextCursor !== null) reply.header('link', nextPageLink(request.url, nextCursor));
    return items;
  }

  @Get(':id/versions/:version')
  async version(@Param('id') id: string, @Param('version') version: string): Promise<Model> {
    return this.models.version(id, version);
  }

  @Put(':id')
  @RouteConfig({ body: 'json' })
  async update(@Param('id') id: string, @Body() body: ModelUpdateDto): Promise<Model> {
    return this.models.update(id, body);
  }

  @Delete(':id')
  @HttpCode(204)
  async delete(@Param('id') id: string): Promise<void> {
    await this.models.delete(id);
  }
}
