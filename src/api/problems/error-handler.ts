import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { catalogue, ServiceError } from '../../errors/index.js';
import { REQUEST_ID_HEADER } from '../request-id.js';
import type { RouteTable } from '../route-table.js';
import { fromFramework } from './framework-error.js';
import { PROBLEM_CONTENT_TYPE, retryAfterSeconds, toProblem } from './problem.js';

/** Ends a request with the problem of `error`, and logs it. */
export type ErrorHandler = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void;

/** The path of a request's URL, without query. */
export function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? url;
}

/** The one place where an error becomes an HTTP answer. */
export function createErrorHandler(routes: RouteTable, log: Logger): ErrorHandler {
  return (thrown, request, reply) => {
    const path = pathOf(request.url);
    const allowed = routes.methodsOf(path);
    const error = fromFramework(thrown, { method: request.method, path }, allowed);
    const code = error instanceof ServiceError ? error.code : 'INTERNAL_ERROR';

    if (code === 'INTERNAL_ERROR') log.error({ err: thrown, code, request_id: request.id }, 'request failed');
    else log.info({ code, detail: (error as ServiceError).message, request_id: request.id }, 'request refused');
    if (reply.sent || reply.raw.headersSent || request.raw.socket.destroyed) return;

    if (code === 'METHOD_NOT_ALLOWED') reply.header('allow', allowed.join(', '));
    // RFC 9110 section 15.5.2.
    if (catalogue[code].status === 401) reply.header('www-authenticate', 'Bearer realm="Batch"');
    const retryAfter = (error instanceof ServiceError ? error.retryAfterS : null) ?? retryAfterSeconds(code);
    if (retryAfter !== null) reply.header('retry-after', String(retryAfter));
    const problem = toProblem(error, path, request.id);
    // Fastify asks to close if a body was not read; the client would be cut off before it finds the answer.
    reply.removeHeader('connection');
    reply.header(REQUEST_ID_HEADER, request.id);
    reply.code(problem.status).header('content-type', PROBLEM_CONTENT_TYPE).send(JSON.stringify(problem));
  };
}
