#!/usr/bin/env node
// Writes the dashboards of Grafana: npm run dashboards, or to another folder: node scripts/dashboards.mjs FOLDER
// What a panel shows is in docs/reference/metrics.md. What only the leader says is summed up over the instances, as rates are.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ReduceDataOptionsBuilder } from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

/** Of 24 columns. */
const STAT_WIDTH = 4;
const GRAPH_WIDTH = 8;
const SOURCE = { type: 'prometheus', uid: '$datasource' };
const FOLDER = join(import.meta.dirname, '../deploy/grafana/dashboards');

/** A rate for each of `labels`, summed up over the instances. */
const rate = (metric, labels) => `sum by (${labels}) (rate(${metric}[$__rate_interval]))`;
const total = (metric) => `sum(rate(${metric}[$__rate_interval]))`;
/** Of a histogram, over all instances. */
const quantiles = (metric, ...shares) =>
  shares.map((share) => ({
    expr: `histogram_quantile(${share}, sum by (le) (rate(${metric}_bucket[$__rate_interval])))`,
    legend: `p${share * 100}`,
  }));

/** One number. `limits`: from where on it is orange and red, or a number alone: from where on it is red. */
const number = (title, unit, expr, limits, words) => ({
  kind: 'stat',
  title,
  unit,
  queries: [{ expr }],
  limits,
  words,
});
/** Lines over time. */
const graph = (title, unit, ...queries) => ({ kind: 'graph', title, unit, queries: queries.flat() });
const line = (expr, legend) => ({ expr, legend });

const UP = [
  { value: '0', text: 'down', color: 'red' },
  { value: '1', text: 'up', color: 'green' },
];

const DASHBOARDS = [
  {
    uid: 'batch-overview',
    file: 'overview.json',
    title: 'Batch: overview',
    rows: {
      Now: [
        number('Processes', 'short', 'count(up{job="batch"} == 1)'),
        number('Kafka', 'short', 'min(batch_kafka_up)', undefined, UP),
        number('Jobs at work', 'short', 'sum(batch_jobs{state=~"RUNNING|CANCELLING"})'),
        number('Jobs that wait', 'short', 'sum(batch_queue_jobs)'),
        number('Longest wait', 's', 'max(batch_queue_oldest_age_seconds)', [300, 900]),
        number('Stalled jobs', 'short', 'sum(batch_jobs_stalled)', 1),
        { kind: 'table', title: 'Alerts that fire', queries: [{ expr: 'ALERTS{alertstate="firing", alertname!=""}' }] },
      ],
      Rows: [
        graph('Rows', 'cps', line(rate('batch_rows_total', 'result'), '{{result}}')),
        graph('Bytes of files', 'Bps', line(rate('batch_bytes_total', 'format'), '{{format}}')),
        graph(
          'Share of rejected rows',
          'percentunit',
          line(`${total('batch_rows_total{result="rejected"}')} / ${total('batch_rows_total')}`, 'rejected'),
        ),
        graph('Rejected rows by error', 'cps', line(`topk(10, ${rate('batch_row_errors_total', 'code')})`, '{{code}}')),
        graph(
          'Rejected rows by model',
          'cps',
          line(`topk(10, ${rate('batch_model_rows_total{result="rejected"}', 'model')})`, '{{model}}'),
        ),
        graph('Models above their norm of rejects', 'short', line('sum(batch_models_above_reject_norm)', 'models')),
      ],
      Jobs: [
        graph('Jobs by state', 'short', line('sum by (state) (batch_jobs)', '{{state}}')),
        graph(
          'Ended jobs',
          'short',
          line('sum by (state, code) (increase(batch_jobs_ended_total[$__rate_interval]))', '{{state}} {{code}}'),
        ),
        graph('Time at work', 's', quantiles('batch_job_duration_seconds', 0.5, 0.95)),
        graph('Time of waiting', 's', quantiles('batch_job_waiting_seconds', 0.5, 0.95)),
        graph('Oldest job of the queue', 's', line('max(batch_queue_oldest_age_seconds)', 'age')),
        graph('Retries', 'short', line('sum(increase(batch_job_retries_total[$__rate_interval]))', 'retries')),
      ],
      Requests: [
        graph('Requests', 'reqps', line(rate('batch_http_requests_total', 'status'), '{{status}}')),
        graph(
          'Time to answer, p95',
          's',
          line(
            'histogram_quantile(0.95, sum by (le, method, route) (rate(batch_http_request_duration_seconds_bucket[$__rate_interval])))',
            '{{method}} {{route}}',
          ),
        ),
        graph('Degraded parts of /readyz', 'short', line('max by (part) (batch_degraded)', '{{part}}')),
      ],
    },
  },
  {
    uid: 'batch-kafka',
    file: 'kafka.json',
    title: 'Batch: Kafka path',
    rows: {
      Brokers: [
        graph('Brokers answer', 'short', line('batch_kafka_up', '{{instance}}')),
        graph('Failed calls', 'ops', line(rate('batch_kafka_failures_total', 'kind'), '{{kind}}')),
        graph(
          'Hanging transactions that were ended',
          'short',
          line('sum(increase(batch_hanging_transactions_total[$__rate_interval]))', 'ended'),
        ),
      ],
      Transactions: [
        graph('Transactions', 'ops', line(rate('batch_transactions_total', 'result'), '{{result}}')),
        graph('Time of a transaction', 's', quantiles('batch_transaction_duration_seconds', 0.5, 0.95, 0.99)),
        graph(
          'Rows of a transaction',
          'short',
          line(`${total('batch_rows_total')} / ${total('batch_transactions_total{result="committed"}')}`, 'rows'),
        ),
      ],
      'Jobs and their leases': [
        graph('Stalled jobs', 'short', line('sum(batch_jobs_stalled)', 'jobs')),
        graph('Lost leases', 'short', line('sum(increase(batch_leases_lost_total[$__rate_interval]))', 'leases')),
        graph(
          'Jobs that lost their checkpoint',
          'short',
          line('sum(increase(batch_jobs_ended_total{code="CHECKPOINT_LOST"}[$__rate_interval]))', 'jobs'),
        ),
      ],
      Topics: [
        graph(
          'Topics of jobs',
          'short',
          line('sum(batch_job_topics)', 'topics'),
          line('max(batch_job_topics_limit)', 'limit'),
        ),
        graph('Jobs to remove', 'short', line('sum(batch_job_removals)', 'jobs')),
      ],
      'Job events': [
        graph('Events', 'ops', line(total('batch_events_published_total'), 'published')),
        graph('Jobs with an unpublished state', 'short', line('sum(batch_events_unpublished_jobs)', 'jobs')),
        graph('Lag of events', 's', line('max(batch_events_lag_seconds)', 'lag')),
      ],
    },
  },
  {
    uid: 'batch-capacity',
    file: 'capacity.json',
    title: 'Batch: capacity',
    rows: {
      Runners: [
        graph(
          'Runners',
          'short',
          line('sum by (state) (batch_runners)', '{{state}}'),
          line('sum(batch_job_concurrency)', 'JOB_CONCURRENCY'),
        ),
        graph(
          'Memory of the largest runner',
          'bytes',
          line('batch_runner_resident_memory_max_bytes', '{{instance}}'),
          line('max(batch_runner_resident_memory_limit_bytes)', 'limit'),
        ),
        graph(
          'Lost runners',
          'short',
          line('sum by (reason) (increase(batch_runner_exits_total[$__rate_interval]))', '{{reason}}'),
        ),
      ],
      Uploads: [
        graph(
          'Uploads',
          'short',
          line('sum(batch_uploads_in_progress)', 'in progress'),
          line('sum(batch_uploads_limit)', 'limit'),
        ),
        graph('Bytes of uploads', 'Bps', line(total('batch_upload_bytes_total'), 'received')),
        graph(
          'Ended uploads',
          'short',
          line('sum by (result) (increase(batch_uploads_total[$__rate_interval]))', '{{result}}'),
        ),
        graph('Time of an upload', 's', quantiles('batch_upload_duration_seconds', 0.5, 0.95)),
      ],
      'Stored files': [
        graph('Room on the disk', 'bytes', line('batch_storage_free_bytes', '{{instance}}')),
        graph(
          'Room on the disk in 4 hours',
          'bytes',
          line('predict_linear(batch_storage_free_bytes[30m], 4 * 3600)', '{{instance}}'),
        ),
        graph('Bytes of stored files', 'bytes', line('sum(batch_stored_files_bytes)', 'bytes')),
        graph('Stored files', 'short', line('sum(batch_stored_files)', 'files')),
      ],
      Processes: [
        graph(
          'Processor time',
          'short',
          line('rate(process_cpu_seconds_total{job="batch"}[$__rate_interval])', '{{instance}}'),
        ),
        graph(
          'Resident memory',
          'bytes',
          line('process_resident_memory_bytes{job="batch"}', '{{instance}}'),
          line('batch_runner_resident_memory_bytes', 'runners of {{instance}}'),
        ),
        graph('Event-loop lag, p99', 's', line('nodejs_eventloop_lag_p99_seconds{job="batch"}', '{{instance}}')),
        graph(
          'Garbage collection',
          'percentunit',
          line(
            'sum by (instance) (rate(nodejs_gc_duration_seconds_sum{job="batch"}[$__rate_interval]))',
            '{{instance}}',
          ),
        ),
        graph('File handles', 'short', line('process_open_fds{job="batch"}', '{{instance}}')),
        graph('Versions', 'short', line('count by (version, role) (batch_build_info)', '{{version}} {{role}}')),
      ],
    },
  },
  {
    uid: 'batch-sinks-feeds',
    file: 'sinks-feeds.json',
    title: 'Batch: sinks and feeds',
    rows: {
      Sinks: [
        graph('Sinks answer', 'short', line('min by (sink) (batch_sink_up)', '{{sink}}')),
        graph('Lag', 's', line('max by (sink) (batch_sink_lag_seconds)', '{{sink}}')),
        graph(
          'Loads that have not ended',
          'short',
          line('sum by (sink, state) (batch_sink_loads)', '{{sink}} {{state}}'),
        ),
        graph('Rows', 'cps', line(rate('batch_sink_rows_total', 'sink, result'), '{{sink}} {{result}}')),
        graph(
          'Failed loads',
          'short',
          line('sum by (sink, code) (increase(batch_sink_failures_total[$__rate_interval]))', '{{sink}} {{code}}'),
        ),
        graph(
          'Lost processes',
          'short',
          line('sum by (sink) (increase(batch_sink_exits_total[$__rate_interval]))', '{{sink}}'),
        ),
      ],
      Feeds: [
        graph('Feeds', 'short', line('sum by (state) (batch_feeds)', '{{state}}')),
        graph('Files that are not completed', 'short', line('sum by (state) (batch_feed_files)', '{{state}}')),
        graph('Oldest file that waits', 's', line('max(batch_feed_oldest_pending_seconds)', 'age')),
      ],
    },
  },
];

function built({ uid, title, rows }) {
  const builder = new dashboard.DashboardBuilder(title)
    .uid(uid)
    .tags(['batch'])
    .refresh('30s')
    .time({ from: 'now-3h', to: 'now' })
    .timezone('browser')
    .readonly()
    .withVariable(new dashboard.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'));
  let id = 0;
  for (const [name, items] of Object.entries(rows)) {
    builder.withRow(new dashboard.RowBuilder(name).id(++id));
    for (const item of items) builder.withPanel(panel(item).id(++id));
  }
  return builder.build();
}

function panel(item) {
  const { kind, title, unit, queries } = item;
  const builder = started(kind);
  builder.title(title).datasource(SOURCE);
  if (unit !== undefined) builder.unit(unit);
  for (const [index, { expr, legend }] of queries.entries()) {
    const query = new prometheus.DataqueryBuilder().refId(String.fromCharCode(65 + index)).expr(expr);
    if (legend !== undefined) query.legendFormat(legend);
    builder.withTarget(kind === 'table' ? query.instant().format(prometheus.PromQueryFormat.Table) : query);
  }
  if (item.limits !== undefined) builder.thresholds(thresholds([item.limits].flat()));
  if (item.words !== undefined) builder.mappings([mapping(item.words)]);
  return builder;
}

function started(kind) {
  switch (kind) {
    case 'stat':
      return new stat.PanelBuilder()
        .height(4)
        .span(STAT_WIDTH)
        .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']));
    case 'table':
      return new table.PanelBuilder().height(6).span(24);
    default:
      return new timeseries.PanelBuilder().height(8).span(GRAPH_WIDTH).axisSoftMin(0).fillOpacity(10);
  }
}

function thresholds(limits) {
  const colors = limits.length === 1 ? ['red'] : ['orange', 'red'];
  const steps = limits.map((value, index) => ({ value, color: colors[index] }));
  return new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps([{ value: null, color: 'green' }, ...steps]);
}

function mapping(words) {
  const options = Object.fromEntries(words.map(({ value, text, color }, index) => [value, { text, color, index }]));
  return { type: dashboard.MappingType.ValueToText, options };
}

const [folder = FOLDER] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
for (const each of DASHBOARDS) writeFileSync(join(folder, each.file), `${JSON.stringify(built(each), null, 2)}\n`);
