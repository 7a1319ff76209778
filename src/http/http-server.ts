import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { BatchError } from '../errors/index.js';
import { deferContinue } from './expect-continue.js';
import { fromFramework } from './framework-error.js';
import { readJson } from './json-body.js';
import { lingerOverBody } from './linger.js';
import { PROBLEM_CONTENT_TYPE, toProblem } from './problem.js';
import { REQUEST_ID_HEADER, requestId } from './request-id.js';
import { RouteTable } from './route-table.js';
import { requireSameSite, requireServedHost } from './same-site.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `json`: the route takes a JSON body; otherwise the body is left unread for the handler. */
    body?: 'json';
  }
}

export interface HttpServerOptions {
  /** Host names served beside the localhost names. */
  allowedHosts: readonly string[];
  /** How long a body may stand still, in ms. */
  idleMs: number;
}

/** Paths that probes ask for by address: no Host check. */
const HEALTH_PATHS = new Set(['/healthz', '/readyz']);

/**
 * Fastify as this service needs it, before Nest adds its routes: request ids, refusal of foreign hosts and sites,
 * bodies read by us only (JSON where the route says so), early answers that reach their client, and problems for
 * what goes wrong before a route is found. `routes` fills as routes are registered.
 */
export function createHttpServer(options: HttpServerOptions): { adapter: FastifyAdapter; routes: RouteTable } {
  const routes = new RouteTable();
  const adapter = new FastifyAdapter({
    genReqId: (request: IncomingMessage) => requestId(request.headers),
    // Malformed ids are "not found", however long: the header limit (16 KiB) bounds them.
    routerOptions: { maxParamLength: 16_384 },
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      sendProblem(fromFramework(error, { method: request.method, path: pathOf(request.url) }, []), request, reply);
    },
    clientErrorHandler: answerUnparsable,
  });
  const server = adapter.getInstance();

  // A slow but honest upload may take hours; what stands still is ended by its own watch.
  server.server.requestTimeout = 0;
  deferContinue(server.server);

  server.addHook('onRoute', (route: RouteOptions) => routes.add(route.method, route.url));
  server.addHook('onRequest', async (request, reply) => {
    reply.header(REQUEST_ID_HEADER, request.id);
    reply.header('x-content-type-options', 'nosniff');
  });
  // After the middleware that logs requests, before the body is looked at.
  server.addHook('preParsing', async (request) => {
    const path = pathOf(request.url);
    const served = { names: options.allowedHosts };
    if (!HEALTH_PATHS.has(path)) requireServedHost(request.headers, served);
    requireSameSite(request.method, path, request.headers, served);
  });
  server.addHook('onResponse', async (request) => lingerOverBody(request.raw));

  // Fastify leaves every body unread; JSON is read here, an upload by the jobs side.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', async () => undefined);
  server.addHook('preValidation', async (request, reply) => {
    if (request.routeOptions.config.body === 'json') {
      request.body = await readJson(request.raw, reply.raw, options.idleMs);
    }
  });
  return { adapter, routes };
}

/** The path of a request's URL, without query. */
export function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? url;
}

/** Ends a request with the problem of `error`. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error, pathOf(request.url), request.id);
  // Fastify asks for it where a body was not read; the client would be cut off before it finds the answer.
  reply.removeHeader('connection');
  reply.header(REQUEST_ID_HEADER, request.id);
  reply.code(problem.status).header('content-type', PROBLEM_CONTENT_TYPE).send(JSON.stringify(problem));
}

/** Bytes that are no HTTP: there is no request yet, and so no reply object. */
function answerUnparsable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const detail =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? "The request's headers are too large"
      : 'The request is not valid HTTP, or its headers did not arrive in time';
  const body = JSON.stringify(toProblem(new BatchError('INVALID_REQUEST', detail), '/', requestId({})));
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: ${PROBLEM_CONTENT_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
