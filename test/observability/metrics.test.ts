import { Metrics } from '../../src/observability/metrics/index.js';
import { operations } from '../openapi/document.js';

const STATUSES = [200, 400, 404, 409, 503];

function scrape(metrics: Metrics): Promise<string> {
  return metrics.registry.metrics();
}

describe('metrics', () => {
  let metrics: Metrics;
  beforeEach(() => {
    metrics = new Metrics({ version: '1.2.3', role: 'all' });
  });

  it('say what runs', async () => {
    expect(await scrape(metrics)).toContain(
      `batch_build_info{version="1.2.3",node="${process.version}",role="all"} 1\n`,
    );
  });

  it('have the series that alerts compare with their value before from the start', async () => {
    const text = await scrape(metrics);
    for (const reason of ['memory', 'stalled', 'crash', 'ended']) {
      expect(text).toContain(`batch_runner_exits_total{reason="${reason}"} 0\n`);
    }
    expect(text).toContain('batch_jobs_ended_total{state="FAILED",code="CHECKPOINT_LOST"} 0\n');
    expect(text).toContain('batch_uploads_total{result="INSUFFICIENT_STORAGE"} 0\n');
  });

  it('have the first 100 models by name, and the others together', () => {
    const labels = Array.from({ length: 150 }, (_, i) => metrics.models.of(`model_${i}`));
    expect(labels.slice(0, 100)).toEqual(labels.map((_, i) => `model_${i}`).slice(0, 100));
    expect(new Set(labels.slice(100))).toEqual(new Set(['other']));
    expect(metrics.models.of('model_7')).toBe('model_7');
  });

  it('stay below 100 kB, whatever is asked and however many models there are', async () => {
    metrics.observeProcess();
    expect(operations.length).toBeGreaterThan(25);
    for (const { method, path } of operations) {
      const labels = { method: method.toUpperCase(), route: path };
      metrics.httpDuration.observe(labels, 1);
      for (const status of STATUSES) metrics.httpRequests.inc({ ...labels, status });
    }
    for (let i = 0; i < 1_000; i++) {
      const model = metrics.models.of(`a_model_of_the_sales_department_${i}`);
      for (const result of ['accepted', 'rejected']) metrics.modelRows.inc({ model, result });
    }
    for (const format of ['csv', 'json', 'ndjson', 'parquet']) metrics.jobDuration.observe({ format }, 1);
    expect((await scrape(metrics)).length).toBeLessThan(90_000);
  });

  it('leave out a gauge that has nothing to say, and count one that cannot be read', async () => {
    metrics.gauge('a', 'Nothing.', () => null);
    metrics.gauge('b', 'Fails.', () => Promise.reject(new Error('the store is away')));
    metrics.gauge('c', 'A number.', () => 3);
    metrics.gauge('d', 'By state.', async () => [{ labels: { state: 'on' }, value: 2 }], ['state']);
    const text = await scrape(metrics);
    expect(text).toContain('c 3\n');
    expect(text).toContain('d{state="on"} 2\n');
    expect(text).not.toMatch(/^[ab] /m);
    // What is counted in a scrape is in the next one at the latest.
    expect(await scrape(metrics)).toContain('batch_metrics_errors_total{name="b"}');
  });

  it('forget what a gauge said before', async () => {
    let states = ['x', 'y'];
    metrics.gauge('d', 'By state.', () => states.map((state) => ({ labels: { state }, value: 1 })), ['state']);
    await scrape(metrics);
    states = ['y'];
    expect(await scrape(metrics)).not.toContain('state="x"');
  });
});
