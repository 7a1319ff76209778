/** Where a span is in its trace, as W3C Trace Context spells it in headers. */
export interface TraceContext {
  readonly traceparent: string;
  /** At most 512 characters; absent: there is none. */
  readonly tracestate?: string;
}

export type SpanAttributes = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface SpanStart {
  kind: 'server' | 'internal' | 'producer' | 'consumer' | 'client';
  /** null: a trace begins here, or nobody knows of one. */
  parent: TraceContext | null;
  attributes?: SpanAttributes;
  /** Milliseconds since the epoch; by default now. */
  startedAt?: number;
}

/** One step of the work. */
export interface Span {
  /** For its children, in this process or another; null: traces are off. */
  readonly context: TraceContext | null;
  set(attributes: SpanAttributes): void;
  /** Once. `error`: a word for what went wrong, never with values. */
  end(error?: string): void;
}

/** Spans of this process. No call throws, blocks or waits, whatever becomes of what is exported. */
export interface Tracing {
  start(name: string, start: SpanStart): Span;
  /** Exports what is left, for a bounded time. */
  close(): Promise<void>;
}

const NO_SPAN: Span = { context: null, set: () => undefined, end: () => undefined };

/** Traces are off. */
export const NO_TRACING: Tracing = { start: () => NO_SPAN, close: async () => undefined };

/** Where Nest finds the process's tracing. */
export const TRACING = Symbol('tracing');

/** The id of the trace, for the log. */
export function traceIdOf(context: TraceContext | null): string | undefined {
  return context?.traceparent.split('-')[1];
}
