import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Span, TraceContext, Tracing } from '../../observability/tracing/index.js';

const spans = new WeakMap<IncomingMessage, Span>();

/** The span of a request, for what is done for it; null: traces are off. */
export function traceContextOf(request: IncomingMessage): TraceContext | null {
  return spans.get(request)?.context ?? null;
}

/** A span for each request but those of `untraced` paths, in the trace that its headers name. */
export function traceRequests(server: FastifyInstance, tracing: Tracing, untraced: ReadonlySet<string>): void {
  server.addHook('onRequest', async ({ raw, method, headers, routeOptions }) => {
    const route = routeOptions.url;
    if (route !== undefined && untraced.has(route)) return;
    const span = tracing.start(route === undefined ? method : `${method} ${route}`, {
      kind: 'server',
      parent: parentOf(headers),
      attributes: { 'http.request.method': method, ...(route === undefined ? {} : { 'http.route': route }) },
    });
    if (span.context !== null) spans.set(raw, span);
  });
  server.addHook('onResponse', async ({ raw }, { statusCode }) => {
    const span = spans.get(raw);
    if (span === undefined) return;
    span.set({ 'http.response.status_code': statusCode });
    span.end(statusCode >= 500 ? String(statusCode) : undefined);
  });
}

function parentOf({ traceparent, tracestate }: Record<string, string | string[] | undefined>): TraceContext | null {
  if (typeof traceparent !== 'string') return null;
  // Several header fields are one list.
  const state = Array.isArray(tracestate) ? tracestate.join(',') : tracestate;
  return state === undefined ? { traceparent } : { traceparent, tracestate: state };
}
