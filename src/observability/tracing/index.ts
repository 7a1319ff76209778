export { openTracing } from './open-tracing.js';
export { NO_TRACING, type Span, TRACING, type TraceContext, type Tracing, traceIdOf } from './tracing.js';
