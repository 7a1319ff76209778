import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { committedRecords } from '../../scripts/lib/topic-reader.mjs';
import type { Job } from '../../src/jobs/domain/job.js';
import { recordViolations } from '../asyncapi/document.js';
import { Api } from '../kit/api.js';
import { type Collector, hasCollector, type ReceivedSpan, startCollector } from '../kit/collector.js';
import { makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type PostgresServer, startPostgres } from '../kit/postgres.js';
import { ONE_PROCESS, type Service, startService } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const [SERVER, INTERNAL, PRODUCER, CONSUMER, CLIENT] = [2, 1, 4, 5, 3];
const ERROR = 2;

(hasCollector ? describe : describe.skip)('traces of an API and a worker, as a collector receives them', () => {
  let collector: Collector;
  let postgres: PostgresServer;
  let folder: string;
  let topicPrefix: string;
  const services: Service[] = [];
  const api = new Api('');

  beforeAll(async () => {
    [collector, postgres] = await Promise.all([startCollector(), startPostgres()]);
    folder = await mkdtemp(join(tmpdir(), 'batch-traces-'));
    topicPrefix = `batch_traces_${process.pid}`;
    const env = {
      DATABASE_URL: await postgres.createDatabase(),
      POSTGRES_SINK_URL: await postgres.createDatabase(),
      STORAGE_URL: `file:${join(folder, 'files')}`,
      KAFKA_TOPIC_PREFIX: topicPrefix,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20nobody-may-see-this',
      OTEL_BSP_SCHEDULE_DELAY: '50',
    };
    const start = (role: string): Promise<Service> =>
      startService({ brokers, env: { ...env, ROLE: role, METRICS_PORT: '0' } });
    services.push(await start('api'), await start('worker'));
    api.url = services[0]!.url;
    await api.createModel('orders', ORDERS_SCHEMA);
  }, 900_000);
  afterAll(async () => {
    await Promise.all(services.map((service) => service.stop()));
    await Promise.all([collector.stop(), postgres.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  /** Creates a job in the trace of its caller, and waits for all spans. */
  async function traced(csv: Buffer, flags: string): Promise<{ job: Job; traceId: string; traceparent: string }> {
    const traceId = randomBytes(16).toString('hex');
    const traceparent = `00-${traceId}-00f067aa0ba902b7-${flags}`;
    const headers = { traceparent, tracestate: 'vendor=abc' };
    const { job_id } = await api.createJob('orders', csv, headers, { sinks: 'postgres' });
    const isOver = ({ sinks }: Job): boolean => sinks.every(({ state }) => state === 'LOADED');
    return { job: await api.until(job_id, isOver, 60_000, 50), traceId, traceparent };
  }

  it('go from the request by the job and its transactions to the sink, in the trace of the caller', async () => {
    const orders = makeOrders(2_000, 100);
    const { job, traceId } = await traced(orders.csv, '01');
    const send = `send ${topicPrefix}_{job_id}`;
    const expected = ['POST /jobs', 'receive file', 'create job', 'process file', send, 'load postgres'];
    const spans = await collector.spans(traceId, (all) =>
      expected.every((name) => all.some((one) => one.name === name)),
    );
    const by = (name: string): ReceivedSpan => spans.find((span) => span.name === name) as ReceivedSpan;
    const [request, upload, create, run, load] = [
      'POST /jobs',
      'receive file',
      'create job',
      'process file',
      'load postgres',
    ].map(by) as [ReceivedSpan, ReceivedSpan, ReceivedSpan, ReceivedSpan, ReceivedSpan];
    const sends = spans.filter(({ name }) => name === send);

    expect([request, upload, create, run, load, by(send)].map(({ kind }) => kind)).toEqual([
      ...[SERVER, INTERNAL, PRODUCER, CONSUMER, CLIENT, PRODUCER],
    ]);
    expect([request, upload, create, run, load].map(({ parentSpanId }) => parentSpanId)).toEqual([
      ...['00f067aa0ba902b7', request.spanId, request.spanId, create.spanId, create.spanId],
    ]);
    expect(sends.map(({ parentSpanId }) => parentSpanId)).toEqual(sends.map(() => run.spanId));
    expect(spans.map(({ traceState, status }) => [traceState, status])).toEqual(spans.map(() => ['vendor=abc', 0]));
    expect(spans.every(({ startedAt, endedAt }) => startedAt <= endedAt)).toBe(true);

    expect(request.attributes).toMatchObject({ 'http.route': '/jobs', 'http.response.status_code': 202 });
    expect(upload.attributes).toMatchObject({ 'file.size': orders.csv.length });
    expect(create.attributes).toMatchObject({ 'batch.job.id': job.job_id, 'file.name': 'data.csv' });
    expect(run.attributes).toMatchObject({ 'batch.job.id': job.job_id, 'batch.run.outcome': 'completed' });
    expect(load.attributes).toMatchObject({ 'db.system.name': 'postgresql', 'batch.rows.loaded': 1_980 });
    expect(sends[0]?.attributes).toMatchObject({
      'messaging.system': 'kafka',
      'messaging.destination.template': `${topicPrefix}_{job_id}`,
    });
    const sum = (name: string): number => sends.reduce((total, { attributes }) => total + Number(attributes[name]), 0);
    expect([sum('messaging.batch.message_count'), sum('batch.rows.rejected')]).toEqual([2_000, 20]);
    expect([request, run].map(({ resource }) => [resource['service.name'], resource['batch.role']])).toEqual([
      ['batch', 'api'],
      ['batch', 'worker'],
    ]);

    const text = await collector.text();
    for (const secret of ['sku-', '3.5', 'nobody-may-see-this']) expect(text).not.toContain(secret);
    // A topic for each job: as a name it would have no bound.
    expect(text).not.toContain('messaging.destination.name');
  });

  it('go on in the events of the job, and in its log lines', async () => {
    const { job, traceId } = await traced(makeOrders(10).csv, '01');
    const [create] = await collector
      .spans(traceId, (all) => all.some(({ name }) => name === 'create job'))
      .then((all) => all.filter(({ name }) => name === 'create job'));
    const headers: (string | undefined)[] = [];
    for await (const record of committedRecords(brokers, `${topicPrefix}.jobs`)) {
      if (record.key?.toString() !== job.job_id) continue;
      headers.push(record.headers?.['traceparent']?.toString());
      expect(recordViolations('Job', record)).toEqual([]);
    }
    expect(new Set(headers)).toEqual(new Set([`00-${traceId}-${create?.spanId}-01`]));
    const lines = services.flatMap((service) => service.log().split('\n')).filter((line) => line.includes(job.job_id));
    const finished = lines.filter((line) => line.includes('"Finished file'));
    expect(finished.map((line) => (JSON.parse(line) as { trace_id: string }).trace_id)).toEqual([traceId]);
  });

  it('are not made if the caller does not want the trace, which is still passed on', async () => {
    const { job, traceId } = await traced(makeOrders(10).csv, '00');
    // What was sampled behind it has arrived: so would the other have.
    const { traceId: next } = await traced(makeOrders(10).csv, '01');
    await collector.spans(next, (all) => all.some(({ name }) => name === 'load postgres'));
    expect(await collector.spans(traceId, () => true)).toEqual([]);
    for await (const record of committedRecords(brokers, `${topicPrefix}.jobs`)) {
      if (record.key?.toString() !== job.job_id) continue;
      expect(record.headers?.['traceparent']?.toString()).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
    }
  });

  it('say what went wrong with a file that did not come', async () => {
    const traceId = randomBytes(16).toString('hex');
    const form = new FormData();
    form.set('model_id', 'orders');
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
    const refused = await fetch(`${api.url}/jobs`, { method: 'POST', headers, body: form });
    expect(refused.status).toBe(400);
    const spans = await collector.spans(traceId, (all) => all.length === 2);
    const found = spans.map(({ name, status, attributes }) => [name, status, attributes['error.type']]);
    expect(found.toSorted()).toEqual([
      ['POST /jobs', 0, undefined],
      ['receive file', ERROR, 'MISSING_FILE'],
    ]);
  });
});

describe('a collector that takes connections and never answers', () => {
  let silent: Server;
  const connections = new Set<Socket>();

  beforeAll(async () => {
    silent = createServer((socket) => void connections.add(socket.on('error', () => undefined)));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
  });
  afterAll(() => {
    for (const socket of connections) socket.destroy();
    silent.close();
  });

  it('holds up neither a job nor the stop, and the log says that traces are lost', async () => {
    const { port } = silent.address() as AddressInfo;
    const env = {
      ...ONE_PROCESS,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_TIMEOUT: '200',
      OTEL_BSP_SCHEDULE_DELAY: '10',
      OTEL_BSP_MAX_QUEUE_SIZE: '4',
    };
    const service = await startService({ brokers, env });
    const api = new Api(service.url);
    try {
      await api.createModel('orders', ORDERS_SCHEMA);
      for (let i = 0; i < 3; i++) {
        const { job_id } = await api.createJob('orders', makeOrders(100).csv);
        expect((await api.ended(job_id)).state).toBe('SUCCESS');
      }
      const isSaid = (): boolean => service.log().includes('traces could not be exported');
      for (const deadline = Date.now() + 30_000; !isSaid(); ) {
        if (Date.now() > deadline) throw new Error('the log does not say that traces are lost');
        await api.createModel(`model_${Date.now()}`, ORDERS_SCHEMA);
      }
      expect(connections.size).toBeGreaterThan(0);
      await service.kill('SIGTERM');
      // A stop that takes too long has another status.
      expect(service.ending()).toBe('0');
    } finally {
      await service.stop();
    }
  });
});
