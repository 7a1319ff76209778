import { Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res, UseGuards } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { nextPageLink, PageQueryDto } from '../../api/index.js';
import { type Access, CurrentAccess } from '../../auth/index.js';
import type { Feed, FeedSummary } from '../domain/feed.js';
import type { FeedFile } from '../domain/feed-file.js';
import { FeedService } from '../feed-service.js';
import { FeedAccessGuard } from './feed-access.guard.js';
import { FeedFilesDto } from './feed-files.dto.js';

@Controller('feeds')
@UseGuards(FeedAccessGuard)
export class FeedsController {
  constructor(private readonly feeds: FeedService) {}

  @Post()
  @HttpCode(201)
  @RouteConfig({ body: 'json' })
  async create(
    @CurrentAccess() access: Access,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Feed> {
    const feed = await this.feeds.create(request.body, access);
    reply.header('location', `/feeds/${feed.id}`);
    return feed;
  }

  @Get()
  async list(
    @CurrentAccess() access: Access,
    @Query() query: PageQueryDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FeedSummary[]> {
    const { items, nextCursor } = await this.feeds.list(query, access);
    if (nextCursor !== null) reply.header('link', nextPageLink(request.url, nextCursor));
    return items;
  }

  @Get(':id')
  async get(@Param('id') id: string): Promise<Feed> {
    return this.feeds.get(id);
  }

  @Get(':id/files')
  async files(
    @Param('id') id: string,
    @Query() query: FeedFilesDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FeedFile[]> {
    const { items, nextCursor } = await this.feeds.files(id, query);
    if (nextCursor !== null) reply.header('link', nextPageLink(request.url, nextCursor));
    return items;
  }

  @Post(':id/pause')
  @HttpCode(200)
  async pause(@Param('id') id: string): Promise<Feed> {
    return this.feeds.pause(id);
  }

  @Post(':id/resume')
  @HttpCode(200)
  async resume(@Param('id') id: string): Promise<Feed> {
    return this.feeds.resume(id);
  }

  @Post(':id/retry')
  @HttpCode(202)
  @RouteConfig({ body: 'json or none' })
  async retry(@Param('id') id: string, @Req() request: FastifyRequest): Promise<{ retried: number }> {
    return this.feeds.retry(id, request.body);
  }

  @Post(':id/notifications')
  @HttpCode(202)
  @RouteConfig({ body: 'events', access: 'public' })
  async notify(@Param('id') id: string, @Req() { headers, body }: FastifyRequest): Promise<void> {
    await this.feeds.notify(id, body, headers['ce-specversion'] !== undefined);
  }

  @Delete(':id')
  @HttpCode(204)
  async delete(@Param('id') id: string): Promise<void> {
    await this.feeds.delete(id);
  }
}
