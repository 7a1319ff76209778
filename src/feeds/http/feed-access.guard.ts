import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { feedNotFound } from '../feed-service.js';
import { FeedStore } from '../store/feed-store.js';

/** Hides the feeds of models that the request's key is not for, on each route below a feed's id. */
@Injectable()
export class FeedAccessGuard implements CanActivate {
  constructor(private readonly feeds: FeedStore) {}

  /** Throws FEED_NOT_FOUND. */
  async canActivate(context: ExecutionContext): Promise<true> {
    const request = context.switchToHttp().getRequest<FastifyRequest<{ Params: { id?: string } }>>();
    const { access, params } = request;
    const { id } = params;
    // Notifications have a secret in place of a key.
    if (id === undefined || access === null || access.models === null) return true;
    const feed = await this.feeds.get(id);
    // What is not there is refused here, too: what else is wrong with the request would tell the two apart.
    if (feed === undefined || !access.mayUse(feed.definition.modelId)) throw feedNotFound(id);
    return true;
  }
}
