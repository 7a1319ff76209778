import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { BatchError } from '../errors/index.js';
import { fromFramework } from './framework-error.js';
import { pathOf, sendProblem } from './http-server.js';
import { retryAfterSeconds } from './problem.js';
import type { RouteTable } from './route-table.js';

/** The one place where an error becomes an HTTP answer. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly routes: RouteTable,
    private readonly log: Logger,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const path = pathOf(request.url);
    const allowed = this.routes.methodsOf(path);
    const error = fromFramework(thrown, { method: request.method, path }, allowed);
    const code = error instanceof BatchError ? error.code : 'INTERNAL_ERROR';

    if (code === 'INTERNAL_ERROR') {
      this.log.error({ err: thrown, code, request_id: request.id }, 'request failed');
    } else {
      this.log.info({ code, detail: (error as BatchError).message, request_id: request.id }, 'request refused');
    }
    if (reply.sent || reply.raw.headersSent || request.raw.socket.destroyed) return;

    if (code === 'METHOD_NOT_ALLOWED') reply.header('allow', allowed.join(', '));
    const retryAfter = retryAfterSeconds(code);
    if (retryAfter !== null) reply.header('retry-after', String(retryAfter));
    sendProblem(error, request, reply);
  }
}
