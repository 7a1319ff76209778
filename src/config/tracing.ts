/** How traces are exported. What is only about the way to the collector (OTEL_EXPORTER_OTLP_…) its exporter reads itself. */
export interface TracingConfig {
  readonly sampler: Sampler;
  /** Share of the traces that begin here and are kept, by a sampler that takes one. */
  readonly ratio: number;
  /** Spans that wait to be exported; more are dropped. */
  readonly maxQueueSize: number;
  readonly maxExportBatchSize: number;
  readonly scheduledDelayMillis: number;
  readonly exportTimeoutMillis: number;
}

export type Sampler = (typeof SAMPLERS)[number];

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
const ENDPOINTS = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'] as const;
const PROTOCOLS = ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'] as const;

interface Readers {
  integer(name: string, fallback: number, min: number, max?: number): number;
  oneOf(name: string, fallback: string, allowed: readonly string[]): string;
}

/**
 * Reads OpenTelemetry's variables; null: no traces, as long as no endpoint is named and OTEL_TRACES_EXPORTER is not `otlp`.
 * Adds to `problems` what is wrong with them.
 */
export function readTracing(
  env: Readonly<Record<string, string | undefined>>,
  { integer, oneOf }: Readers,
  problems: string[],
): TracingConfig | null {
  const hasEndpoint = ENDPOINTS.some((name) => env[name]?.trim());
  const exporter = oneOf('OTEL_TRACES_EXPORTER', hasEndpoint ? 'otlp' : 'none', ['otlp', 'none']);
  if (exporter === 'none' || oneOf('OTEL_SDK_DISABLED', 'false', ['true', 'false']) === 'true') return null;
  for (const name of ENDPOINTS) {
    const url = env[name]?.trim();
    // It may hold a password: it is not repeated.
    if (url && !/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
      problems.push(`${name} must be the URL of a collector, http://<host>:4318 or https://…`);
    }
  }
  for (const name of PROTOCOLS) oneOf(name, 'http/protobuf', ['http/protobuf']);
  const ratio = Number(env['OTEL_TRACES_SAMPLER_ARG']?.trim() || 1);
  if (!(ratio >= 0 && ratio <= 1)) problems.push('OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1');
  const maxQueueSize = integer('OTEL_BSP_MAX_QUEUE_SIZE', 2_048, 1, 100_000);
  return Object.freeze({
    sampler: oneOf('OTEL_TRACES_SAMPLER', 'parentbased_always_on', SAMPLERS) as Sampler,
    ratio,
    maxQueueSize,
    maxExportBatchSize: Math.min(integer('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512, 1, 100_000), maxQueueSize),
    scheduledDelayMillis: integer('OTEL_BSP_SCHEDULE_DELAY', 5_000, 1, 600_000),
    exportTimeoutMillis: integer('OTEL_BSP_EXPORT_TIMEOUT', 30_000, 1, 600_000),
  });
}
