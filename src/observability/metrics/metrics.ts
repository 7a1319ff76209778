import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { BoundedLabel } from './bounded-label.js';

/** A model beyond these is `other`. */
const MAX_MODELS = 100;
/** In seconds. Few, because each route has them. */
const REQUEST_SECONDS = [0.005, 0.025, 0.1, 0.5, 2.5, 10, 60];
const TRANSACTION_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60];
const JOB_SECONDS = [0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200, 43_200];

/** Why a runner went: above its limit of memory, killed because it did not advance, by a fault, or otherwise. */
export type RunnerExitReason = (typeof RUNNER_EXIT_REASONS)[number];
const RUNNER_EXIT_REASONS = ['memory', 'stalled', 'crash', 'ended'] as const;

/** null: there is nothing to say. */
type Reading = number | readonly Labelled[] | null;

interface Labelled {
  labels: Readonly<Record<string, string>>;
  value: number;
}

/**
 * Everything that a process counts and measures, in base units. docs/reference/metrics.md says what each one means. No label
 * has a job, a topic or a file: their number has no bound. What is read when somebody asks
 * is added by the part that knows it (`gauge`).
 */
export class Metrics {
  readonly registry = new Registry();
  /** Label of a model. */
  readonly models = new BoundedLabel(MAX_MODELS);

  readonly httpRequests = this.#counter('batch_http_requests_total', 'Requests that were answered.', [
    'method',
    'route',
    'status',
  ]);
  readonly httpDuration = this.#histogram(
    'batch_http_request_duration_seconds',
    'Time from the headers of a request to the end of its answer.',
    ['method', 'route'],
    REQUEST_SECONDS,
  );

  readonly uploads = this.#counter('batch_uploads_total', 'Files that came in a request, by how that ended.', [
    'result',
  ]);
  readonly uploadBytes = this.#counter('batch_upload_bytes_total', 'Bytes of the files that were received whole.');
  readonly uploadDuration = this.#histogram(
    'batch_upload_duration_seconds',
    'Time in which a file was received whole.',
    [],
    JOB_SECONDS,
  );
  readonly uploadsInProgress = this.#gauge('batch_uploads_in_progress', 'Files that are being received.');

  readonly jobsStarted = this.#counter('batch_jobs_started_total', 'Jobs that were claimed for the first time.');
  readonly jobsEnded = this.#counter('batch_jobs_ended_total', 'Jobs that ended here, by the code of their error.', [
    'state',
    'code',
  ]);
  readonly jobDuration = this.#histogram(
    'batch_job_duration_seconds',
    'Time that a job was worked on, until it ended.',
    ['format'],
    JOB_SECONDS,
  );
  readonly jobWaiting = this.#histogram(
    'batch_job_waiting_seconds',
    'Time that a job waited for a worker, until it ended.',
    [],
    JOB_SECONDS,
  );
  readonly jobRetries = this.#counter('batch_job_retries_total', 'Jobs that met an error and run again later.');
  readonly leasesLost = this.#counter('batch_leases_lost_total', 'Leases that were lost while their jobs ran here.');

  readonly rows = this.#counter('batch_rows_total', 'Rows that were committed.', ['format', 'result']);
  readonly modelRows = this.#counter('batch_model_rows_total', 'Rows that were committed, by model.', [
    'model',
    'result',
  ]);
  readonly bytes = this.#counter('batch_bytes_total', 'Bytes of files whose rows were committed.', ['format']);
  readonly rowErrors = this.#counter('batch_row_errors_total', 'Rejected rows, by the code of their first error.', [
    'code',
  ]);

  readonly errorsLogRows = this.#counter('batch_errors_log_rows_total', 'Rejected rows for ERRORS_LOG.', ['result']);

  readonly transactions = this.#counter('batch_transactions_total', 'Transactions that ended, by how.', ['result']);
  readonly transactionDuration = this.#histogram(
    'batch_transaction_duration_seconds',
    'Time from the first record of a transaction to the answer that it is committed.',
    [],
    TRANSACTION_SECONDS,
  );
  readonly kafkaFailures = this.#counter('batch_kafka_failures_total', 'Calls to Kafka that failed.', ['kind']);
  readonly hangingTransactions = this.#counter(
    'batch_hanging_transactions_total',
    'Transactions of jobs that hung and were ended.',
  );

  readonly runnerExits = this.#counter('batch_runner_exits_total', 'Runners that went without being asked to.', [
    'reason',
  ]);

  readonly sinkRows = this.#counter('batch_sink_rows_total', 'Rows that a sink took or rejected.', ['sink', 'result']);
  readonly sinkFailures = this.#counter('batch_sink_failures_total', 'Loads that a sink could not go on with.', [
    'sink',
    'code',
  ]);
  readonly sinkExits = this.#counter('batch_sink_exits_total', 'Processes of sinks that ended unexpectedly.', ['sink']);

  readonly eventsPublished = this.#counter('batch_events_published_total', 'Job events that were acknowledged.');
  readonly readErrors = this.#counter('batch_metrics_errors_total', 'Metrics that could not be read for a scrape.', [
    'name',
  ]);

  readonly csvLines = this.#counter('ingest_csv_lines_total', 'Rows of CSV files.', ['status']);
  readonly csvDuration = this.#histogram(
    'ingest_csv_duration_seconds',
    'Time that a CSV file was worked on.',
    [],
    JOB_SECONDS,
  );
  readonly csvOffset = this.#gauge(
    'ingest_csv_current_offset',
    'Byte of its CSV file up to which the newest commit goes.',
  );
  readonly csvErrors = this.#counter('csv_processing_errors_total', 'Rejected rows and failed jobs of CSV files.', [
    'type',
  ]);

  constructor({ version, role }: { version: string; role: string }) {
    const build = { version, node: process.version, role };
    this.#gauge('batch_build_info', 'Always 1: what runs.', ['version', 'node', 'role']).set(build, 1);
    // A series that appears with its first event has not increased: those that alerts watch are there from the start.
    for (const reason of RUNNER_EXIT_REASONS) this.runnerExits.inc({ reason }, 0);
    this.jobsEnded.inc({ state: 'FAILED', code: 'CHECKPOINT_LOST' }, 0);
    this.uploads.inc({ result: 'INSUFFICIENT_STORAGE' }, 0);
  }

  /** Memory, processor time, garbage collection and the event loop of this process, from now on. Once. */
  observeProcess(): void {
    collectDefaultMetrics({ register: this.registry });
  }

  /**
   * A gauge that is read when somebody asks, as `read` says: one value, or one for each set of labels; none while there is
   * nothing to say. What fails is counted, and is absent.
   */
  gauge(name: string, help: string, read: () => Reading | Promise<Reading>, labels: string[] = []): void {
    const { readErrors } = this;
    new Gauge({
      name,
      help,
      labelNames: labels,
      registers: [this.registry],
      async collect() {
        let reading: Reading = null;
        try {
          reading = await read();
        } catch {
          readErrors.inc({ name });
        }
        // In one go: somebody else may be asking at the same time.
        this.reset();
        if (typeof reading === 'number') this.set(reading);
        else if (reading !== null) for (const { labels: own, value } of reading) this.set(own, value);
        // Without labels there is a 0 from the start.
        else if (labels.length === 0) this.remove();
      },
    });
  }

  #gauge<const L extends string = never>(name: string, help: string, labels: L[] = []): Gauge<L> {
    return new Gauge({ name, help, labelNames: labels, registers: [this.registry] });
  }

  #counter<const L extends string = never>(name: string, help: string, labels: L[] = []): Counter<L> {
    return new Counter({ name, help, labelNames: labels, registers: [this.registry] });
  }

  #histogram<const L extends string = never>(name: string, help: string, labels: L[], buckets: number[]): Histogram<L> {
    return new Histogram({ name, help, labelNames: labels, buckets, registers: [this.registry] });
  }
}
