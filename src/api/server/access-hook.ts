import type { IncomingMessage } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { type Access, ANYBODY, Authenticator, type Scope } from '../../auth/index.js';
import { ServiceError } from '../../errors/index.js';

/** Pages that are the same for everybody, and say nothing of what the service holds. */
const PUBLIC_ROUTE = /^\/(?:$|openapi\.json$|(?:docs|help)(?:\/|$))/;

/**
 * Asks each request for a key before its body is read, unless its route is public; also for paths that there are not, so that nobody finds
 * out which there are. `demanded`: false lets everybody do everything.
 */
export function requireAccess(app: NestFastifyApplication, demanded: boolean): void {
  const server = app.getHttpAdapter().getInstance();
  const authenticator = app.get(Authenticator, { strict: false });
  server.decorateRequest('access', null);
  // After the one that looks at Host and Origin.
  server.addHook('preParsing', async (request) => {
    if (!demanded) request.access = ANYBODY;
    else await authenticate(request, authenticator);
  });
}

/** Throws UNAUTHENTICATED, FORBIDDEN, INVALID_REQUEST, STORE_UNAVAILABLE. */
async function authenticate(request: FastifyRequest, authenticator: Authenticator): Promise<void> {
  const needed = accessNeeded(request);
  if (needed === 'public') return;
  requireOneAuthorization(request.raw);
  const { authorization } = request.headers;
  if (needed === 'report') {
    if (authorization !== undefined) request.access = await ifKnown(authenticator, authorization);
    return;
  }
  const access = await authenticator.authenticate(authorization);
  // Also of a request that is refused: the audit log names it.
  request.access = access;
  access.requireScope(needed);
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

/** A report that the database does not answer must not fail for want of the database. */
async function ifKnown(authenticator: Authenticator, authorization: string): Promise<Access | null> {
  try {
    return await authenticator.authenticate(authorization);
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'UNAUTHENTICATED') throw error;
    return null;
  }
}
