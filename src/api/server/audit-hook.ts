import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { pathOf } from '../problems/error-handler.js';

/** Routes that only read, but what is in files. */
const DISCLOSING: readonly string[] = ['/jobs/:id/rejected'];
const MAX_PATH = 200;

/**
 * Logs a line for each request that changes something, reads rows, or is refused for want of a right: who, what, on which resource, with what
 * outcome. Neither queries nor bodies are in it. LOG_LEVEL does not hide it, unless it is `silent`.
 */
export function auditRequests(app: NestFastifyApplication, log: Logger): void {
  if (log.level === 'silent') return;
  const audit = log.child({ log: 'audit' }, { level: 'info' });
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onResponse', async (request, reply) => {
      if (isAudited(request, reply)) audit.info(entryOf(request, reply), 'audit');
    });
}

function isAudited({ method, routeOptions: { url = '' } }: FastifyRequest, { statusCode }: FastifyReply): boolean {
  return !['GET', 'HEAD', 'OPTIONS'].includes(method) || DISCLOSING.includes(url) || [401, 403].includes(statusCode);
}

function entryOf(request: FastifyRequest, reply: FastifyReply): Record<string, unknown> {
  const { access, method, ip, id } = request;
  const created = reply.getHeader('location');
  return {
    actor: access?.key?.name ?? null,
    key_id: access?.key?.id ?? null,
    action: `${method} ${request.routeOptions.url ?? '*'}`,
    resource: (typeof created === 'string' ? created : pathOf(request.url)).slice(0, MAX_PATH),
    status: reply.statusCode,
    address: ip,
    request_id: id,
  };
}
