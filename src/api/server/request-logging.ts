import type { IncomingMessage, ServerResponse } from 'node:http';
import { RequestMethod } from '@nestjs/common';
import type { Params } from 'nestjs-pino';
import type { Logger } from 'pino';

/** Asked for every few seconds by whoever watches the service. */
const PROBES = ['/healthz', '/readyz', '/metrics'];

/** One line for each request when it is answered, under the request's id; probes only at debug. */
export function requestLogging(logger: Logger): Params {
  return {
    forRoutes: [{ path: '*splat', method: RequestMethod.ALL }],
    pinoHttp: {
      logger,
      // Fastify gave it already.
      genReqId: (request) => request.id,
      quietReqLogger: true,
      // Method, path and status say enough; headers and queries may hold what is nobody's business.
      serializers: { req: () => undefined, res: () => undefined },
      customAttributeKeys: { reqId: 'request_id', responseTime: 'duration_ms' },
      customLogLevel: (request: IncomingMessage, response: ServerResponse, error) => {
        if (error !== undefined || response.statusCode >= 500) return 'warn';
        return PROBES.includes(pathOf(request)) ? 'debug' : 'info';
      },
      customSuccessMessage: () => 'request',
      customErrorMessage: () => 'request',
      customSuccessObject: (request, response, object) => ({ ...object, ...summary(request, response) }),
      customErrorObject: (request, response, _error, object) => ({ ...plain(object), ...summary(request, response) }),
    },
  };
}

/** Without the error that pino-http makes up for every status from 500 on: the real one has its own line. */
function plain({ err: _error, ...rest }: Record<string, unknown>): Record<string, unknown> {
  return rest;
}

function summary(request: IncomingMessage, response: ServerResponse): Record<string, unknown> {
  return { method: request.method, path: pathOf(request), status: response.statusCode };
}

function pathOf(request: IncomingMessage): string {
  const original = 'originalUrl' in request ? String(request.originalUrl) : request.url;
  return original?.split('?', 1)[0] ?? '';
}
