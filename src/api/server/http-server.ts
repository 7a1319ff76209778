import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, RouteOptions } from 'fastify';
import type { Logger } from 'pino';
import { ServiceError } from '../../errors/index.js';
import type { Metrics } from '../../observability/metrics/index.js';
import type { Tracing } from '../../observability/tracing/index.js';
import { helpScripts } from '../docs/help.js';
import { createErrorHandler, type ErrorHandler, pathOf } from '../problems/error-handler.js';
import { PROBLEM_CONTENT_TYPE, toProblem } from '../problems/problem.js';
import { REQUEST_ID_HEADER, requestId } from '../request-id.js';
import { RouteTable } from '../route-table.js';
import type { BodyPace } from './body-watch.js';
import { deferContinue } from './expect-continue.js';
import { isEvents, isJson, readJson } from './json-body.js';
import { lingeringClose } from './lingering-close.js';
import { traceRequests } from './request-tracing.js';
import { requireOneHost, requireSameSite, requireServedHost } from './same-site.js';
import { sendSecurityHeaders } from './security-headers.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `json`: the route takes a JSON body; otherwise the body is left unread for the handler. */
    body?: 'json' | 'json or form' | 'json or none' | 'events';
  }
}

export interface HttpServerOptions {
  /** Host names served beside the localhost names. */
  allowedHosts: readonly string[];
  /** Origins whose pages may make requests, beside its own. */
  allowedOrigins: readonly string[];
  /** How fast a JSON body must come. */
  pace: BodyPace;
  log: Logger;
  metrics: Metrics;
  tracing: Tracing;
}

export interface HttpServer {
  adapter: FastifyAdapter;
  /** Fills as routes are registered. */
  routes: RouteTable;
  handleError: ErrorHandler;
}

/** Paths that probes and Prometheus ask for by address: no Host check. */
const HEALTH_PATHS = new Set(['/healthz', '/readyz', '/metrics']);

/**
 * Fastify as this service needs it, before Nest adds its routes: request ids, refusal of foreign hosts and sites,
 * bodies read by us only (JSON if the route says so), early answers that reach their client, and problems for
 * whatever goes wrong.
 */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const routes = new RouteTable();
  const handleError = createErrorHandler(routes, options.log);
  const adapter = new QuietAdapter({
    genReqId: (request: IncomingMessage) => requestId(request.headers),
    // Malformed ids are "not found", however long: the header limit (16 KiB) bounds them.
    routerOptions: { maxParamLength: 16_384 },
    frameworkErrors: handleError,
    // Fastify's response is not a problem document: see refuseWhileClosing.
    return503OnClosing: false,
    clientErrorHandler: answerUnparsable,
  });
  const server = adapter.getInstance();

  // A slow but honest upload may take hours; what stands still is ended by its own watch.
  server.server.requestTimeout = 0;
  deferContinue(server.server);

  // For hooks, and for routes that Nest does not know; its own go through ProblemFilter.
  server.setErrorHandler(handleError);

  traceRequests(server, options.tracing, HEALTH_PATHS);
  refuseWhileClosing(server);
  server.addHook('onRoute', (route: RouteOptions) => routes.add(route.method, route.url));
  server.addHook('onRequest', async (request, reply) => {
    reply.header(REQUEST_ID_HEADER, request.id);
  });
  sendSecurityHeaders(server, helpScripts);
  // After the middleware that logs requests, before the body is read.
  server.addHook('preParsing', async (request) => {
    const path = pathOf(request.url);
    const served = { names: options.allowedHosts, origins: options.allowedOrigins };
    requireOneHost(request.raw);
    if (!HEALTH_PATHS.has(path)) requireServedHost(request.headers, served);
    requireSameSite(request.method, path, request.headers, served);
  });
  server.addHook('onResponse', async (request) => lingeringClose(request.raw));
  const { httpRequests, httpDuration } = options.metrics;
  server.addHook('onResponse', async (request, reply) => {
    const { method } = request;
    const route = request.routeOptions.url ?? 'none';
    httpRequests.inc({ method, route, status: reply.statusCode });
    httpDuration.observe({ method, route }, reply.elapsedTime / 1000);
  });

  // Fastify leaves every body unread; JSON is read here, an upload by the jobs side.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', async () => undefined);
  server.addHook('preValidation', async (request, reply) => {
    const { body } = request.routeOptions.config;
    if (body === 'json or none' && !hasBody(request.raw)) request.body = {};
    else if (
      body === 'json' ||
      body === 'json or none' ||
      (body === 'json or form' && isJson(request.headers['content-type']))
    ) {
      request.body = await readJson(request.raw, reply.raw, options.pace);
    } else if (body === 'events') {
      request.body = await readJson(request.raw, reply.raw, options.pace, isEvents);
    }
  });
  return { adapter, routes, handleError };
}

/** RFC 9112, section 6: a request has a body if it says how long it is. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Requests that come on an open connection once the server has begun to close: another process may take them. */
function refuseWhileClosing(server: FastifyInstance): void {
  let isClosing = false;
  server.addHook('preClose', async () => {
    isClosing = true;
  });
  server.addHook('onRequest', async () => {
    if (isClosing) throw new ServiceError('SERVICE_BUSY', 'The service is shutting down');
  });
}

/** Leaves Fastify's error handler as it is: Nest's would lead to the same place, and Fastify warns of a second one. */
class QuietAdapter extends FastifyAdapter {
  override setErrorHandler(): ReturnType<FastifyAdapter['setErrorHandler']> {
    return this.getInstance();
  }
}

/** Answers bytes that are not HTTP: there is no request yet, and so no reply object. */
function answerUnparsable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = toProblem(unparsable(error.code), '/', requestId({}));
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\nContent-Type: ${PROBLEM_CONTENT_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function unparsable(code: string | undefined): ServiceError {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ServiceError('UPLOAD_TIMEOUT', "The request's headers did not arrive in time");
    case 'HPE_HEADER_OVERFLOW':
      return new ServiceError('INVALID_REQUEST', "The request's headers are too large");
    default:
      return new ServiceError('INVALID_REQUEST', 'The request is not valid HTTP');
  }
}
