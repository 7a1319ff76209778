import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Api } from '../kit/api.js';
import { readDocument } from '../kit/markdown.js';
import { makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type PostgresServer, startPostgres } from '../kit/postgres.js';
import { Scrape } from '../kit/scrape.js';
import { ONE_PROCESS, type Service, startService } from '../kit/service.js';
import { useService } from '../kit/use-service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const WAIT_MS = 60_000;

/** Scrapes until `isThere`; what is summed up over all jobs is read every 15 s. */
async function scrapeUntil(url: string, isThere: (scrape: Scrape) => boolean): Promise<Scrape> {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const scrape = await Scrape.of(url);
    if (isThere(scrape)) return scrape;
    if (Date.now() > deadline) throw new Error(`/metrics did not come to say it:\n${scrape.text}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

describe('/metrics of one process', () => {
  const suite = useService({ models: { orders: ORDERS_SCHEMA }, env: ONE_PROCESS });

  it('has what was counted of a job, by the names of Batch and those of CSV loaders', async () => {
    const orders = makeOrders(10_000, 100);
    const { job_id } = await suite.api.createJob('orders', orders.csv);
    const job = await suite.api.ended(job_id);
    expect(job.state).toBe('PARTIAL_SUCCESS');
    const { url } = suite.service;
    const scrape = await scrapeUntil(url, (each) => (each.get('batch_jobs{state="PARTIAL_SUCCESS"}') ?? 0) > 0);
    const expected = {
      'batch_rows_total{format="csv",result="accepted"}': 9_900,
      'batch_rows_total{format="csv",result="rejected"}': 100,
      'batch_model_rows_total{model="orders",result="accepted"}': 9_900,
      'batch_bytes_total{format="csv"}': orders.csv.length,
      'batch_row_errors_total{code="NOT_AN_INTEGER"}': 100,
      batch_jobs_started_total: 1,
      'batch_jobs_ended_total{state="PARTIAL_SUCCESS",code=""}': 1,
      'batch_job_duration_seconds_count{format="csv"}': 1,
      'batch_uploads_total{result="received"}': 1,
      batch_upload_bytes_total: orders.csv.length,
      batch_uploads_in_progress: 0,
      'batch_http_requests_total{method="POST",route="/jobs",status="202"}': 1,
      'batch_http_request_duration_seconds_count{method="POST",route="/jobs"}': 1,
      'ingest_csv_lines_total{status="read"}': 10_000,
      'ingest_csv_lines_total{status="processed"}': 9_900,
      'ingest_csv_lines_total{status="error"}': 100,
      ingest_csv_current_offset: orders.csv.length,
      ingest_csv_duration_seconds_count: 1,
      'csv_processing_errors_total{type="row"}': 100,
      batch_kafka_up: 1,
      batch_leader: 1,
      batch_jobs_stalled: 0,
      batch_job_topics: 2,
      batch_queue_jobs: 0,
      'batch_degraded{part="job_events"}': 0,
      batch_models_above_reject_norm: 0,
    };
    const found = Object.fromEntries(Object.keys(expected).map((name) => [name, scrape.get(name)]));
    expect(found).toEqual(expected);
    expect(scrape.get('batch_transactions_total{result="committed"}')).toBeGreaterThan(0);
    expect(scrape.get('batch_runner_resident_memory_bytes')).toBeGreaterThan(10e6);
    expect(scrape.text).not.toContain(job_id);
  });

  it('is for programs that know the process by its address, and no page of a browser', async () => {
    const { url } = suite.service;
    const foreign = await fetch(`${url}/metrics`, { headers: { origin: 'https://example.com' } });
    expect(foreign.status).toBe(403);
    expect((await Scrape.of(url)).get('batch_http_requests_total{method="GET",route="/metrics",status="403"}')).toBe(1);
  });

  it('are those of the reference, by name and type', async () => {
    const page = readDocument('docs/reference/metrics.md');
    const documented = [...page.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, name, type]) => `${name} ${type}`);
    const { text } = await Scrape.of(suite.service.url);
    const served = [...text.matchAll(/^# TYPE (\S+ \S+)$/gm)].map(([, each]) => each as string);
    const own = served.filter((each) => !/^(process|nodejs)_/.test(each));
    expect(documented.toSorted()).toEqual(own.toSorted());
  });

  it('counts a request that no route takes under none', async () => {
    const { url } = suite.service;
    await fetch(`${url}/nothing/here/${Date.now()}`);
    expect((await Scrape.of(url)).get('batch_http_requests_total{method="GET",route="none",status="404"}')).toBe(1);
  });
});

describe('/metrics of two APIs and three workers', () => {
  let postgres: PostgresServer;
  let folder: string;
  const services: Service[] = [];
  const api = new Api('');

  beforeAll(async () => {
    postgres = await startPostgres();
    folder = await mkdtemp(join(tmpdir(), 'batch-metrics-'));
    const env = {
      DATABASE_URL: await postgres.createDatabase(),
      STORAGE_URL: `file:${join(folder, 'files')}`,
      KAFKA_TOPIC_PREFIX: `batch_metrics_${process.pid}`,
      JOB_CONCURRENCY: '1',
    };
    const start = async (role: string): Promise<void> => {
      services.push(await startService({ brokers, env: { ...env, ROLE: role, METRICS_PORT: '0' } }));
    };
    await Promise.all(['api', 'api', 'worker', 'worker', 'worker'].map(start));
    api.url = (services.find((service) => service.log().includes('"role":"api"')) as Service).url;
    await api.createModel('orders', ORDERS_SCHEMA);
  }, 300_000);
  afterAll(async () => {
    await Promise.all(services.map((service) => service.stop()));
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('add up to what there is, and count nothing twice', async () => {
    const orders = makeOrders(5_000, 10);
    const ids = [];
    for (let i = 0; i < 6; i++) ids.push((await api.createJob('orders', orders.csv)).job_id);
    for (const jobId of ids) await api.ended(jobId);

    const deadline = Date.now() + WAIT_MS;
    const sum = (scrapes: Scrape[], name: string): number =>
      scrapes.reduce((total, scrape) => total + (scrape.get(name) ?? 0), 0);
    let scrapes: Scrape[];
    do {
      scrapes = await Promise.all(services.map((service) => Scrape.of(service.url)));
    } while (sum(scrapes, 'batch_jobs{state="PARTIAL_SUCCESS"}') < 6 && Date.now() < deadline);
    expect(sum(scrapes, 'batch_rows_total{format="csv",result="accepted"}')).toBe(6 * 4_500);
    expect(sum(scrapes, 'batch_rows_total{format="csv",result="rejected"}')).toBe(6 * 500);
    expect(sum(scrapes, 'batch_jobs_ended_total{state="PARTIAL_SUCCESS",code=""}')).toBe(6);
    expect(sum(scrapes, 'batch_jobs{state="PARTIAL_SUCCESS"}')).toBe(6);
    expect(sum(scrapes, 'batch_job_topics')).toBe(12);
    expect(sum(scrapes, 'batch_leader')).toBe(1);
    const isThere = scrapes.filter((scrape) => scrape.get('batch_queue_oldest_age_seconds') !== undefined);
    expect(isThere.length).toBe(1);
  });
});
