import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { spawnOwned } from './owned-process.js';
import { freePort, listens } from './ports.js';

/** A span as the collector has received it. */
export interface ReceivedSpan {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  traceState: string;
  startedAt: bigint;
  endedAt: bigint;
  /** 2: an error. */
  status: number;
  attributes: Record<string, unknown>;
  resource: Record<string, unknown>;
}

/** An OpenTelemetry Collector of the test's own, on the loopback interface. */
export interface Collector {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  /** Everything that it has received, as text. */
  text(): Promise<string>;
  /** The spans of a trace, as soon as they are as `isThere` says. */
  spans(traceId: string, isThere: (spans: ReceivedSpan[]) => boolean): Promise<ReceivedSpan[]>;
  stop(): Promise<void>;
}

const SCRIPT = resolve('scripts/otelcol.sh');
const START_TIMEOUT_MS = 600_000;
const WAIT_MS = 60_000;

/** There is a collector, or Go to build it; otherwise its tests are skipped. */
export const hasCollector = spawnSync(SCRIPT, ['available']).status === 0;

/** Starts one and waits until it listens. The first time of all it is built, which takes minutes. */
export async function startCollector(): Promise<Collector> {
  const dir = await mkdtemp(join(tmpdir(), 'batch-otelcol-'));
  const port = await freePort();
  const file = join(dir, 'traces.jsonl');
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: { file: { path: file, flush_interval: '50ms' } },
    service: {
      pipelines: { traces: { receivers: ['otlp'], exporters: ['file'] } },
      telemetry: { metrics: { level: 'none' } },
    },
  };
  await writeFile(join(dir, 'config.yaml'), JSON.stringify(config)); // JSON is YAML
  const collector = spawnOwned(SCRIPT, ['run', '--config', join(dir, 'config.yaml')]);
  await collector.until('it listened', START_TIMEOUT_MS, () => listens(port));
  const text = async (): Promise<string> => readFile(file, 'utf8').catch(() => '');
  return {
    endpoint: `http://127.0.0.1:${port}`,
    text,
    async spans(traceId, isThere) {
      for (const deadline = Date.now() + WAIT_MS; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
        const spans = spansOf(await text()).filter((span) => span.traceId === traceId);
        if (isThere(spans)) return spans;
        if (Date.now() > deadline) throw new Error(`the collector has only ${JSON.stringify(spans.map(nameOf))}`);
      }
    },
    async stop() {
      await collector.stop(5_000);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

interface OtlpAttribute {
  key: string;
  value: Record<string, unknown>;
}

interface OtlpSpan {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  traceState?: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status?: { code?: number };
  attributes?: OtlpAttribute[];
}

interface OtlpTraces {
  resourceSpans: { resource: { attributes: OtlpAttribute[] }; scopeSpans: { spans: OtlpSpan[] }[] }[];
}

/** The last line may not be whole yet. */
function spansOf(text: string): ReceivedSpan[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.flatMap((line) =>
    (JSON.parse(line) as OtlpTraces).resourceSpans.flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans.map((span) => received(span, valuesOf(resource.attributes)))),
    ),
  );
}

function received(span: OtlpSpan, resource: Record<string, unknown>): ReceivedSpan {
  const { name, kind, traceId, spanId, parentSpanId = '', traceState = '', status, attributes = [] } = span;
  return {
    ...{ name, kind, traceId, spanId, parentSpanId, traceState, resource },
    startedAt: BigInt(span.startTimeUnixNano),
    endedAt: BigInt(span.endTimeUnixNano),
    status: status?.code ?? 0,
    attributes: valuesOf(attributes),
  };
}

/** An integer comes as text (protobuf's JSON). */
function valuesOf(attributes: readonly OtlpAttribute[]): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      'intValue' in value ? Number(value['intValue']) : Object.values(value)[0],
    ]),
  );
}

function nameOf({ name }: ReceivedSpan): string {
  return name;
}
