import type { IncomingMessage } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Access, ANYBODY, Authenticator, type Scope } from '../../auth/index.js';
import type { Config } from '../../config/index.js';
import { ServiceError } from '../../errors/index.js';
import { RateLimits } from './rate-limit.js';

/** Pages that are the same for everybody, and say nothing of what the service holds. */
const PUBLIC_ROUTE = /^\/(?:$|openapi\.json$|(?:docs|help)(?:\/|$))/;

/**
 * Asks each request for a key before its body is read, unless its route is public; also for paths that there are not, so that nobody finds
 * out which there are; then counts it. With `auth` `none` everybody may do everything.
 */
export function requireAccess(app: NestFastifyApplication, settings: Pick<Config, 'auth' | 'rateLimits'>): void {
  const server = app.getHttpAdapter().getInstance();
  const authenticator = app.get(Authenticator, { strict: false });
  const limits = new RateLimits(app, settings.rateLimits);
  server.decorateRequest('access', null);
  // After the one that looks at Host and Origin.
  server.addHook('preParsing', async (request, reply) => {
    const needed = settings.auth === 'keys' ? accessNeeded(request) : 'public';
    // Also of a request that is refused: the audit log names it.
    if (settings.auth === 'none') request.access = ANYBODY;
    else if (needed !== 'public') request.access = await identify(request, reply, needed === 'report');
    await limits.countRequest(request, reply);
    if (needed === 'public' || needed === 'report') return;
    if (request.access === null) throw new ServiceError('UNAUTHENTICATED', 'The request has no API key');
    request.access.requireScope(needed);
  });

  /** null: it has no key. Throws UNAUTHENTICATED, RATE_LIMITED, INVALID_REQUEST, STORE_UNAVAILABLE. */
  async function identify(request: FastifyRequest, reply: FastifyReply, isReport: boolean): Promise<Access | null> {
    requireOneAuthorization(request.raw);
    const { authorization } = request.headers;
    if (authorization === undefined) return null;
    // Whoever has a wrong key does not lock out those that share the address.
    if (!authenticator.wasGood(authorization)) await limits.requireFewWrongKeys(request, reply);
    try {
      return await authenticator.authenticate(authorization);
    } catch (error) {
      const isWrong = error instanceof ServiceError && error.code === 'UNAUTHENTICATED';
      if (isWrong) await limits.countWrongKey(request);
      // A report that the database does not answer must not fail for want of the database.
      else if (isReport) return null;
      throw error;
    }
  }
}

function accessNeeded({ method, routeOptions }: FastifyRequest): Scope | 'public' | 'report' {
  const { config, url } = routeOptions;
  if (config?.access !== undefined) return config.access;
  // By the route that was found, not by how the request spells its path.
  if (url !== undefined && PUBLIC_ROUTE.test(url)) return 'public';
  return method === 'GET' || method === 'HEAD' ? 'read' : 'write';
}

/** A proxy may have read another one. */
function requireOneAuthorization(request: IncomingMessage): void {
  if ((request.headersDistinct['authorization']?.length ?? 0) < 2) return;
  throw new ServiceError('INVALID_REQUEST', 'The request has more than one Authorization header');
}
