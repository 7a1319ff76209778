import { Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Access, type ApiKey, ApiKeys, CurrentAccess } from '../../auth/index.js';
import { ServiceError } from '../../errors/index.js';
import { nextPageLink } from '../page-link.js';
import { PageQueryDto } from '../page-query.dto.js';

@Controller('keys')
export class KeysController {
  constructor(private readonly keys: ApiKeys) {}

  @Post()
  @HttpCode(201)
  @RouteConfig({ body: 'json', access: 'admin' })
  async create(
    @CurrentAccess() access: Access,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ApiKey & { key: string }> {
    const key = await this.keys.create(request.body, ownKey(access).name);
    reply.header('cache-control', 'no-store');
    return key;
  }

  @Get()
  @RouteConfig({ access: 'admin' })
  async list(
    @CurrentAccess() access: Access,
    @Query() query: PageQueryDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ApiKey[]> {
    ownKey(access);
    const { items, nextCursor } = await this.keys.list(query);
    if (nextCursor !== null) reply.header('link', nextPageLink(request.url, nextCursor));
    return items;
  }

  /** The one that the request is made with. */
  @Get('current')
  async current(@CurrentAccess() access: Access): Promise<ApiKey> {
    return this.keys.get(ownKey(access).id);
  }

  @Delete(':id')
  @RouteConfig({ access: 'admin' })
  async revoke(@CurrentAccess() access: Access, @Param('id') id: string): Promise<ApiKey> {
    ownKey(access);
    return this.keys.revoke(id);
  }
}

/** Throws FORBIDDEN if there are no keys: whoever made one now could come in with it once they are asked for. */
function ownKey({ key }: Access): { id: string; name: string } {
  if (key !== null) return key;
  throw new ServiceError('FORBIDDEN', 'The service asks for no keys (AUTH=none), and so has none', {
    hint: 'Set AUTH=keys on the server; docs/security.md says how to create the first key.',
  });
}
