import type { Attributes, SpanContext, Span as SpanOfApi, Tracer } from '@opentelemetry/api';
import type { Sampler } from '@opentelemetry/sdk-trace';
import type { Logger } from 'pino';
import type { TracingConfig } from '../../config/index.js';
import { NO_TRACING, type Span, type SpanStart, type TraceContext, type Tracing } from './tracing.js';

/** A collector that hangs does not keep the process. */
const CLOSE_MS = 500;
/** A collector that is away is not news at every batch. */
const COMPLAIN_EVERY_MS = 60_000;
const MAX_TRACESTATE = 512;

/** Everything of OpenTelemetry that is used; only a process that traces loads it. */
async function loadPackages() {
  const [api, core, exporter, resources, sdk] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/core'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/sdk-trace'),
  ]);
  return { api, core, exporter, resources, sdk };
}

type Packages = Awaited<ReturnType<typeof loadPackages>>;

export interface TracedProcess {
  version: string;
  role: string;
}

/** Begins to export spans over OTLP/HTTP, from a queue that drops what does not fit; with null, nothing is loaded or sent. */
export async function openTracing(config: TracingConfig | null, of: TracedProcess, log: Logger): Promise<Tracing> {
  if (config === null) return NO_TRACING;
  const packages = await loadPackages();
  const { api, core, exporter, resources, sdk } = packages;
  const complain = complaints(log);
  api.diag.setLogger(
    {
      ...{ verbose: () => undefined, debug: () => undefined, info: () => undefined },
      ...{ warn: complain, error: complain },
    },
    api.DiagLogLevel.WARN,
  );
  core.setGlobalErrorHandler((error) => complain(reasonOf(error)));
  const detectors = [resources.envDetector, resources.serviceInstanceIdDetector];
  const provider = new sdk.TracerProvider({
    resource: resources
      .defaultResource()
      .merge(
        resources.resourceFromAttributes({
          'service.name': 'batch',
          'service.version': of.version,
          'batch.role': of.role,
        }),
      )
      .merge(resources.detectResources({ detectors })),
    sampler: samplerOf(packages, config),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter: new exporter.OTLPTraceExporter(), ...config })],
  });
  const tracer = provider.getTracer('batch', of.version);
  return {
    start: (name, start) => startSpan(packages, tracer, name, start),
    close: async () => {
      const { promise: enough, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, CLOSE_MS);
      await Promise.race([provider.shutdown().catch((error: unknown) => complain(reasonOf(error))), enough]);
      clearTimeout(timer);
    },
  };
}

function startSpan({ api, core }: Packages, tracer: Tracer, name: string, start: SpanStart): Span {
  const { parent, startedAt } = start;
  const remote = parent === null ? null : spanContextOf(core, parent);
  const context =
    remote === null ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, { ...remote, isRemote: true });
  const span = tracer.startSpan(
    name,
    {
      kind: api.SpanKind[KINDS[start.kind]],
      ...(start.attributes === undefined ? {} : { attributes: { ...start.attributes } as Attributes }),
      ...(startedAt === undefined ? {} : { startTime: startedAt }),
    },
    context,
  );
  return {
    context: traceContextOf(span),
    set: (attributes) => void span.setAttributes({ ...attributes } as Attributes),
    end: (error) => {
      if (error !== undefined) {
        span.setAttribute('error.type', error);
        span.setStatus({ code: api.SpanStatusCode.ERROR });
      }
      span.end();
    },
  };
}

const KINDS = {
  server: 'SERVER',
  internal: 'INTERNAL',
  producer: 'PRODUCER',
  consumer: 'CONSUMER',
  client: 'CLIENT',
} as const;

/** null: it is not valid, and the trace begins anew (Trace Context, section 4.3). */
function spanContextOf(core: Packages['core'], { traceparent, tracestate }: TraceContext): SpanContext | null {
  const context = core.parseTraceParent(traceparent);
  if (context === null || tracestate === undefined || tracestate.length > MAX_TRACESTATE) return context;
  return { ...context, traceState: new core.TraceState(tracestate) };
}

function traceContextOf(span: SpanOfApi): TraceContext {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  const tracestate = traceState?.serialize() ?? '';
  const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  return tracestate === '' || tracestate.length > MAX_TRACESTATE ? { traceparent } : { traceparent, tracestate };
}

function samplerOf({ sdk }: Packages, { sampler, ratio }: TracingConfig): Sampler {
  const root = sampler.endsWith('always_on')
    ? new sdk.AlwaysOnSampler()
    : sampler.endsWith('always_off')
      ? new sdk.AlwaysOffSampler()
      : new sdk.TraceIdRatioBasedSampler(ratio);
  return sampler.startsWith('parentbased_') ? new sdk.ParentBasedSampler({ root }) : root;
}

/** Says at most once a minute that spans are lost. */
function complaints(log: Logger): (reason: string) => void {
  let saidAt = Number.NEGATIVE_INFINITY;
  return (reason) => {
    if (performance.now() - saidAt < COMPLAIN_EVERY_MS) return;
    saidAt = performance.now();
    log.warn({ reason }, 'traces could not be exported, and are lost; jobs go on');
  };
}

/** Not the answer's body, whatever a collector puts there. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const code = 'code' in error ? ` (${String(error.code)})` : '';
  return `${error.message || error.name}${code}`;
}
