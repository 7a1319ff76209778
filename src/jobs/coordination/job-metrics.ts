import type { FileFormat } from '../../ingest/index.js';
import type { Checkpoint } from '../../kafka/index.js';
import type { Metrics } from '../../observability/metrics/index.js';
import type { StoredJob } from '../domain/stored-job.js';

/** What a commit has added to those before. */
export interface CommitDelta {
  ok: number;
  errors: number;
  /** Bytes of the file. */
  bytes: number;
}

/** Counts what becomes of jobs in this process: once for each commit, never for each row. */
export class JobMetrics {
  constructor(private readonly metrics: Metrics) {}

  started(): void {
    this.metrics.jobsStarted.inc();
  }

  retried(): void {
    this.metrics.jobRetries.inc();
  }

  leaseLost(): void {
    this.metrics.leasesLost.inc();
  }

  committed(job: { modelId: string; format: FileFormat }, { ok, errors, bytes }: CommitDelta, at: Checkpoint): void {
    const { metrics } = this;
    const { format } = job;
    const model = metrics.models.of(job.modelId);
    metrics.rows.inc({ format, result: 'accepted' }, ok);
    metrics.rows.inc({ format, result: 'rejected' }, errors);
    metrics.modelRows.inc({ model, result: 'accepted' }, ok);
    metrics.modelRows.inc({ model, result: 'rejected' }, errors);
    metrics.bytes.inc({ format }, bytes);
    if (format !== 'csv') return;
    metrics.csvLines.inc({ status: 'read' }, ok + errors);
    metrics.csvLines.inc({ status: 'processed' }, ok);
    metrics.csvLines.inc({ status: 'error' }, errors);
    metrics.csvErrors.inc({ type: 'row' }, errors);
    metrics.csvOffset.set(at.position.byte);
  }

  /** The job has ended just now. */
  ended({ state, error, format, waitingMs, processingMs, startedAt }: StoredJob): void {
    const { metrics } = this;
    metrics.jobsEnded.inc({ state, code: error?.code ?? '' });
    metrics.jobWaiting.observe(waitingMs / 1000);
    if (startedAt === null) return;
    metrics.jobDuration.observe({ format }, processingMs / 1000);
    if (format !== 'csv') return;
    metrics.csvDuration.observe(processingMs / 1000);
    if (state === 'FAILED') metrics.csvErrors.inc({ type: 'job' });
  }
}
