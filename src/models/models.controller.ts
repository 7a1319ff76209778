import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { nextPageLink, PageQueryDto } from '../api/index.js';
import { ModelCreateDto, ModelUpdateDto } from './model.dto.js';
import type { Model } from './model.js';
import { ModelService } from './model-service.js';

@Controller('models')
export class ModelsController {
  constructor(private readonly models: ModelService) {}

  @Post()
  @HttpCode(201)
  @RouteConfig({ body: 'json' })
  async create(@Body() body: ModelCreateDto, @Res({ passthrough: true }) reply: FastifyReply): Promise<Model> {
    const model = await this.models.create(body);
    reply.header('location', `/models/${model.id}`);
    return model;
  }

  @Get()
  async list(
    @Query() query: PageQueryDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Model[]> {
    const { items, nextCursor } = await this.models.list(query);
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
