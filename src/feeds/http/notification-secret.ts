import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { FeedService } from '../feed-service.js';

const ROUTE = '/feeds/:id/notifications';

/**
 * Asks notifications for the secret of their feed before their body is read. Whoever has none learns nothing: not even which
 * feeds there are.
 */
export function requireNotificationSecret(server: FastifyInstance, feeds: Pick<FeedService, 'requireSecret'>): void {
  server.addHook('preParsing', async (request: FastifyRequest) => {
    if (request.routeOptions.url !== ROUTE) return;
    const { id } = request.params as { id: string };
    await feeds.requireSecret(id, request.headers.authorization);
  });
}
